//! The items of an entry: a row each.

use publicdata_proto::catalog::v1::{Item, Mask, MaskParameters, SharingType};

use super::{Building, SHARINGS, YES, leading_digits, quoted};
use crate::column::Column;
use crate::place::Place;
use crate::table::Row;
use crate::words::{self, plain};

const TYPES: &str = "one of C N Y D T L M G B I F, or its word such as 字符型C";
const MASKS: &str = "否, or how it is masked: 置空, 部分遮盖, 假名化, 身份证号遮盖, 手机号遮盖, 姓名遮盖, 地址遮盖, \
                     银行卡号遮盖, 取到月, 取到年, 分段（width） or 取整（step）";

impl Building<'_> {
    /// The item of this row, if it has one.
    pub(super) fn item(&mut self, row: &Row) {
        let text = |column| self.layout.text(row, column).to_owned();
        let (title, name) = (text(Column::ItemTitle), plain(&text(Column::ItemName)));
        if title.is_empty() && name.is_empty() {
            return;
        }
        let index = self.record.description.items.len();
        let mut item = Item { title, name, ..Item::default() };
        let place = Place { row: row.number, ..self.record.place.clone() };
        self.record.cells.insert(format!("items[{index}]"), place);
        for column in [
            Column::ItemTitle,
            Column::ItemName,
            Column::ItemType,
            Column::ItemLength,
            Column::ItemRequired,
            Column::ItemMask,
            Column::ItemSharing,
            Column::ItemOpen,
        ] {
            let field = format!("items[{index}].{}", column.field());
            self.refuse_broken(row, column, &field);
            if self.layout.place(column).is_some() {
                self.record.cells.insert(field, self.place(column, row.number));
            }
        }
        self.item_name(row, index, &mut item);
        self.item_type(row, index, &mut item);
        self.item_rights(row, index, &mut item);
        self.record.description.items.push(item);
    }

    fn item_name(&mut self, row: &Row, index: usize, item: &mut Item) {
        if item.name.is_empty() {
            item.name = format!("item_{}", index + 1);
            let message = format!(
                "字段标识 is empty, and {} is assumed; write the column's name at the source",
                item.name
            );
            let place = self.place(Column::ItemName, row.number);
            self.record.warning(place, &format!("items[{index}].name"), message);
        }
    }

    fn item_type(&mut self, row: &Row, index: usize, item: &mut Item) {
        let field = |name: &str| format!("items[{index}].{name}");
        let text = self.layout.text(row, Column::ItemType);
        let place = self.place(Column::ItemType, row.number);
        match words::item_type(text) {
            Some((kind, length)) => {
                item.r#type = kind.into();
                item.length = length.unwrap_or_default();
            }
            None if self.has_mistake(&place) => {}
            None if text.is_empty() => {
                let message = format!("数据类型 is empty; write {TYPES}");
                self.record.mistake(place, &field("type"), message);
            }
            None => {
                let message = format!("`{}` is no type; write {TYPES}", quoted(text));
                self.record.mistake(place, &field("type"), message);
            }
        }
        let text = plain(self.layout.text(row, Column::ItemLength));
        match text.as_str() {
            "" | "-" | "/" | "无" | "—" => {}
            text => match leading_digits(text).parse() {
                Ok(length) => item.length = length,
                Err(_) => {
                    let place = self.place(Column::ItemLength, row.number);
                    let message = format!(
                        "`{}` is no length; write a whole number, or nothing",
                        quoted(text)
                    );
                    self.record.mistake(place, &field("length"), message);
                }
            },
        }
    }

    fn item_rights(&mut self, row: &Row, index: usize, item: &mut Item) {
        let required = self.item_word(row, Column::ItemRequired, index, (words::yes, YES));
        item.required = required.unwrap_or(false);
        let (mask, parameters) = self.item_mask(row, index);
        item.mask = mask.into();
        item.mask_parameters = parameters;

        let own = self.item_word(row, Column::ItemSharing, index, (words::sharing, SHARINGS));
        // Where items have no column of their own, what a later row says in the resource's is the item's.
        let own = match own {
            None if self.is_later(row) => {
                self.item_word(row, Column::SharingType, index, (words::sharing, SHARINGS))
            }
            own => own,
        };
        let whole = self.record.description.sharing_type();
        let explicit = self.layout.place(Column::ItemSharing).is_some();
        let own = own.filter(|own| explicit || *own != whole);
        item.sharing_type = own.unwrap_or_default().into();

        let open = self.item_word(row, Column::ItemOpen, index, (words::yes, YES));
        let open = match open {
            None if self.is_later(row) => {
                self.item_word(row, Column::Open, index, (words::yes, YES))
            }
            open => open,
        };
        let may_open = self.record.description.open
            && item.mask() == Mask::Unspecified
            && own.unwrap_or(whole) != SharingType::NotShared;
        item.open = open.unwrap_or(may_open);
    }

    /// 脱敏方式, or 是 for an item that is sensitive and does not say how it is masked.
    fn item_mask(&mut self, row: &Row, index: usize) -> (Mask, Option<MaskParameters>) {
        let text = self.layout.text(row, Column::ItemMask);
        if text.is_empty() {
            return (Mask::Unspecified, None);
        }
        if let Some(mask) = words::mask(text) {
            return mask;
        }
        let place = self.place(Column::ItemMask, row.number);
        let field = format!("items[{index}].mask");
        let mask = match words::yes(text) {
            Some(true) => {
                let message = format!("脱敏方式 is not said, and 置空 is assumed; write {MASKS}");
                self.record.warning(place, &field, message);
                Mask::Suppress
            }
            Some(false) => Mask::Unspecified,
            None => {
                let message = format!("`{}` is not known; write {MASKS}", quoted(text));
                self.record.mistake(place, &field, message);
                Mask::Unspecified
            }
        };
        (mask, None)
    }

    fn item_word<T>(
        &mut self,
        row: &Row,
        column: Column,
        index: usize,
        (find, known): (impl Fn(&str) -> Option<T>, &str),
    ) -> Option<T> {
        let text = self.layout.text(row, column);
        let found = find(text);
        if found.is_none() && !text.is_empty() {
            let place = self.place(column, row.number);
            let field = format!("items[{index}].{}", column.field());
            let message = format!("`{}` is not known; write {known}", quoted(text));
            self.record.mistake(place, &field, message);
        }
        found
    }

    fn is_later(&self, row: &Row) -> bool {
        self.rows.first().is_some_and(|first| first.number != row.number)
    }
}
