//! What a catalogue entry says of a resource (R12.1), and every mistake it can make.

use std::collections::BTreeSet;

use publicdata_types::classification::Depth;
use publicdata_types::{
    ClassificationCode, DeliveryMode, ItemType, Mask, OrganisationCode, ResourceCode, SharingType,
};

/// Everything that a catalogue entry says, beside its code, version and life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// 信息资源名称.
    pub name: String,
    /// 信息资源摘要.
    pub abstract_: String,
    /// 信息资源分类.
    pub classification: ClassificationCode,
    /// 信息资源提供方.
    pub provider: OrganisationCode,
    /// 信息资源格式.
    pub format: Format,
    /// 信息项.
    pub items: Vec<Item>,
    /// 共享类型, with its condition or reason.
    pub sharing: Sharing,
    /// 共享方式.
    pub delivery_modes: BTreeSet<DeliveryMode>,
    /// 是否向社会开放.
    pub opening: Opening,
    /// 更新周期.
    pub update_cycle: UpdateCycle,
    /// 关联资源代码.
    pub related: Vec<ResourceCode>,
    /// 使用要求; may be empty.
    pub use_requirements: String,
    /// 数据对象: what each row is about, such as 自然人; empty if it is not said (R17.1).
    pub entity: String,
    /// The kind of file, database or service within the format, such as `xlsx`; may be empty.
    pub format_detail: String,
}

/// 信息项: one column of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The column's identifier at the source.
    pub name: String,
    /// The item's name for people, in Chinese.
    pub title: String,
    /// The type that values have.
    pub kind: ItemType,
    /// The greatest length, if one is set: characters of texts, digits of numbers.
    pub length: Option<u32>,
    /// Whether every row has a value.
    pub required: bool,
    /// How values are masked if the item is sensitive.
    pub mask: Option<Mask>,
    /// The item's own sharing type, if it is narrower than the resource's (R25.1).
    pub sharing: Option<SharingType>,
    /// Whether the item may be opened to the public where the resource is.
    pub open: bool,
}

/// How a resource is shared among departments (R25.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// 无条件共享.
    Unconditional,
    /// 有条件共享.
    Conditional {
        /// The condition, as it is published.
        condition: String,
    },
    /// 不予共享.
    NotShared {
        /// The reason, as it is published.
        reason: String,
    },
}

/// Whether a resource is opened to the public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It may be opened.
    Open {
        /// 开放条件; may be empty.
        condition: String,
    },
    /// It stays within the administration.
    NotOpen,
}

/// 信息资源格式, the national guide's seven kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 电子文件.
    ElectronicFile,
    /// 电子表格.
    Spreadsheet,
    /// 数据库.
    Database,
    /// 图形图像.
    Image,
    /// 流媒体.
    StreamingMedia,
    /// 自描述格式.
    SelfDescribing,
    /// 服务接口.
    ServiceInterface,
}

/// 更新周期.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateCycle {
    /// 实时.
    RealTime,
    /// 每日.
    Daily,
    /// 每周.
    Weekly,
    /// 每月.
    Monthly,
    /// 每季度.
    Quarterly,
    /// 每半年.
    HalfYearly,
    /// 每年.
    Yearly,
    /// 不定期.
    Irregular,
}

/// One thing that is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// A text that must be there is empty.
    #[error("{field} is empty")]
    Empty {
        /// Which text.
        field: &'static str,
    },
    /// A text is longer than a catalogue entry should be.
    #[error("{field} has {found} characters, at most {max} are allowed")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// The classification stops before 目.
    #[error("classification {code} is too general; name at least a 目, six digits")]
    ClassificationTooGeneral {
        /// The classification.
        code: ClassificationCode,
    },
    /// There is no item.
    #[error("no item is described; describe at least one")]
    ItemsMissing,
    /// There are too many.
    #[error("{found} items are described, at most {max} are allowed")]
    TooManyItems {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A column's identifier is none.
    #[error(
        "name of item {position} is not an identifier; begin with a letter, go on with letters, \
         digits and underscores, at most 63"
    )]
    ItemName {
        /// Which item, counted from 1.
        position: usize,
    },
    /// Two items have the same identifier; capital letters make no difference.
    #[error("item {name} is described twice; capital and small letters are not told apart")]
    DuplicateItem {
        /// The second one's name.
        name: String,
    },
    /// An item has no title.
    #[error("item {name} has no title")]
    ItemTitleMissing {
        /// The item.
        name: String,
    },
    /// An item is shared more widely than its resource.
    #[error("item {name} is shared more widely than its resource; narrow it or widen the resource")]
    ItemSharedWider {
        /// The item.
        name: String,
    },
    /// Shared data needs a way to be delivered.
    #[error("resource is shared and names no delivery mode; name at least one")]
    DeliveryModeMissing,
    /// What departments may not have, the public may not have either.
    #[error("resource is not shared, so it cannot be open to the public")]
    OpenNotShared,
    /// An item that departments may not have is to be opened.
    #[error("item {name} is not shared, so it cannot be open to the public")]
    OpenItemNotShared {
        /// The item.
        name: String,
    },
    /// A sensitive item is to be opened.
    #[error("item {name} is sensitive, so it cannot be open to the public")]
    OpenItemSensitive {
        /// The item.
        name: String,
    },
    /// The resource is open and none of its items are.
    #[error("resource is open to the public, and none of its items is; open at least one")]
    OpenItemsMissing,
}

