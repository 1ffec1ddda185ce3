//! Content as JSON: an array of objects, made piece by piece as it is read.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use futures::stream::{self, Stream};

use super::rows::Rows;
use super::value;
use crate::entry::Item;

const PIECE_BYTES: usize = 64 << 10;

struct Json {
    rows: Rows<File>,
    columns: Vec<Column>,
    begun: bool,
    ended: bool,
}

struct Column {
    /// The name as a key: `"code":`.
    key: Vec<u8>,
    item: Item,
}

/// The content as JSON. A piece is made when it is asked for, away from the async threads: whoever reads slowly holds neither
/// memory nor a thread.
pub(crate) fn json(path: PathBuf, items: Vec<Item>) -> impl Stream<Item = io::Result<Bytes>> {
    enum Step {
        Open(PathBuf, Vec<Item>),
        Go(Box<Json>),
    }

    stream::try_unfold(Step::Open(path, items), |step| async move {
        let piece = tokio::task::spawn_blocking(move || {
            let mut json = match step {
                Step::Open(path, items) => Box::new(Json::open(path, items)?),
                Step::Go(json) => json,
            };
            let piece = json.next_piece()?;
            Ok::<_, io::Error>((!piece.is_empty()).then(|| (Bytes::from(piece), Step::Go(json))))
        });
        piece.await.map_err(io::Error::other)?
    })
}

impl Json {
    fn open(path: PathBuf, items: Vec<Item>) -> io::Result<Self> {
        let mut rows = Rows::new(File::open(path)?);
        rows.next().map_err(io::Error::other)?;
        let columns = items.into_iter().map(Column::new).collect();
        Ok(Self { rows, columns, begun: false, ended: false })
    }

    /// Empty at the end.
    fn next_piece(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = Vec::new();
        if self.ended {
            return Ok(piece);
        }
        while piece.len() < PIECE_BYTES {
            let Some(record) = self.rows.next().map_err(io::Error::other)? else {
                piece.extend_from_slice(if self.begun { b"\n]\n" } else { b"[]\n" });
                self.ended = true;
                break;
            };
            piece.extend_from_slice(if self.begun { b",\n" } else { b"[\n" });
            self.begun = true;
            for (index, (column, bytes)) in self.columns.iter().zip(record).enumerate() {
                piece.push(if index == 0 { b'{' } else { b',' });
                piece.extend_from_slice(&column.key);
                // It was checked before it was kept, and its digest since.
                value::write_json(column.item.kind, &String::from_utf8_lossy(bytes), &mut piece);
            }
            piece.push(b'}');
        }
        Ok(piece)
    }
}

impl Column {
    fn new(item: Item) -> Self {
        let mut key = Vec::new();
        value::write_json_string(&item.name, &mut key);
        key.push(b':');
        Self { key, item }
    }
}
