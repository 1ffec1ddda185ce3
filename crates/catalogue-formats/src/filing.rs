//! The filing sheet (编目表): one row an item, the resource's own columns on its first row alone.
//!
//! Titles may stand above the headings, the headings may take two rows, and cells that belong to several rows may be merged:
//! a merged cell has its value in its first row, which is how the rows are read anyway.

mod build;
mod header;

use std::iter::Peekable;
use std::path::Path;
use std::vec;

use crate::column::Column;
use crate::place::{Place, Record};
use crate::table::{self, Error, Row, Rows, Sheet};
use crate::words::plain;
use header::Layout;

/// The entries of a file, as they are read.
pub struct Filing {
    sheets: vec::IntoIter<Sheet>,
    current: Option<Entries>,
    any: bool,
}

/// The entries of one sheet.
struct Entries {
    sheet: String,
    layout: Layout,
    rows: Peekable<Rows>,
}

impl Filing {
    /// The entries of a workbook or of delimited text.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self::of(table::sheets(path)?))
    }

    /// The entries of these sheets; those that are no filing sheets are passed over.
    #[must_use]
    pub fn of(sheets: Vec<Sheet>) -> Self {
        Self { sheets: sheets.into_iter(), current: None, any: false }
    }
}

impl Iterator for Filing {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.current.as_mut().and_then(Entries::next) {
                return Some(record);
            }
            let Some(sheet) = self.sheets.next() else {
                // Said once: afterwards there is nothing to say.
                let any = std::mem::replace(&mut self.any, true);
                return (!any).then_some(Err(Error::HeaderMissing));
            };
            let mut rows = sheet.rows.peekable();
            match header::find(&mut rows) {
                Ok(Some(layout)) => {
                    self.any = true;
                    self.current = Some(Entries { sheet: sheet.name, layout, rows });
                }
                Ok(None) => self.current = None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Entries {
    fn next(&mut self) -> Option<Result<Record, Error>> {
        let first = loop {
            match self.rows.next()? {
                Ok(row) if self.layout.is_blank(&row) => {}
                Ok(row) => break row,
                Err(error) => return Some(Err(error)),
            }
        };
        let mut rows = vec![first];
        while let Some(Ok(row)) = self.rows.peek() {
            if !self.layout.is_blank(row) {
                if begins(&self.layout, row, &rows) {
                    break;
                }
                rows.push(row.clone());
            }
            self.rows.next();
        }
        Some(Ok(build::record(&self.layout, &Place::row(self.sheet.as_str(), 0), &rows)))
    }
}

/// Whether another entry begins here: its name, code or provider is said, and is another than before.
fn begins(layout: &Layout, row: &Row, before: &[Row]) -> bool {
    [Column::Name, Column::Code, Column::ProviderCode].into_iter().any(|column| {
        let said = plain(layout.text(row, column));
        let mut known = before.iter().map(|row| plain(layout.text(row, column)));
        !said.is_empty()
            && match known.find(|known| !known.is_empty()) {
                Some(known) => known != said,
                // An entry that lacks its name ends where a name is said.
                None => column == Column::Name,
            }
    })
}

#[cfg(test)]
mod tests;
