//! Everything that can be wrong with a description, each with what to do about it.

use publicdata_types::{ClassificationCode, DeliveryMode, ItemType, Mask, ResourceCode};

use super::{Format, RuleMistake};

/// A text of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// 信息资源名称.
    Name,
    /// 信息资源摘要.
    Abstract,
    /// 共享条件.
    SharingCondition,
    /// 不予共享的理由.
    NotSharedReason,
    /// 开放条件.
    OpenCondition,
    /// 使用要求.
    UseRequirements,
    /// 数据对象.
    Entity,
    /// The kind within the format.
    FormatDetail,
    /// An item's name for people.
    ItemTitle {
        /// Which item, counted from 1.
        position: usize,
    },
}

/// Another entry whose name is the same but for width, case, spaces and punctuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// The other entry's code.
    pub code: ResourceCode,
    /// The other entry's name.
    pub name: String,
}

/// One thing that is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// A text that must be there is empty.
    #[error("{} is empty; {}", .text.label(), .text.advice())]
    Empty {
        /// Which text.
        text: Text,
    },
    /// A text says nothing: 无, 略, 同上, a dash.
    #[error("{} is a placeholder; {}", .text.label(), .text.advice())]
    Filler {
        /// Which text.
        text: Text,
    },
    /// A text is longer than a catalogue entry should be.
    #[error("{} has {found} characters, at most {max} are allowed", .text.label())]
    TooLong {
        /// Which text.
        text: Text,
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// The name is that of an information system, and not of the data in it.
    #[error(
        "name ends in {ending}, so it names a system and not its data; name the data, such as \
         参保人员信息 and not 社会保险信息系统"
    )]
    SystemName {
        /// The ending that gave it away.
        ending: &'static str,
    },
    /// The name is that of a registered information system.
    #[error(
        "name is that of an information system that the organisation registered; name the data in \
         it, not the system"
    )]
    NamedAsSystem,
    /// The name is another entry's, but for width, case, spaces and punctuation.
    #[error(
        "name is that of {}, {}, but for spaces, punctuation, width or case; revise that entry, or \
         say in the name what sets this one apart", .alike.code, .alike.name
    )]
    NameAlike {
        /// The other entry.
        alike: Alike,
    },
    /// The abstract says nothing that the name does not say.
    #[error("abstract repeats the name; say what the data holds, whose they are and what of")]
    AbstractRepeatsName,
    /// The classification stops before 目.
    #[error("classification {code} is too general; name at least a 目, six digits")]
    ClassificationTooGeneral {
        /// The classification.
        code: ClassificationCode,
    },
    /// A base or theme class that nobody named.
    #[error(
        "classification {code} lies in no 项 of the tree; choose one of the catalogue's classes, \
         or have the city's authority name this one"
    )]
    ClassificationUnknown {
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
        /// Which item, counted from 1.
        position: usize,
        /// Its name.
        name: String,
    },
    /// An item has no title.
    #[error("item {name} has no title")]
    ItemTitleMissing {
        /// Which item, counted from 1.
        position: usize,
        /// Its name.
        name: String,
    },
    /// Two items have the same title.
    #[error("item {name} has the title of item {other}; say in the titles what sets them apart")]
    DuplicateItemTitle {
        /// Which item, counted from 1.
        position: usize,
        /// Its name.
        name: String,
        /// The name of the item that had the title before.
        other: String,
    },
    /// An item is shared more widely than its resource.
    #[error("item {name} is shared more widely than its resource; narrow it or widen the resource")]
    ItemSharedWider {
        /// Which item, counted from 1.
        position: usize,
        /// Its name.
        name: String,
    },
    /// An item's values cannot be masked so.
    #[error(
        "item {name} is of type {kind} and cannot be masked by {mask}, which fits {}; choose another mask or type",
        mask.fitting()
    )]
    ItemMaskUnfit {
        /// Which item, counted from 1.
        position: usize,
        /// Its name.
        name: String,
        /// Its type.
        kind: ItemType,
        /// Its mask.
        mask: Mask,
    },
    /// A rule for an item's values cannot be kept, or not be checked (R17.2).
    #[error("item {name} {mistake}")]
    ItemRule {
        /// Which item, counted from 1.
        position: usize,
        /// Its name.
        name: String,
        /// What is wrong with the rule.
        mistake: RuleMistake,
    },
    /// Shared data needs a way to be delivered.
    #[error("resource is shared and names no delivery mode; name at least one")]
    DeliveryModeMissing,
    /// Data of that format cannot be delivered that way.
    #[error(
        "{mode} does not fit the format {format}; queries need rows (spreadsheet, database, \
         self-describing, service interface), and a service interface is only queried"
    )]
    DeliveryModeUnfit {
        /// The format.
        format: Format,
        /// The way.
        mode: DeliveryMode,
    },
    /// What departments may not have, the public may not have either.
    #[error("resource is not shared, so it cannot be open to the public")]
    OpenNotShared,
    /// Departments get it on a condition, and the public without one.
    #[error(
        "resource is shared on a condition and opened without one; name the condition of opening, \
         or share it unconditionally"
    )]
    OpenWithoutCondition,
    /// An item that departments may not have is to be opened.
    #[error("item {name} is not shared, so it cannot be open to the public")]
    OpenItemNotShared {
        /// Which item, counted from 1.
        position: usize,
        /// Its name.
        name: String,
    },
    /// A sensitive item is to be opened.
    #[error("item {name} is sensitive, so it cannot be open to the public")]
    OpenItemSensitive {
        /// Which item, counted from 1.
        position: usize,
        /// Its name.
        name: String,
    },
    /// The resource is open and none of its items are.
    #[error("resource is open to the public, and none of its items is; open at least one")]
    OpenItemsMissing,
}

