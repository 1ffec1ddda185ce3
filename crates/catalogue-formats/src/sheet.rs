//! Entries as the filing sheet, in the columns that an import reads; and an empty sheet to fill in.

mod plain;
mod template;

use std::io::{self, Write};
use std::path::Path;

use publicdata_proto::catalog::v1::{Item, Resource, ResourceDescription};
use rust_xlsxwriter::{Format, FormatAlign, Workbook, XlsxError};

use crate::column::{Column, SHEET};
use crate::table::guarded;
use crate::words;

pub use plain::{CsvTable, WorkbookTable};
pub use template::{EXAMPLE, template};

/// A sheet of Excel has no more rows.
const ROWS_MAX: u32 = 1_048_576;
const SHEET_NAME: &str = "目录";

/// Why a sheet cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, or the folder cannot be written to.
    #[error("file cannot be written")]
    Io(#[from] io::Error),
    /// The same, from a workbook; or a text is too long for a cell.
    #[error("workbook cannot be written")]
    Workbook(#[from] XlsxError),
    /// The same, from delimited text.
    #[error("CSV cannot be written")]
    Csv(#[from] csv::Error),
}

/// A workbook that is being written, row by row; what was written before stays out of memory.
pub struct WorkbookWriter {
    book: Workbook,
    row: u32,
    sheets: u32,
}

/// Delimited text that is being written: UTF-8 with a mark, so that Excel reads it right.
pub struct CsvWriter<W: Write> {
    writer: csv::Writer<W>,
}

// === impl WorkbookWriter ===

impl WorkbookWriter {
    /// Begins a workbook.
    ///
    /// # Errors
    /// No temporary file can be had.
    pub fn new() -> Result<Self, Error> {
        let mut writer = Self { book: Workbook::new(), row: 0, sheets: 0 };
        writer.begin()?;
        Ok(writer)
    }

    /// Adds an entry: a row an item. When a sheet is full, another begins.
    ///
    /// # Errors
    /// The disk is full, or a text is too long for a cell.
    pub fn write(&mut self, resource: &Resource) -> Result<(), Error> {
        let rows = rows(resource);
        if u64::from(self.row) + rows.len() as u64 > u64::from(ROWS_MAX) {
            self.begin()?;
        }
        let last = usize::try_from(self.sheets).unwrap_or(1) - 1;
        let sheet = self.book.worksheet_from_index(last)?;
        for cells in rows {
            for (column, text) in (0..).zip(&cells).filter(|(_, text)| !text.is_empty()) {
                sheet.write_string(self.row, column, text)?;
            }
            self.row += 1;
        }
        Ok(())
    }

    /// Writes the workbook to its place.
    ///
    /// # Errors
    /// The disk is full, or the place cannot be written to.
    pub fn finish(mut self, path: &Path) -> Result<(), Error> {
        Ok(self.book.save(path)?)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.sheets += 1;
        let sheet = self.book.add_worksheet_with_constant_memory()?;
        sheet.set_name(match self.sheets {
            1 => SHEET_NAME.to_owned(),
            number => format!("{SHEET_NAME}{number}"),
        })?;
        sheet.set_freeze_panes(1, 2)?;
        let bold = heading_format();
        for (column, heading) in (0..).zip(SHEET) {
            sheet.set_column_width(column, f64::from(width(heading)))?;
            sheet.write_string_with_format(0, column, heading.heading(), &bold)?;
        }
        self.row = 1;
        Ok(())
    }
}

// === impl CsvWriter ===

impl<W: Write> CsvWriter<W> {
    /// Begins the text with its headings.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(mut inner: W) -> Result<Self, Error> {
        inner.write_all("\u{feff}".as_bytes())?;
        let mut writer = csv::Writer::from_writer(inner);
        writer.write_record(SHEET.map(Column::heading))?;
        Ok(Self { writer })
    }

    /// Adds an entry: a line an item.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, resource: &Resource) -> Result<(), Error> {
        for cells in rows(resource) {
            let cells = cells.iter().map(|cell| guarded(cell));
            self.writer.write_record(cells.map(std::borrow::Cow::into_owned))?;
        }
        Ok(())
    }

    /// Everything that was written.
    ///
    /// # Errors
    /// The last of it cannot be written.
    pub fn finish(self) -> Result<W, Error> {
        self.writer.into_inner().map_err(|error| Error::Io(error.into_error()))
    }
}

