//! What the catalogue, grants and nodes all say of a resource's items (信息项) and its sharing.

use std::fmt;

/// The type of an item's values, as in the national guide for compiling catalogues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemType {
    /// C, characters. Codes are characters too: they keep their leading zeros.
    Text,
    /// N, a decimal number.
    Number,
    /// Y, an amount of money.
    Money,
    /// D, a date.
    Date,
    /// T, a date with time.
    Timestamp,
    /// L, true or false.
    Logical,
    /// M, a long text.
    Memo,
    /// G, general: bytes.
    General,
    /// B, a double-precision number.
    Double,
    /// I, a whole number.
    Integer,
    /// F, a single-precision number.
    Float,
}

/// 共享类型, of a resource or an item (R25.1), from the widest to the narrowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SharingType {
    /// 无条件共享: any registered consumer gets it at once.
    Unconditional,
    /// 有条件共享: on application, under the published condition.
    Conditional,
    /// 不予共享: the reason stands in the catalogue.
    NotShared,
}

/// How data is delivered (共享方式, R23.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryMode {
    /// 数据服务封装: queries with parameters.
    Query,
    /// Bulk pull.
    Bulk,
    /// 数据推送: once, on a schedule or on change.
    Push,
}

impl ItemType {
    /// The letter of the national guide.
    #[must_use]
    pub const fn letter(&self) -> char {
        match self {
            Self::Text => 'C',
            Self::Number => 'N',
            Self::Money => 'Y',
            Self::Date => 'D',
            Self::Timestamp => 'T',
            Self::Logical => 'L',
            Self::Memo => 'M',
            Self::General => 'G',
            Self::Double => 'B',
            Self::Integer => 'I',
            Self::Float => 'F',
        }
    }

    /// Whether its values are numbers.
    #[must_use]
    pub const fn is_number(&self) -> bool {
        match self {
            Self::Number | Self::Money | Self::Double | Self::Integer | Self::Float => true,
            Self::Text
            | Self::Date
            | Self::Timestamp
            | Self::Logical
            | Self::Memo
            | Self::General => false,
        }
    }

    /// The type in words.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Money => "money",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Logical => "logical",
            Self::Memo => "memo",
            Self::General => "general",
            Self::Double => "double",
            Self::Integer => "integer",
            Self::Float => "float",
        }
    }
}

impl fmt::Display for ItemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.as_str(), self.letter())
    }
}

impl fmt::Display for DeliveryMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Query => "query",
            Self::Bulk => "bulk",
            Self::Push => "push",
        })
    }
}