const ITEMS_MAX: usize = 1_000;
const ITEM_NAME_LENGTH_MAX: usize = 63;

impl Description {
    /// Everything that is wrong with this description, in the order of its fields.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();

        required_text("name", &self.name, 200, &mut mistakes);
        required_text("abstract", &self.abstract_, 2_000, &mut mistakes);
        if self.classification.depth() < Depth::Category {
            let code = self.classification.clone();
            mistakes.push(Mistake::ClassificationTooGeneral { code });
        }
        self.check_items(&mut mistakes);
        self.check_sharing(&mut mistakes);
        self.check_opening(&mut mistakes);
        limited_text("use requirements", &self.use_requirements, 2_000, &mut mistakes);
        limited_text("entity", &self.entity, 100, &mut mistakes);
        limited_text("format detail", &self.format_detail, 100, &mut mistakes);

        mistakes
    }

    /// How an item is shared: as it says itself, else as the resource is.
    #[must_use]
    pub fn sharing_of(&self, item: &Item) -> SharingType {
        item.sharing.unwrap_or_else(|| self.sharing.kind())
    }

    fn check_items(&self, mistakes: &mut Vec<Mistake>) {
        match self.items.len() {
            0 => mistakes.push(Mistake::ItemsMissing),
            1..=ITEMS_MAX => {}
            found => mistakes.push(Mistake::TooManyItems { found, max: ITEMS_MAX }),
        }

        let mut names = BTreeSet::new();
        for (index, item) in self.items.iter().enumerate() {
            if !is_identifier(&item.name) {
                mistakes.push(Mistake::ItemName { position: index + 1 });
                continue;
            }
            let name = item.name.clone();
            if !names.insert(name.to_ascii_lowercase()) {
                mistakes.push(Mistake::DuplicateItem { name });
                continue;
            }
            if item.title.trim().is_empty() {
                mistakes.push(Mistake::ItemTitleMissing { name: name.clone() });
            }
            limited_text("item title", &item.title, 200, mistakes);
            if self.sharing_of(item) < self.sharing.kind() {
                mistakes.push(Mistake::ItemSharedWider { name });
            }
        }
    }

    fn check_sharing(&self, mistakes: &mut Vec<Mistake>) {
        match &self.sharing {
            Sharing::Unconditional => {}
            Sharing::Conditional { condition } => {
                required_text("sharing condition", condition, 2_000, mistakes);
            }
            Sharing::NotShared { reason } => {
                required_text("reason for not sharing", reason, 2_000, mistakes);
            }
        }
        if self.sharing.kind() != SharingType::NotShared && self.delivery_modes.is_empty() {
            mistakes.push(Mistake::DeliveryModeMissing);
        }
    }

    fn check_opening(&self, mistakes: &mut Vec<Mistake>) {
        let Opening::Open { condition } = &self.opening else { return };

        limited_text("opening condition", condition, 2_000, mistakes);
        if self.sharing.kind() == SharingType::NotShared {
            mistakes.push(Mistake::OpenNotShared);
            return;
        }
        if !self.items.is_empty() && !self.items.iter().any(|item| item.open) {
            mistakes.push(Mistake::OpenItemsMissing);
        }
        for item in self.items.iter().filter(|item| item.open) {
            let name = item.name.clone();
            if self.sharing_of(item) == SharingType::NotShared {
                mistakes.push(Mistake::OpenItemNotShared { name });
            } else if item.mask.is_some() {
                mistakes.push(Mistake::OpenItemSensitive { name });
            }
        }
    }
}

impl Sharing {
    /// The type alone.
    #[must_use]
    pub const fn kind(&self) -> SharingType {
        match self {
            Self::Unconditional => SharingType::Unconditional,
            Self::Conditional { .. } => SharingType::Conditional,
            Self::NotShared { .. } => SharingType::NotShared,
        }
    }
}

fn required_text(field: &'static str, text: &str, max: usize, mistakes: &mut Vec<Mistake>) {
    if text.trim().is_empty() {
        mistakes.push(Mistake::Empty { field });
    }
    limited_text(field, text, max, mistakes);
}

fn limited_text(field: &'static str, text: &str, max: usize, mistakes: &mut Vec<Mistake>) {
    let found = text.chars().count();
    if found > max {
        mistakes.push(Mistake::TooLong { field, found, max });
    }
}

fn is_identifier(name: &str) -> bool {
    name.len() <= ITEM_NAME_LENGTH_MAX
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

#[cfg(test)]
pub(crate) mod tests;
