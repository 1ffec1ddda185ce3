//! Where the headings are, and which column is where.

use std::collections::BTreeMap;
use std::iter::Peekable;

use crate::column::Column;
use crate::table::{Cell, Error, HEADER_ROWS, Row, Rows};

/// How many columns must be known for a row to be the headings.
const KNOWN_MIN: usize = 3;

/// Which column of the sheet holds what.
#[derive(Debug)]
pub(super) struct Layout {
    columns: BTreeMap<Column, u16>,
}

/// Reads up to the last row of the headings. `None`: there are none.
pub(super) fn find(rows: &mut Peekable<Rows>) -> Result<Option<Layout>, Error> {
    for _ in 0..HEADER_ROWS {
        let Some(row) = rows.next().transpose()? else { return Ok(None) };
        let alone = Layout::of(&row, None);
        let below = match rows.peek() {
            Some(Ok(below)) => Some(below),
            Some(Err(_)) | None => None,
        };
        // A title or an empty row is no upper row of headings.
        let upper = !alone.columns.is_empty();
        let both = below.filter(|below| upper && is_second(&row, below));
        let both = both.map(|below| Layout::of(below, Some(&row)));
        // Two rows of headings say more than the first of them.
        if let Some(both) = both
            && both.is_header()
            && both.columns.len() > alone.columns.len()
        {
            rows.next();
            return Ok(Some(both));
        }
        if alone.is_header() {
            return Ok(Some(alone));
        }
    }
    Ok(None)
}

/// Whether a row can be the lower one of two: it says nothing below the name's heading, which is merged downwards.
fn is_second(above: &Row, below: &Row) -> bool {
    let width = u16::try_from(above.cells.len()).unwrap_or(u16::MAX);
    (0..width).all(|column| {
        let is_name = Column::find("", above.cell(column).text()) == Some(Column::Name);
        !is_name || below.cell(column).is_empty()
    })
}

impl Layout {
    /// What the headings of `row` say, under those of `above`, of which each spans the empty cells after it.
    fn of(row: &Row, above: Option<&Row>) -> Self {
        let mut columns = BTreeMap::new();
        let mut group = "";
        let width = row.cells.len().max(above.map_or(0, |above| above.cells.len()));
        for column in 0..u16::try_from(width).unwrap_or(u16::MAX) {
            if let Some(own) = above.map(|above| above.cell(column).text())
                && !own.is_empty()
            {
                group = own;
            }
            let heading = row.cell(column).text();
            let spanned = above.is_some_and(|above| above.cell(column).is_empty());
            let found = match (heading, spanned) {
                ("", true) => None,
                _ => Column::find(group, heading),
            };
            if let Some(found) = found {
                columns.entry(found).or_insert(column);
            }
        }
        Self { columns }
    }

    fn is_header(&self) -> bool {
        self.columns.len() >= KNOWN_MIN && self.columns.contains_key(&Column::Name)
    }

    /// Where the column is, if the sheet has it.
    pub(super) fn place(&self, column: Column) -> Option<u16> {
        self.columns.get(&column).copied()
    }

    /// The cell of that column.
    pub(super) fn cell<'a>(&self, row: &'a Row, column: Column) -> &'a Cell {
        self.place(column).map_or(&Cell::Empty, |place| row.cell(place))
    }

    /// The text in that column.
    pub(super) fn text<'a>(&self, row: &'a Row, column: Column) -> &'a str {
        self.cell(row, column).text()
    }

    /// Whether the row says nothing of an entry: no known column is filled, or a single one that holds a remark.
    pub(super) fn is_blank(&self, row: &Row) -> bool {
        let filled: Vec<Column> = self
            .columns
            .iter()
            .filter(|(_, place)| !row.cell(**place).is_empty())
            .map(|(column, _)| *column)
            .collect();
        match filled.as_slice() {
            [] => true,
            [Column::Name | Column::Code | Column::ItemTitle | Column::ItemName] => false,
            [only] => {
                let text = self.text(row, *only);
                ["注", "说明", "填表", "备注", "合计"].iter().any(|word| text.starts_with(word))
            }
            _ => false,
        }
    }
}
