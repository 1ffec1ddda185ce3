//! The first rows, for people.

use std::fs::File;
use std::io;
use std::path::Path;

use super::rows::Rows;

const CELL_CHARACTERS_MAX: usize = 200;

/// The first `count` rows, without the header; long values are cut. It blocks.
pub(crate) fn preview(path: &Path, count: usize) -> io::Result<Vec<Vec<String>>> {
    let mut rows = Rows::new(File::open(path)?);
    rows.next().map_err(io::Error::other)?;
    let mut shown = Vec::with_capacity(count);
    while shown.len() < count {
        let Some(record) = rows.next().map_err(io::Error::other)? else { break };
        shown.push(record.iter().map(cell).collect());
    }
    Ok(shown)
}

fn cell(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(CELL_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}
