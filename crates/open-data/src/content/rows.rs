//! Rows of a CSV file, each within bounds.

use std::io::{self, Read};

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

/// The longest row.
pub(super) const ROW_BYTES_MAX: usize = 1 << 20;
const BUFFER_BYTES: usize = 64 << 10;

/// Reads rows, the header as the first.
pub(super) struct Rows<R> {
    reader: Reader<Watched<R>>,
    record: ByteRecord,
}

/// Why there is no next row.
#[derive(Debug, thiserror::Error)]
pub(super) enum RowError {
    #[error("the row is too long")]
    TooLong,
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
}

/// Watches what is read: how much since the last row, and whether quotes pair.
struct Watched<R> {
    inner: R,
    since_row: usize,
    quotes: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("the row is too long")]
struct TooLong;

impl<R: Read> Rows<R> {
    pub(super) fn new(inner: R) -> Self {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER_BYTES)
            .from_reader(Watched { inner, since_row: 0, quotes: 0 });
        Self { reader, record: ByteRecord::new() }
    }

    /// The next row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&ByteRecord>, RowError> {
        let more = self.reader.read_byte_record(&mut self.record).map_err(row_error)?;
        self.reader.get_mut().since_row = 0;
        Ok(more.then_some(&self.record))
    }

    /// Whether as many quotes were closed as were opened, once all is read. The parser takes an open one for the end.
    pub(super) fn quotes_pair(&self) -> bool {
        self.reader.get_ref().quotes.is_multiple_of(2)
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row > ROW_BYTES_MAX {
            return Err(io::Error::other(TooLong));
        }
        let count = self.inner.read(buffer)?;
        self.since_row += count;
        self.quotes += buffer[..count].iter().filter(|byte| **byte == b'"').count();
        Ok(count)
    }
}

fn row_error(error: csv::Error) -> RowError {
    if let ErrorKind::Io(source) = error.kind()
        && source.get_ref().is_some_and(|source| source.is::<TooLong>())
    {
        return RowError::TooLong;
    }
    RowError::Read(error.into())
}
