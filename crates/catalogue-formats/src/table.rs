//! Files as rows of cells: workbooks (.xlsx, .xls, .ods) and delimited text (.csv), in UTF-8, UTF-16 or GB18030.

mod delimited;
mod workbook;

use std::io::{self, Read as _};
use std::path::Path;

pub(crate) use delimited::guarded;

/// Files that are larger are refused.
pub const FILE_BYTES_MAX: u64 = 128 << 20;
/// Workbooks are compressed: those that hold more than this are refused before they fill the memory.
const INFLATED_BYTES_MAX: u64 = 1 << 30;
/// As many rows as a sheet of Excel can have.
const ROWS_MAX: u32 = 1_048_576;
/// What stands further to the right is no filing sheet.
const COLUMNS_MAX: u16 = 256;

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cell {
    /// Nothing, or spaces alone.
    #[default]
    Empty,
    /// A text, or a number or date as text.
    Text(String),
    /// A formula that failed, as the program that wrote it shows it, such as `#REF!`.
    Broken(String),
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its number, from 1.
    pub number: u32,
    /// Its cells, from column A on; those that are missing at the end are empty.
    pub cells: Vec<Cell>,
}

/// Rows as they are read.
pub type Rows = Box<dyn Iterator<Item = Result<Row, Error>> + Send>;

/// One sheet of a file.
pub struct Sheet {
    /// Its name; empty if the file has none.
    pub name: String,
    /// Its rows; those without a cell may be left out.
    pub rows: Rows,
}

/// Why a file cannot be read as a table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read at all.
    #[error("file cannot be read")]
    Io(#[from] io::Error),
    /// It is too large.
    #[error("file has more than {max} bytes; divide it")]
    TooLarge {
        /// The limit.
        max: u64,
    },
    /// It would unpack to more than is safe.
    #[error("workbook unpacks to more than {max} bytes; no filing sheet is that large")]
    Inflated {
        /// The limit.
        max: u64,
    },
    /// It is no workbook.
    #[error(
        "file is no workbook that can be read; save it as .xlsx without a password, or as .csv"
    )]
    Workbook(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its text is in no known encoding.
    #[error("text is neither UTF-8 nor GB18030; save the file as \"CSV UTF-8\"")]
    Encoding,
    /// A line of delimited text is malformed.
    #[error("delimited text is malformed")]
    Delimited(#[from] csv::Error),
    /// There are more rows than a sheet can have.
    #[error("there are more than {ROWS_MAX} rows; divide the file")]
    TooManyRows,
    /// Its ending says nothing that is known here.
    #[error("file must end in .xlsx, .xls, .ods, .csv, .json or .jsonl")]
    Ending,
    /// It holds no sheet with the columns of a filing.
    #[error(
        "no sheet has the columns of a filing: at least 信息资源名称 and two others must stand in one of its first \
         {HEADER_ROWS} rows; `publicdata catalog template --format xlsx` writes a sheet that has them"
    )]
    HeaderMissing,
    /// A JSON file is malformed, or an entry in it does not fit.
    #[error("JSON cannot be read")]
    Json(#[from] crate::json::Error),
}

/// How far down the headings may begin.
pub(crate) const HEADER_ROWS: usize = 30;

// === impl Cell ===

impl Cell {
    /// The cell with this text; spaces around it do not count.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim_matches(|character: char| {
            character.is_whitespace() || character == '\u{feff}' || character == '\0'
        });
        match text {
            "" => Self::Empty,
            text => Self::Text(text.to_owned()),
        }
    }

    /// What it says; nothing if it is empty or broken.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Empty | Self::Broken(_) => "",
        }
    }

    /// Whether nothing stands in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }
}

impl Row {
    /// The cell in this column.
    #[must_use]
    pub fn cell(&self, column: u16) -> &Cell {
        self.cells.get(usize::from(column)).unwrap_or(&Cell::Empty)
    }

    /// Whether nothing stands in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.iter().all(Cell::is_empty)
    }
}

/// The sheets of a file, in their order.
///
/// # Errors
/// The file cannot be read, is too large, or is not what its ending says.
pub fn sheets(path: &Path) -> Result<Vec<Sheet>, Error> {
    let bytes = read(path)?;
    match ending(path).as_str() {
        "xlsx" | "xlsm" | "xls" | "ods" | "et" => workbook::sheets(bytes),
        "csv" | "txt" | "tsv" => Ok(vec![delimited::sheet(&bytes)?]),
        _ => Err(Error::Ending),
    }
}

/// A file's ending, in lower case.
#[must_use]
pub fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(..=FILE_BYTES_MAX) => Ok(bytes),
        Ok(_) | Err(_) => Err(Error::TooLarge { max: FILE_BYTES_MAX }),
    }
}

#[cfg(test)]
mod tests;
