//! Tables that departments fill in: CSV as Excel writes it, and .xlsx. Rows come with the number that a person sees beside
//! them.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use calamine::{Data, Reader as _};
use encoding_rs::{Encoding, GB18030};

/// Titles and remarks may stand above the header, in so many rows.
const HEADER_ROWS_MAX: usize = 10;

/// A column that is looked for, by the names that it may have.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The names, the first of which is told to people.
    pub names: &'static [&'static str],
    /// Whether a table without it is refused.
    pub need: Need,
}

/// Whether a table without a column is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is.
    Required,
    /// It is not.
    Optional,
}

/// A row that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, from 1.
    pub number: usize,
    /// A cell for each column that was looked for, trimmed; empty where there is none.
    pub cells: Vec<String>,
}

/// The rows of a table below its header, in the order of the file; rows without any text are passed over.
///
/// # Errors
/// The file is no table, or lacks a column.
pub fn read(path: &Path, bytes: &[u8], columns: &[Column]) -> anyhow::Result<Vec<Row>> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let rows = match ending.to_ascii_lowercase().as_str() {
        "csv" | "txt" => csv_rows(bytes),
        "xlsx" => xlsx_rows(bytes),
        _ => bail!("{} must end in .csv or .xlsx", path.display()),
    };
    let rows = rows.with_context(|| format!("{} cannot be read", path.display()))?;
    below_header(rows, columns).with_context(|| format!("{} does not fit", path.display()))
}

/// The text of a CSV file: UTF-8 or UTF-16 as its mark says, UTF-8 without one, or else GB18030, which Excel writes in China.
///
/// # Errors
/// It is none of these.
pub fn decode(bytes: &[u8]) -> anyhow::Result<String> {
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encoding = match marked {
        Some(encoding) => encoding,
        None if std::str::from_utf8(bytes).is_ok() => encoding_rs::UTF_8,
        None => GB18030,
    };
    let (text, _, broken) = encoding.decode(bytes);
    ensure!(!broken, "the text is neither UTF-8 nor GB18030; save it as one of them");
    Ok(text.into_owned())
}

fn csv_rows(bytes: &[u8]) -> anyhow::Result<Vec<Row>> {
    let text = decode(bytes)?;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = record.iter().map(|cell| cell.trim().to_owned()).collect();
        rows.push(Row { number: usize::try_from(line)?, cells });
    }
    Ok(rows)
}

fn xlsx_rows(bytes: &[u8]) -> anyhow::Result<Vec<Row>> {
    let mut book = calamine::Xlsx::new(std::io::Cursor::new(bytes))?;
    let range = book.worksheet_range_at(0).context("it has no sheet")??;
    let first = range.start().map_or(0, |(row, _)| row as usize);
    let rows = range.rows().enumerate().map(|(index, cells)| Row {
        number: first + index + 1,
        cells: cells.iter().map(cell_text).collect(),
    });
    Ok(rows.collect())
}

fn cell_text(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => {
            text.trim().to_owned()
        }
        Data::Int(number) => number.to_string(),
        // Codes that were typed as numbers: `510104`, not `510104.0`.
        Data::Float(number) => number.to_string(),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(time) => time.to_string(),
    }
}

fn below_header(rows: Vec<Row>, columns: &[Column]) -> anyhow::Result<Vec<Row>> {
    let place = |row: &Row, column: &Column| {
        row.cells.iter().position(|cell| {
            column.names.iter().any(|name| cell.trim_start_matches('*').eq_ignore_ascii_case(name))
        })
    };
    let names = || columns.iter().filter(|column| column.need == Need::Required);
    // The header is the row that has most of what is looked for.
    let header = rows
        .iter()
        .take(HEADER_ROWS_MAX)
        .max_by_key(|row| columns.iter().filter(|column| place(row, column).is_some()).count())
        .filter(|row| columns.iter().any(|column| place(row, column).is_some()));
    let Some(header) = header else {
        let wanted: Vec<&str> = names().map(|column| column.names[0]).collect();
        bail!("no header was found; name the columns {}", wanted.join(", "));
    };
    let missing: Vec<&str> = names()
        .filter(|column| place(header, column).is_none())
        .map(|column| column.names[0])
        .collect();
    ensure!(missing.is_empty(), "the header lacks {}", missing.join(", "));

    let places: Vec<_> = columns.iter().map(|column| place(header, column)).collect();
    let below = header.number;
    let said = rows.iter().filter(|row| row.number > below).map(|row| Row {
        number: row.number,
        cells: places
            .iter()
            .map(|place| place.and_then(|place| row.cells.get(place).cloned()).unwrap_or_default())
            .collect(),
    });
    Ok(said.filter(|row| row.cells.iter().any(|cell| !cell.is_empty())).collect())
}

#[cfg(test)]
mod tests;
