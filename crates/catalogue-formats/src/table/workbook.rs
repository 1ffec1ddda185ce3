//! Workbooks. What they unpack to is bounded before they are read.

use std::io::{self, Cursor, Read as _};
use std::sync::Arc;
use std::vec;

use calamine::{Data, DataRef, Reader as _, Sheets, Xlsx};
use zip::ZipArchive;

use super::{COLUMNS_MAX, Cell, Error, INFLATED_BYTES_MAX, ROWS_MAX, Row, Sheet};

type Bytes = Cursor<Arc<[u8]>>;

pub(super) fn sheets(bytes: Vec<u8>) -> Result<Vec<Sheet>, Error> {
    let bytes: Bytes = Cursor::new(bytes.into());
    if bytes.get_ref().starts_with(b"PK") {
        check_inflated(bytes.clone(), INFLATED_BYTES_MAX)?;
    }
    let book = calamine::open_workbook_auto_from_rs(bytes).map_err(unreadable)?;
    match book {
        Sheets::Xlsx(book) => xlsx(book),
        Sheets::Xls(_) | Sheets::Xlsb(_) | Sheets::Ods(_) => dense(book),
    }
}

/// Unpacks everything once into nothing: what a file says of its own size proves nothing.
pub(super) fn check_inflated(bytes: Bytes, max: u64) -> Result<(), Error> {
    let mut archive = ZipArchive::new(bytes).map_err(unreadable)?;
    let mut left = max;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        let copied = io::copy(&mut entry.take(left + 1), &mut io::sink()).map_err(unreadable)?;
        let Some(rest) = left.checked_sub(copied) else {
            return Err(Error::Inflated { max });
        };
        left = rest;
    }
    Ok(())
}

/// Cell by cell: a sheet whose last cell is far away takes no room for those before it.
fn xlsx(mut book: Xlsx<Bytes>) -> Result<Vec<Sheet>, Error> {
    let mut sheets = Vec::new();
    for name in book.sheet_names() {
        let mut rows: Vec<Row> = Vec::new();
        let mut cells = match book.worksheet_cells_reader(&name) {
            Ok(cells) => cells,
            // A sheet that holds a chart has no cells.
            Err(calamine::XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(unreadable(error)),
        };
        while let Some(cell) = cells.next_cell().map_err(unreadable)? {
            let (row, column) = cell.get_position();
            let Some(column) = usize::try_from(column).ok().filter(|c| *c < COLUMNS_MAX.into())
            else {
                continue;
            };
            let cell = from_ref(cell.get_value());
            if cell.is_empty() {
                continue;
            }
            if row >= ROWS_MAX {
                return Err(Error::TooManyRows);
            }
            if rows.last().is_none_or(|last| last.number != row + 1) {
                rows.push(Row { number: row + 1, cells: Vec::new() });
            }
            if let Some(last) = rows.last_mut() {
                last.cells.resize(last.cells.len().max(column + 1), Cell::Empty);
                last.cells[column] = cell;
            }
        }
        sheets.push(sheet(name, rows));
    }
    Ok(sheets)
}

fn dense(mut book: Sheets<Bytes>) -> Result<Vec<Sheet>, Error> {
    let mut sheets = Vec::new();
    for name in book.sheet_names() {
        let range = book.worksheet_range(&name).map_err(unreadable)?;
        let (first_row, first_column) = range.start().unwrap_or_default();
        let before = usize::try_from(first_column).unwrap_or_default();
        let mut rows = Vec::new();
        for (index, cells) in (first_row + 1..).zip(range.rows()) {
            if index > ROWS_MAX {
                return Err(Error::TooManyRows);
            }
            let blank = std::iter::repeat_n(Cell::Empty, before);
            let cells = blank.chain(cells.iter().map(from_data)).take(COLUMNS_MAX.into());
            rows.push(Row { number: index, cells: cells.collect() });
        }
        sheets.push(sheet(name, rows));
    }
    Ok(sheets)
}

fn sheet(name: String, rows: Vec<Row>) -> Sheet {
    let rows: vec::IntoIter<Row> = rows.into_iter();
    Sheet { name, rows: Box::new(rows.map(Ok)) }
}

fn from_ref(value: &DataRef<'_>) -> Cell {
    if let DataRef::SharedString(text) = value {
        return Cell::of(text);
    }
    from_data(&Data::from(value.clone()))
}

fn from_data(value: &Data) -> Cell {
    match value {
        Data::Empty => Cell::Empty,
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Cell::of(text),
        Data::Int(number) => Cell::Text(number.to_string()),
        // Rust writes 3 for 3.0, and never an exponent.
        Data::Float(number) => Cell::Text(number.to_string()),
        Data::Bool(true) => Cell::Text("是".to_owned()),
        Data::Bool(false) => Cell::Text("否".to_owned()),
        Data::DateTime(time) => {
            let (year, month, day, ..) = time.to_ymd_hms_milli();
            Cell::Text(format!("{year:04}-{month:02}-{day:02}"))
        }
        Data::Error(error) => Cell::Broken(error.to_string()),
    }
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Workbook(error.into())
}
