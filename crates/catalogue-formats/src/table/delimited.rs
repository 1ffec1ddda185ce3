//! Delimited text, in the encodings that Chinese office programs write.

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::{COLUMNS_MAX, Cell, Error, ROWS_MAX, Row, Sheet};

/// A cell that begins so would be a formula in a spreadsheet program; a quote before it makes it a text.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\''];

pub(super) fn sheet(bytes: &[u8]) -> Result<Sheet, Error> {
    let text = decoded(bytes)?;
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(&text))
        .from_reader(std::io::Cursor::new(text.into_bytes()));
    let rows = reader.into_records().map(|record| {
        let record = record?;
        let number = record.position().map_or(0, csv::Position::line);
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        if number > ROWS_MAX {
            return Err(Error::TooManyRows);
        }
        let cells = record.iter().take(usize::from(COLUMNS_MAX));
        Ok(Row { number, cells: cells.map(|cell| Cell::of(unguarded(cell))).collect() })
    });
    Ok(Sheet { name: String::new(), rows: Box::new(rows) })
}

/// The text without the quote that keeps it from being a formula.
fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA) => rest,
        Some(_) | None => text,
    }
}

/// The text with a quote before it, if it would be a formula otherwise.
pub(crate) fn guarded(text: &str) -> std::borrow::Cow<'_, str> {
    match text.starts_with(FORMULA) {
        true => format!("'{text}").into(),
        false => text.into(),
    }
}

fn decoded(bytes: &[u8]) -> Result<String, Error> {
    let encoding = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => GB18030,
    };
    let (text, malformed) = encoding.decode_with_bom_removal(bytes);
    match malformed || text.contains('\0') {
        true => Err(Error::Encoding),
        false => Ok(text.into_owned()),
    }
}

/// What divides the cells: of comma, tabulator and semicolon the one that the first lines have most of.
fn delimiter(text: &str) -> u8 {
    let count = |delimiter: &u8| {
        let lines = text.lines().take(super::HEADER_ROWS);
        lines.map(|line| line.bytes().filter(|byte| byte == delimiter).count()).sum::<usize>()
    };
    // Of equals the last wins, which is the comma.
    b";\t,".iter().copied().max_by_key(count).unwrap_or(b',')
}
