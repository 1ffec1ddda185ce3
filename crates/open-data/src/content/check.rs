//! Whether a file may be proposed as content of a catalogue entry.

use std::fmt;
use std::io::{self, Read};
use std::str;

use csv::ByteRecord;

use super::rows::{ROW_BYTES_MAX, RowError, Rows};
use super::value;
use crate::entry::{Item, Openness};

/// What a file that may be proposed holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Rows, the header not counted.
    pub(crate) rows: u64,
    /// Columns, in order.
    pub(crate) columns: Vec<String>,
}

/// Why a file was not found good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
}

/// What is wrong with a file, and where. Values are never repeated (H5), nor are headers that the catalogue doesn't know:
/// a file without a header has values there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub(crate) struct ContentError {
    pub(crate) place: Place,
    pub(crate) fault: Fault,
}

/// Where in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counted from 1; 0 is the header.
    pub(crate) row: u64,
    /// Counted from 1.
    pub(crate) column: Option<usize>,
    /// The catalogue's name of the column.
    pub(crate) item: Option<String>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there are no columns; the first row names them")]
    ColumnsMissing,
    #[error("no item of the catalogue entry has this name; correct it, or leave the column out")]
    ColumnUnknown,
    #[error("the catalogue does not open this item; leave the column out, or open it there first")]
    ColumnNotOpen,
    #[error("the catalogue calls this item sensitive, so it is never opened; leave the column out")]
    ColumnSensitive,
    #[error("the column is there twice; leave one out")]
    ColumnRepeated,
    #[error("the row has {found} values, the header {expected}")]
    RowRagged { found: usize, expected: usize },
    #[error("the row is longer than {ROW_BYTES_MAX} bytes; is a quote not closed?")]
    RowTooLong,
    #[error("a quote is not closed, here or before; write a quote within a value twice")]
    QuoteOpen,
    #[error("the text is not UTF-8; save the file in UTF-8")]
    NotUtf8,
    #[error("the value is missing, and the catalogue requires one")]
    ValueMissing,
    #[error("the value is longer than the {length_max} that the catalogue allows")]
    ValueTooLong { length_max: u32 },
    #[error("the value is not of type {kind}; write {expected}")]
    ValueType { kind: String, expected: &'static str },
}

/// Reads the whole file, and holds it against the items of its catalogue entry.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(file: impl Read, items: &[Item]) -> Result<Checked, CheckError> {
    let mut rows = Rows::new(file);
    let columns = match rows.next().map_err(|error| at_row(0, error))? {
        Some(header) => columns(header, items)?,
        None => return Err(error(0, None, Fault::ColumnsMissing).into()),
    };

    let mut count = 0;
    while let Some(record) = rows.next().map_err(|error| at_row(count + 1, error))? {
        count += 1;
        check_row(count, record, &columns)?;
    }
    if !rows.quotes_pair() {
        return Err(error(count, None, Fault::QuoteOpen).into());
    }
    let columns = columns.into_iter().map(|item| item.name.clone()).collect();
    Ok(Checked { rows: count, columns })
}

/// The items that the header names.
fn columns<'a>(header: &ByteRecord, items: &'a [Item]) -> Result<Vec<&'a Item>, ContentError> {
    let mut columns: Vec<&Item> = Vec::with_capacity(header.len());
    for (index, name) in header.iter().enumerate() {
        let wrong = |fault| error(0, Some((index, None)), fault);
        let name = str::from_utf8(name).map_err(|_| wrong(Fault::NotUtf8))?;
        let item = items.iter().find(|item| item.name == name);
        let item = item.ok_or_else(|| wrong(Fault::ColumnUnknown))?;

        let fault = match item.openness {
            Openness::Open if columns.contains(&item) => Fault::ColumnRepeated,
            Openness::Open => {
                columns.push(item);
                continue;
            }
            Openness::Closed => Fault::ColumnNotOpen,
            Openness::Sensitive => Fault::ColumnSensitive,
        };
        return Err(error(0, Some((index, Some(item))), fault));
    }
    Ok(columns)
}

fn check_row(row: u64, record: &ByteRecord, columns: &[&Item]) -> Result<(), ContentError> {
    if record.len() != columns.len() {
        let fault = Fault::RowRagged { found: record.len(), expected: columns.len() };
        return Err(error(row, None, fault));
    }
    for (index, (bytes, item)) in record.iter().zip(columns).enumerate() {
        if let Some(fault) = fault_of(bytes, item) {
            return Err(error(row, Some((index, Some(item))), fault));
        }
    }
    Ok(())
}

fn fault_of(bytes: &[u8], item: &Item) -> Option<Fault> {
    let Ok(text) = str::from_utf8(bytes) else { return Some(Fault::NotUtf8) };
    if text.is_empty() {
        return item.required.then_some(Fault::ValueMissing);
    }
    if !value::fits(item.kind, text) {
        let expected = value::expected(item.kind);
        return Some(Fault::ValueType { kind: item.kind.to_string(), expected });
    }
    let length_max = item.length_max;
    let too_long = length_max > 0
        && value::length(item.kind, text).is_some_and(|length| length > length_max as usize);
    too_long.then_some(Fault::ValueTooLong { length_max })
}

fn at_row(row: u64, failure: RowError) -> CheckError {
    match failure {
        RowError::TooLong => error(row, None, Fault::RowTooLong).into(),
        RowError::Read(source) => CheckError::Read(source),
    }
}

fn error(row: u64, column: Option<(usize, Option<&Item>)>, fault: Fault) -> ContentError {
    let place = Place {
        row,
        column: column.map(|(index, _)| index + 1),
        item: column.and_then(|(_, item)| item).map(|item| item.name.clone()),
    };
    ContentError { place, fault }
}

impl Fault {
    /// The stable code that clients may rely on.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::ColumnsMissing => "COLUMNS_MISSING",
            Self::ColumnUnknown => "COLUMN_UNKNOWN",
            Self::ColumnNotOpen => "COLUMN_NOT_OPEN",
            Self::ColumnSensitive => "COLUMN_SENSITIVE",
            Self::ColumnRepeated => "COLUMN_REPEATED",
            Self::RowRagged { .. } => "ROW_RAGGED",
            Self::RowTooLong => "ROW_TOO_LONG",
            Self::QuoteOpen => "QUOTE_OPEN",
            Self::NotUtf8 => "NOT_UTF8",
            Self::ValueMissing => "VALUE_MISSING",
            Self::ValueTooLong { .. } => "VALUE_TOO_LONG",
            Self::ValueType { .. } => "VALUE_TYPE",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row {
            0 => f.write_str("header")?,
            row => write!(f, "row {row}")?,
        }
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        match &self.item {
            Some(item) => write!(f, " ({item})"),
            None => Ok(()),
        }
    }
}
