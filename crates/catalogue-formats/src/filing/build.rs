//! The rows of one entry to a record, with what each cell had wrong.

mod items;

use publicdata_proto::catalog::v1::{DeliveryMode, Format, SharingType};

use super::header::Layout;
use crate::column::Column;
use crate::place::{Place, Record};
use crate::table::{Cell, Row};
use crate::words::{self, plain};

const FORMATS: &str = "电子文件, 电子表格, 数据库, 图形图像, 流媒体, 自描述格式 or 服务接口";
const SHARINGS: &str = "无条件共享, 有条件共享 or 不予共享";
const CYCLES: &str = "实时, 每日, 每周, 每月, 每季度, 每半年, 每年 or 不定期";
const MODES: &str = "数据服务封装, 批量获取 or 数据推送; several with 、 between them";
const YES: &str = "是 or 否";
/// How much of a cell a finding quotes.
const QUOTED_MAX: usize = 30;

/// The entry that these rows describe; `sheet` says in which sheet they stand.
pub(super) fn record(layout: &Layout, sheet: &Place, rows: &[Row]) -> Record {
    let first = rows.first().map_or(0, |row| row.number);
    let place = Place { row: first, ..sheet.clone() };
    let record = Record { place, ..Record::default() };
    let mut building = Building { layout, rows, record };

    building.texts();
    building.classification();
    building.vocabulary();
    building.delivery();
    building.opening();
    for row in rows {
        building.item(row);
    }
    building.leftovers();
    building.record
}

struct Building<'a> {
    layout: &'a Layout,
    rows: &'a [Row],
    record: Record,
}

