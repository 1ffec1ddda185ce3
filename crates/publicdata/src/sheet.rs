//! Tables that departments fill in, by the names of their columns. Rows come with the number that a person sees beside them.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use publicdata_catalogue_formats::table;

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

/// The rows of a file's first sheet below its header, in their order; rows without any text are passed over.
///
/// # Errors
/// The file is no table, or lacks a column.
pub fn read(path: &Path, columns: &[Column]) -> anyhow::Result<Vec<Row>> {
    let rows = rows(path).with_context(|| format!("{} cannot be read", path.display()))?;
    below_header(rows, columns).with_context(|| format!("{} does not fit", path.display()))
}

fn rows(path: &Path) -> anyhow::Result<Vec<Row>> {
    let first = table::sheets(path)?.into_iter().next().context("it has no sheet")?;
    let mut rows = Vec::new();
    for row in first.rows {
        let row = row?;
        let cells = row.cells.iter().map(|cell| cell.text().to_owned()).collect();
        rows.push(Row { number: usize::try_from(row.number)?, cells });
    }
    Ok(rows)
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
