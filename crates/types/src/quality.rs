//! What every value of an item promises to be (R17.2): declared in the catalogue, signed with a grant, checked by the
//! provider's node where the data flows.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::decimal::Decimal;
use crate::id::ResourceId;

/// The most characters of a pattern.
pub const PATTERN_LENGTH_MAX: usize = 500;
/// The most bytes that a pattern may take once it is compiled. Matching takes time linear in the text.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;
/// The most values of a list.
pub const LIST_LENGTH_MAX: usize = 2_000;
/// The most characters of a value in a list.
pub const LISTED_LENGTH_MAX: usize = 200;

/// All rules of one item, beside its type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether every row has a value.
    pub required: bool,
    /// The greatest length, if one is set: characters of texts, digits of numbers.
    pub length_max: Option<u32>,
    /// What else values have to be.
    pub quality: Quality,
}

/// What values have to be beside present, of their type and not too long. A row without a value breaks none of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Between which bounds, if any.
    pub range: Option<Range>,
    /// The regular expression that the whole text must match, if any, as the crate `regex` reads it.
    pub pattern: Option<String>,
    /// The values that there may be; all if empty.
    pub one_of: Vec<String>,
    /// Whether no value may come twice in a delivery.
    pub unique: bool,
    /// Where else the value must occur, if anywhere.
    pub reference: Option<Reference>,
}

/// Bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least value.
    pub min: Option<Bound>,
    /// The greatest value.
    pub max: Option<Bound>,
}

/// The end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Bound {
    /// Of numbers.
    Number(Decimal),
    /// Of dates.
    Date(Date),
    /// Of dates with time.
    Time(Timestamp),
}

/// An item of a resource that the same node serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The resource.
    pub resource: ResourceId,
    /// Its item.
    pub item: String,
}

/// A kind of rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Every row has a value.
    Required,
    /// No value is longer.
    Length,
    /// Values lie between bounds.
    Range,
    /// Texts match a regular expression.
    Pattern,
    /// Values stand in a list.
    OneOf,
    /// No value comes twice.
    Unique,
    /// Values occur elsewhere.
    Reference,
}

/// A text that is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "neither a number such as 12.5, nor a date such as 2026-01-04, nor a time such as 2026-01-04T09:00:00+08:00"
)]
pub struct BoundError;

impl Quality {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Required,
        Self::Length,
        Self::Range,
        Self::Pattern,
        Self::OneOf,
        Self::Unique,
        Self::Reference,
    ];

    /// Its name, stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Length => "length",
            Self::Range => "range",
            Self::Pattern => "pattern",
            Self::OneOf => "one-of",
            Self::Unique => "unique",
            Self::Reference => "reference",
        }
    }

    /// What is wrong with a value that breaks it, in words that follow the item's name.
    #[must_use]
    pub const fn complaint(self) -> &'static str {
        match self {
            Self::Required => "has no value",
            Self::Length => "is longer than the catalogue allows",
            Self::Range => "lies outside of the range",
            Self::Pattern => "does not match the pattern",
            Self::OneOf => "is none of the values in the list",
            Self::Unique => "has a value that an earlier row has",
            Self::Reference => "has a value that does not occur where the catalogue refers to",
        }
    }
}

/// The expression of a pattern that has to match a whole text.
#[must_use]
pub fn anchored(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text).ok_or(UnknownRule)
    }
}

/// A name that no rule has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rule has this name")]
pub struct UnknownRule;

impl FromStr for Bound {
    type Err = BoundError;

    fn from_str(text: &str) -> Result<Self, BoundError> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        // A date's parser would also take a date with time, and leave the time out.
        match text.contains(['T', ' ']) {
            true => text.parse().map(Self::Time).map_err(|_| BoundError),
            false => text.parse().map(Self::Date).map_err(|_| BoundError),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Date(date) => date.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("no bound"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