impl Building<'_> {
    /// What the entry says in this column, from the first row that says anything.
    fn said(&mut self, column: Column) -> (String, Place) {
        let row = self.rows.iter().find(|row| !self.layout.cell(row, column).is_empty());
        let number = row.or_else(|| self.rows.first()).map_or(0, |row| row.number);
        let text = match row.map(|row| self.layout.cell(row, column)) {
            Some(Cell::Text(text)) => text.clone(),
            Some(Cell::Broken(_) | Cell::Empty) | None => String::new(),
        };
        let place = self.place(column, number);
        if let Some(row) = row {
            self.refuse_broken(row, column, column.field());
        }
        if self.layout.place(column).is_some() {
            self.record.cells.entry(column.field().to_owned()).or_insert_with(|| place.clone());
        }
        (text, place)
    }

    fn place(&self, column: Column, row: u32) -> Place {
        let row = Place { row, ..self.record.place.clone() };
        match self.layout.place(column) {
            Some(column) => row.cell(column),
            None => row,
        }
    }

    fn refuse_broken(&mut self, row: &Row, column: Column, field: &str) {
        if let Cell::Broken(shown) = self.layout.cell(row, column) {
            let place = self.place(column, row.number);
            let message = format!("its formula failed ({shown}); write the value itself");
            self.record.mistake(place, field, message);
        }
    }

    fn texts(&mut self) {
        self.record.code = plain(&self.said(Column::Code).0);
        self.said(Column::ProviderName);
        self.record.description.name = self.said(Column::Name).0;
        self.record.description.r#abstract = self.said(Column::Abstract).0;
        let provider = plain(&self.said(Column::ProviderCode).0).to_uppercase();
        self.record.description.provider_code = provider.replace(' ', "");
        self.record.description.entity = self.said(Column::Entity).0;
        self.record.description.format_detail = self.said(Column::FormatDetail).0;
        self.record.description.use_requirements = self.said(Column::UseRequirements).0;
        self.record.description.sharing_condition = self.said(Column::SharingCondition).0;
        self.record.description.related_codes = related(&self.said(Column::Related).0);

        let (published, place) = self.said(Column::PublishedOn);
        if !published.is_empty() && !words::is_date(&published) {
            let message = format!(
                "`{}` is no date; the platform keeps the date of publication itself",
                quoted(&published)
            );
            self.record.warning(place, "published_on", message);
        }
    }

    /// The classification in digits: from one cell, from the cells of its parts, or from the code.
    fn classification(&mut self) {
        let (whole, place) = self.said(Column::ClassificationCode);
        let digits = leading_digits(&whole);
        if !digits.is_empty() {
            self.record.description.classification_code = digits;
            return;
        }
        let mut code = String::new();
        for (column, width) in
            [(Column::Class, 1), (Column::Group, 2), (Column::Category, 3), (Column::Detail, 0)]
        {
            let (text, _) = self.said(column);
            match part(column, &text) {
                Some(digits) => code.push_str(&format!("{digits:0>width$}")),
                None => break,
            }
        }
        if code.len() >= 6 {
            self.record.description.classification_code = code;
            return;
        }
        match self.record.code.split_once('/') {
            Some((given, _)) => self.record.description.classification_code = given.to_owned(),
            None => {
                let message = "classification is not said in digits; write its code, such as 302001: 类 (1 digit), 项 \
                               (2), 目 (3), 细目 (any)";
                self.record.mistake(place, "classification_code", message);
            }
        }
    }

    fn vocabulary(&mut self) {
        let format = self.word(Column::Format, words::format, FORMATS, Needed::Yes);
        self.record.description.format = format.unwrap_or_default().into();
        let sharing = self.word(Column::SharingType, words::sharing, SHARINGS, Needed::Yes);
        self.record.description.sharing_type = sharing.unwrap_or_default().into();
        let cycle = self.word(Column::UpdateCycle, words::cycle, CYCLES, Needed::Yes);
        self.record.description.update_cycle = cycle.unwrap_or_default().into();
    }

    fn word<T>(
        &mut self,
        column: Column,
        find: impl Fn(&str) -> Option<T>,
        known: &str,
        needed: Needed,
    ) -> Option<T> {
        let (text, place) = self.said(column);
        let message = match (text.as_str(), find(&text), needed) {
            ("", _, Needed::No) => return None,
            ("", ..) if self.has_mistake(&place) => return None,
            ("", ..) => format!("{} is empty; write {known}", column.heading()),
            (_, Some(value), _) => return Some(value),
            (text, None, _) => format!("`{}` is not known; write {known}", quoted(text)),
        };
        self.record.mistake(place, column.field(), message);
        None
    }

    fn has_mistake(&self, place: &Place) -> bool {
        self.record.findings.iter().any(|finding| finding.place == *place)
    }

    fn delivery(&mut self) {
        let (channel, channel_place) = self.said(Column::DeliveryChannel);
        let (text, place) = self.said(Column::DeliveryModes);
        let description = &self.record.description;
        let shared = description.sharing_type() != SharingType::NotShared;
        let likely = match description.format() == Format::ServiceInterface {
            true => DeliveryMode::Query,
            false => DeliveryMode::Bulk,
        };
        match words::modes(&text) {
            Ok(modes) if modes.is_empty() && !channel.is_empty() && shared => {
                let message = format!(
                    "共享方式 names a channel alone, and {} is assumed; write {MODES}",
                    words::mode_word(likely)
                );
                self.record.warning(channel_place, "delivery_modes", message);
                self.record.description.delivery_modes = vec![likely.into()];
            }
            Ok(modes) => self.record.description.delivery_modes = modes.into_iter().collect(),
            Err(word) => {
                let message = format!("`{}` is not known; write {MODES}", quoted(&word));
                self.record.mistake(place, "delivery_modes", message);
            }
        }
    }

    fn opening(&mut self) {
        let open = self.word(Column::Open, words::yes, YES, Needed::No);
        let (condition, place) = self.said(Column::OpenCondition);
        let nothing = matches!(plain(&condition).as_str(), "无" | "/" | "-" | "—");
        self.record.description.open = open.unwrap_or(false);
        match open {
            Some(true) | None if nothing => {}
            Some(true) => self.record.description.open_condition = condition,
            _ if condition.is_empty() || nothing => {}
            _ => {
                let message = "开放条件 is said, but the resource is not open; write 是 in 是否向社会开放, or leave the \
                               condition out";
                self.record.mistake(place, "open_condition", message);
            }
        }
    }

    /// A resource says each thing once: what a later row says otherwise is a mistake.
    fn leftovers(&mut self) {
        const ONCE: [Column; 12] = [
            Column::ClassificationCode,
            Column::ProviderCode,
            Column::Abstract,
            Column::Entity,
            Column::Format,
            Column::FormatDetail,
            Column::SharingCondition,
            Column::DeliveryModes,
            Column::OpenCondition,
            Column::UpdateCycle,
            Column::Related,
            Column::UseRequirements,
        ];
        for column in ONCE {
            let said = |row: &&Row| !self.layout.cell(row, column).is_empty();
            let Some(first) = self.rows.iter().find(said) else { continue };
            let known = plain(self.layout.text(first, column));
            let other = self.rows.iter().find(|row| {
                let text = plain(self.layout.text(row, column));
                !text.is_empty() && text != known
            });
            if let Some(other) = other {
                let message = format!(
                    "{} differs from row {} of the same resource; a resource says it once",
                    column.heading(),
                    first.number
                );
                let place = self.place(column, other.number);
                self.record.mistake(place, column.field(), message);
            }
        }
    }
}

/// Whether a cell must say something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needed {
    Yes,
    No,
}

/// The digits of a part of the classification; 类 may be said by its word.
fn part(column: Column, text: &str) -> Option<String> {
    let digits = leading_digits(text);
    if !digits.is_empty() {
        return Some(digits);
    }
    let class = ["基础", "主题", "部门"].iter().position(|word| text.contains(word))?;
    (column == Column::Class).then(|| (class + 1).to_string())
}

/// The digits that a text begins with, up to a slash or a word.
fn leading_digits(text: &str) -> String {
    plain(text).chars().take_while(char::is_ascii_digit).collect()
}

/// Codes in one cell. The slash within a code divides nothing.
fn related(text: &str) -> Vec<String> {
    plain(text)
        .split(['、', ',', ';', '|', '\n', ' '])
        .map(str::trim)
        .filter(|part| !matches!(*part, "" | "无" | "-" | "—" | "/"))
        .map(ToOwned::to_owned)
        .collect()
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