impl Mistake {
    /// Where the mistake is, as the field's path in a description: `items[2].name`, counted from 0.
    #[must_use]
    pub fn field(&self) -> String {
        match self {
            Self::Empty { text } | Self::Filler { text } | Self::TooLong { text, .. } => {
                text.field()
            }
            Self::SystemName { .. } | Self::NamedAsSystem | Self::NameAlike { .. } => {
                Text::Name.field()
            }
            Self::AbstractRepeatsName => Text::Abstract.field(),
            Self::ClassificationTooGeneral { .. } | Self::ClassificationUnknown { .. } => {
                "classification_code".to_owned()
            }
            Self::ItemsMissing | Self::TooManyItems { .. } | Self::OpenItemsMissing => {
                "items".to_owned()
            }
            Self::ItemName { position } | Self::DuplicateItem { position, .. } => {
                item(*position, "name")
            }
            Self::ItemTitleMissing { position, .. } | Self::DuplicateItemTitle { position, .. } => {
                item(*position, "title")
            }
            Self::ItemSharedWider { position, .. } => item(*position, "sharing_type"),
            Self::ItemMaskUnfit { position, .. } => item(*position, "mask"),
            Self::ItemRule { position, mistake, .. } => {
                item(*position, &format!("quality.{}", mistake.field()))
            }
            Self::OpenItemNotShared { position, .. } | Self::OpenItemSensitive { position, .. } => {
                item(*position, "open")
            }
            Self::DeliveryModeMissing | Self::DeliveryModeUnfit { .. } => {
                "delivery_modes".to_owned()
            }
            Self::OpenNotShared => "open".to_owned(),
            Self::OpenWithoutCondition => Text::OpenCondition.field(),
        }
    }

    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "EMPTY",
            Self::Filler { .. } => "FILLER",
            Self::TooLong { .. } => "TOO_LONG",
            Self::SystemName { .. } => "SYSTEM_NAME",
            Self::NamedAsSystem => "NAME_OF_SYSTEM",
            Self::NameAlike { .. } => "NAME_ALIKE",
            Self::AbstractRepeatsName => "ABSTRACT_REPEATS_NAME",
            Self::ClassificationTooGeneral { .. } => "CLASSIFICATION_TOO_GENERAL",
            Self::ClassificationUnknown { .. } => "CLASSIFICATION_UNKNOWN",
            Self::ItemsMissing => "ITEMS_MISSING",
            Self::TooManyItems { .. } => "TOO_MANY_ITEMS",
            Self::ItemName { .. } => "ITEM_NAME",
            Self::DuplicateItem { .. } => "DUPLICATE_ITEM",
            Self::ItemTitleMissing { .. } => "ITEM_TITLE_MISSING",
            Self::DuplicateItemTitle { .. } => "DUPLICATE_ITEM_TITLE",
            Self::ItemSharedWider { .. } => "ITEM_SHARED_WIDER",
            Self::ItemMaskUnfit { .. } => "ITEM_MASK_UNFIT",
            Self::ItemRule { .. } => "ITEM_RULE",
            Self::DeliveryModeMissing => "DELIVERY_MODE_MISSING",
            Self::DeliveryModeUnfit { .. } => "DELIVERY_MODE_UNFIT",
            Self::OpenNotShared => "OPEN_NOT_SHARED",
            Self::OpenWithoutCondition => "OPEN_WITHOUT_CONDITION",
            Self::OpenItemNotShared { .. } => "OPEN_ITEM_NOT_SHARED",
            Self::OpenItemSensitive { .. } => "OPEN_ITEM_SENSITIVE",
            Self::OpenItemsMissing => "OPEN_ITEMS_MISSING",
        }
    }
}

impl Text {
    fn field(self) -> String {
        match self {
            Self::Name => "name".to_owned(),
            Self::Abstract => "abstract".to_owned(),
            Self::SharingCondition | Self::NotSharedReason => "sharing_condition".to_owned(),
            Self::OpenCondition => "open_condition".to_owned(),
            Self::UseRequirements => "use_requirements".to_owned(),
            Self::Entity => "entity".to_owned(),
            Self::FormatDetail => "format_detail".to_owned(),
            Self::ItemTitle { position } => item(position, "title"),
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Abstract => "abstract",
            Self::SharingCondition => "sharing condition",
            Self::NotSharedReason => "reason for not sharing",
            Self::OpenCondition => "opening condition",
            Self::UseRequirements => "use requirements",
            Self::Entity => "entity",
            Self::FormatDetail => "format detail",
            Self::ItemTitle { .. } => "item title",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Name => "name the data",
            Self::Abstract => "say what the data holds, whose they are and what of",
            Self::SharingCondition => "say who may have the data and for what",
            Self::NotSharedReason => "name the law or rule that forbids sharing",
            Self::OpenCondition => "say on what condition the public may have the data",
            Self::UseRequirements => "say what users must heed",
            Self::Entity => "say what each row is about",
            Self::FormatDetail => "name the kind of file, database or service",
            Self::ItemTitle { .. } => "name the item for people",
        }
    }
}

fn item(position: usize, field: &str) -> String {
    format!("items[{}].{field}", position.saturating_sub(1))
}