/// An entry as rows of the sheet: its own columns on the first alone, but for its code, which says where the next begins.
#[must_use]
pub fn rows(resource: &Resource) -> Vec<Vec<String>> {
    let fallback = ResourceDescription::default();
    let description = resource.description.as_ref().unwrap_or(&fallback);
    let none = Item::default();
    let mut items: Vec<&Item> = description.items.iter().collect();
    if items.is_empty() {
        items.push(&none);
    }
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            SHEET
                .iter()
                .map(|column| match (own(*column, resource, description), index) {
                    (Some(text), 0) => text,
                    (Some(_), _) if *column == Column::Code => resource.code.clone(),
                    (Some(_), _) => String::new(),
                    (None, _) => of_item(*column, item),
                })
                .collect()
        })
        .collect()
}

/// What an entry's own columns say; `None` for those of its items.
fn own(column: Column, resource: &Resource, says: &ResourceDescription) -> Option<String> {
    let modes = || says.delivery_modes().map(words::mode_word).collect::<Vec<_>>().join("、");
    Some(match column {
        Column::ClassificationCode => says.classification_code.clone(),
        Column::Name => says.name.clone(),
        Column::Code => resource.code.clone(),
        Column::ProviderName => resource.provider_name.clone(),
        Column::ProviderCode => says.provider_code.clone(),
        Column::Abstract => says.r#abstract.clone(),
        Column::Entity => says.entity.clone(),
        Column::Format => words::format_word(says.format()).to_owned(),
        Column::FormatDetail => says.format_detail.clone(),
        Column::SharingType => words::sharing_word(says.sharing_type()).to_owned(),
        Column::SharingCondition => says.sharing_condition.clone(),
        Column::DeliveryModes => modes(),
        Column::Open => words::yes_word(says.open).to_owned(),
        Column::OpenCondition => says.open_condition.clone(),
        Column::UpdateCycle => words::cycle_word(says.update_cycle()).to_owned(),
        Column::PublishedOn => resource.published_on.clone(),
        Column::Related => says.related_codes.join("、"),
        Column::UseRequirements => says.use_requirements.clone(),
        Column::Class
        | Column::Group
        | Column::Category
        | Column::Detail
        | Column::DeliveryChannel
        | Column::ItemTitle
        | Column::ItemName
        | Column::ItemType
        | Column::ItemLength
        | Column::ItemRequired
        | Column::ItemMask
        | Column::ItemSharing
        | Column::ItemOpen => return None,
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a table of the columns that matter here")]
fn of_item(column: Column, item: &Item) -> String {
    if item.name.is_empty() && item.title.is_empty() {
        return String::new();
    }
    match column {
        Column::ItemTitle => item.title.clone(),
        Column::ItemName => item.name.clone(),
        Column::ItemType => words::item_type_word(item.r#type()).to_owned(),
        Column::ItemLength if item.length > 0 => item.length.to_string(),
        Column::ItemRequired => words::yes_word(item.required).to_owned(),
        Column::ItemMask => words::mask_text(item),
        Column::ItemSharing => words::sharing_word(item.sharing_type()).to_owned(),
        Column::ItemOpen => words::yes_word(item.open).to_owned(),
        _ => String::new(),
    }
}

fn heading_format() -> Format {
    Format::new().set_bold().set_text_wrap().set_align(FormatAlign::VerticalCenter)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a table of the columns that matter here")]
const fn width(column: Column) -> u8 {
    match column {
        Column::Name | Column::Abstract | Column::UseRequirements => 30,
        Column::ProviderCode | Column::ProviderName | Column::SharingCondition => 22,
        Column::ClassificationCode | Column::Code | Column::ItemTitle | Column::ItemName => 16,
        _ => 13,
    }
}

#[cfg(test)]
mod tests;
