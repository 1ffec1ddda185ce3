//! Plain tables, for reports: headings, and rows of texts.

use std::io::Write;
use std::path::Path;

use rust_xlsxwriter::Workbook;

use super::{Error, heading_format};
use crate::table::guarded;

/// A workbook of one sheet, written row by row.
pub struct WorkbookTable {
    book: Workbook,
    row: u32,
}

/// Delimited text: UTF-8 with a mark, so that Excel reads it right.
pub struct CsvTable<W: Write>(csv::Writer<W>);

impl WorkbookTable {
    /// Begins a workbook with a sheet of this name.
    ///
    /// # Errors
    /// No temporary file can be had.
    pub fn new(name: &str, headings: &[&str]) -> Result<Self, Error> {
        let mut book = Workbook::new();
        let bold = heading_format();
        let sheet = book.add_worksheet_with_constant_memory()?.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (column, heading) in (0..).zip(headings) {
            sheet.set_column_width(column, 20.0)?;
            sheet.write_string_with_format(0, column, *heading, &bold)?;
        }
        Ok(Self { book, row: 1 })
    }

    /// Adds a row. What comes after the last row that a sheet can have is left out.
    ///
    /// # Errors
    /// The disk is full.
    pub fn write(&mut self, cells: &[String]) -> Result<(), Error> {
        if self.row >= super::ROWS_MAX {
            return Ok(());
        }
        let sheet = self.book.worksheet_from_index(0)?;
        for (column, text) in (0..).zip(cells) {
            sheet.write_string(self.row, column, text)?;
        }
        self.row += 1;
        Ok(())
    }

    /// Writes the workbook to its place.
    ///
    /// # Errors
    /// The disk is full, or the place cannot be written to.
    pub fn finish(mut self, path: &Path) -> Result<(), Error> {
        Ok(self.book.save(path)?)
    }
}

impl<W: Write> CsvTable<W> {
    /// Begins the text with its headings.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(mut inner: W, headings: &[&str]) -> Result<Self, Error> {
        inner.write_all("\u{feff}".as_bytes())?;
        let mut writer = csv::Writer::from_writer(inner);
        writer.write_record(headings)?;
        Ok(Self(writer))
    }

    /// Adds a row.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, cells: &[String]) -> Result<(), Error> {
        self.0.write_record(cells.iter().map(|cell| guarded(cell).into_owned()))?;
        Ok(())
    }

    /// Everything that was written.
    ///
    /// # Errors
    /// The last of it cannot be written.
    pub fn finish(self) -> Result<W, Error> {
        self.0.into_inner().map_err(|error| Error::Io(error.into_error()))
    }
}
