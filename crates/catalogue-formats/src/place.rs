//! An entry as it stood in a file, where it stood, and what was found wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use publicdata_proto::catalog::v1::ResourceDescription;

/// Where something stands in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The sheet; empty if the file has none.
    pub sheet: String,
    /// The row or line, counted from 1; 0 if it is the file as a whole.
    pub row: u32,
    /// The column, counted from 0, if it is one cell.
    pub column: Option<u16>,
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The entry can be taken as it is; somebody should look at it.
    Warning,
    /// The entry cannot be taken.
    Mistake,
}

/// One thing that is wrong, or that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it stands.
    pub place: Place,
    /// The field of the entry, as messages name it: `name`, `items[2].type`.
    pub field: String,
    /// How much it weighs.
    pub severity: Severity,
    /// What was wrong, and what to write.
    pub message: String,
}

/// An entry as a file has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Where it begins.
    pub place: Place,
    /// The code that the file gives it; empty if it gives none.
    pub code: String,
    /// What it says, as far as it could be read.
    pub description: ResourceDescription,
    /// What was found while reading.
    pub findings: Vec<Finding>,
    /// Which field came from which cell.
    pub cells: BTreeMap<String, Place>,
}

impl Place {
    /// A row or line as a whole.
    #[must_use]
    pub fn row(sheet: impl Into<String>, row: u32) -> Self {
        Self { sheet: sheet.into(), row, column: None }
    }

    /// The cell of this row in that column.
    #[must_use]
    pub fn cell(&self, column: u16) -> Self {
        Self { column: Some(column), ..self.clone() }
    }

    /// The cell as spreadsheets name it, such as `C17`; empty if it is no cell.
    #[must_use]
    pub fn address(&self) -> String {
        match self.column {
            Some(column) => format!("{}{}", letters(column), self.row),
            None => String::new(),
        }
    }
}

/// `目录!C17`, `C17`, or `row 17`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.sheet.is_empty() {
            write!(f, "{}!", self.sheet)?;
        }
        match (self.row, self.column) {
            (0, _) => f.write_str("file"),
            (row, None) => write!(f, "row {row}"),
            (_, Some(_)) => f.write_str(&self.address()),
        }
    }
}

impl Record {
    /// Whether it can be taken, as far as reading it tells.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity < Severity::Mistake)
    }

    /// Where the field stands: its own cell, that of the item it belongs to, or else the row that the entry begins in.
    #[must_use]
    pub fn place_of(&self, field: &str) -> &Place {
        let item = field.split_once('.').map_or(field, |(item, _)| item);
        self.cells.get(field).or_else(|| self.cells.get(item)).unwrap_or(&self.place)
    }

    pub(crate) fn mistake(&mut self, place: Place, field: &str, message: impl Into<String>) {
        self.find(place, field, Severity::Mistake, message.into());
    }

    #[cfg(feature = "sheets")]
    pub(crate) fn warning(&mut self, place: Place, field: &str, message: impl Into<String>) {
        self.find(place, field, Severity::Warning, message.into());
    }

    fn find(&mut self, place: Place, field: &str, severity: Severity, message: String) {
        self.findings.push(Finding { place, field: field.to_owned(), severity, message });
    }
}

/// A column's letters: A to Z, then AA.
fn letters(column: u16) -> String {
    let (mut rest, mut letters) = (u32::from(column) + 1, Vec::new());
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests;
