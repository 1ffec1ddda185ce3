//! What a catalogue entry says of a resource (R12.1), and every mistake it can make.

mod checks;
mod difference;
mod mistake;
mod rules;
mod words;

use std::collections::BTreeSet;
use std::fmt;

use publicdata_types::quality::Quality;
use publicdata_types::{
    ClassificationCode, DeliveryMode, ItemType, Mask, OrganisationCode, ResourceCode, SharingType,
};

use crate::leadership::Leadership;

pub use difference::Difference;
pub use mistake::{Alike, Mistake, Text};
pub use publicdata_types::UpdateCycle;
pub use rules::RuleMistake;
pub(crate) use words::is_filler;

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
    /// What values have to be, beside present, of their type and not too long (R17.2).
    pub quality: Quality,
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

/// What is known beside a description, and can make a mistake of what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Another entry that whoever writes may know of, whose name is alike.
    pub alike: Option<Alike>,
    /// Whether an authority named the 项 of the classification; the regulation's own need nobody to name them.
    pub group_named: bool,
    /// Whether the provider registered an information system under this name.
    pub system_named: bool,
    /// Who writes the entries of its place in the classification (R16.1).
    pub leadership: Leadership,
}

impl Description {
    /// How an item is shared: as it says itself, else as the resource is.
    #[must_use]
    pub fn sharing_of(&self, item: &Item) -> SharingType {
        item.sharing.unwrap_or_else(|| self.sharing.kind())
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

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ElectronicFile => "electronic file",
            Self::Spreadsheet => "spreadsheet",
            Self::Database => "database",
            Self::Image => "image",
            Self::StreamingMedia => "streaming media",
            Self::SelfDescribing => "self-describing",
            Self::ServiceInterface => "service interface",
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
