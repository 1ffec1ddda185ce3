//! Row filters: which rows of a resource an application asks for and a grant gives.
//!
//! The language is a small part of SQL's conditions: comparisons of an item with a literal, `IN`,
//! `BETWEEN`, `IS NULL`, `LIKE`, and `AND`, `OR`, `NOT`. Everything else is refused by name. A parsed
//! filter is typed, so a node can turn it into a query with bound values or evaluate it on rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::{Date, DateTime};
use publicdata_types::ItemType;
use sqlparser::keywords::ALL_KEYWORDS;

mod error;
mod parse;

pub use error::{FilterError, Position, Problem};

/// The items of a resource that a filter may name, with their types.
pub type Columns = BTreeMap<String, ItemType>;

/// A condition on rows that fits the items it names. Equal filters have one text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Condition);

/// What a filter says. Unknown (a comparison with null) is not true, as in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `column operator value`
    Compare {
        /// The item.
        column: String,
        /// How it is compared. Texts compare by code point, whatever the source's collation.
        operator: Comparison,
        /// With what.
        value: Literal,
    },
    /// `column IN (values)`
    In {
        /// The item.
        column: String,
        /// At least one.
        values: Vec<Literal>,
    },
    /// `column BETWEEN low AND high`, both included
    Between {
        /// The item.
        column: String,
        /// The least value.
        low: Literal,
        /// The greatest.
        high: Literal,
    },
    /// `column LIKE pattern`: `%` stands for any characters, `_` for one; capitals matter.
    Like {
        /// The item.
        column: String,
        /// The pattern; it has no escape character.
        pattern: String,
    },
    /// `column IS NULL`
    IsNull {
        /// The item.
        column: String,
    },
    /// All of these; at least two, none of which is itself `All`.
    All(Vec<Condition>),
    /// One of these at least; at least two, none of which is itself `Any`.
    Any(Vec<Condition>),
    /// The opposite; never of another `Not`.
    Not(Box<Condition>),
}

/// How an item is compared with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A value that fits the item it is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// For types C and M; codes are texts and keep their zeros.
    Text(String),
    /// For types N, Y, B, I and F.
    Number(Number),
    /// For type L.
    Logical(bool),
    /// For type D.
    Date(Date),
    /// For type T, in China's time.
    Timestamp(DateTime),
}

/// A decimal number, exactly as written but for needless zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(String);

impl Filter {
    /// Reads a filter over these items.
    ///
    /// # Errors
    /// Names the construct, item or literal that is refused, its position, and what to write.
    pub fn parse(text: &str, columns: &Columns) -> Result<Self, FilterError> {
        parse::parse(text, columns).map(Self)
    }

    /// What the filter says.
    #[must_use]
    pub const fn condition(&self) -> &Condition {
        &self.0
    }

    /// The items that it names.
    #[must_use]
    pub fn columns(&self) -> BTreeSet<&str> {
        let mut columns = BTreeSet::new();
        self.0.collect_columns(&mut columns);
        columns
    }

    /// The rows whose item compares so with a value.
    #[must_use]
    pub const fn compare(column: String, operator: Comparison, value: Literal) -> Self {
        Self(Condition::Compare { column, operator, value })
    }

    /// The rows that both filters let through.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(Condition::all(vec![self.0, other.0]))
    }

    /// Whether this filter repeats every part of `wider`, so that it lets no other row through.
    ///
    /// A filter that is narrower in another way, as `a = 1` is than `a < 9`, is not recognised; write
    /// `a < 9 AND a = 1`.
    #[must_use]
    pub fn narrows(&self, wider: &Self) -> bool {
        let own = self.0.parts();
        wider.0.parts().iter().all(|part| own.contains(part))
    }
}

impl Literal {
    /// The value that a text means for an item of this type, as the catalogue writes values; none if it is not of the type.
    #[must_use]
    pub fn read(text: &str, kind: ItemType) -> Option<Self> {
        match kind {
            ItemType::Text | ItemType::Memo => {
                (!text.chars().any(char::is_control)).then(|| Self::Text(text.to_owned()))
            }
            ItemType::Date => text.parse().ok().map(Self::Date),
            ItemType::Timestamp => text.parse().ok().map(Self::Timestamp),
            ItemType::Logical => text.parse().ok().map(Self::Logical),
            ItemType::Number
            | ItemType::Money
            | ItemType::Double
            | ItemType::Float
            | ItemType::Integer => {
                let digits = text.strip_prefix('-');
                let number = Number::parse(digits.unwrap_or(text))?;
                let number = if digits.is_some() { number.negated() } else { number };
                if kind == ItemType::Integer {
                    number.to_i64()?;
                }
                Some(Self::Number(number))
            }
            ItemType::General => None,
        }
    }
}

impl Condition {
    /// All of these, without needless nesting.
    fn all(conditions: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for condition in conditions {
            if let Self::All(inner) = condition {
                flat.extend(inner);
            } else {
                flat.push(condition);
            }
        }
        if flat.len() == 1 { flat.remove(0) } else { Self::All(flat) }
    }

    /// One of these at least, without needless nesting.
    fn any(conditions: Vec<Self>) -> Self {
        let mut flat = Vec::new();
        for condition in conditions {
            if let Self::Any(inner) = condition {
                flat.extend(inner);
            } else {
                flat.push(condition);
            }
        }
        if flat.len() == 1 { flat.remove(0) } else { Self::Any(flat) }
    }

    /// The opposite; twice the opposite is the same.
    fn opposite(condition: Self) -> Self {
        if let Self::Not(inner) = condition { *inner } else { Self::Not(Box::new(condition)) }
    }

    /// What must hold together.
    fn parts(&self) -> &[Self] {
        if let Self::All(parts) = self { parts } else { std::slice::from_ref(self) }
    }

    fn collect_columns<'a>(&'a self, columns: &mut BTreeSet<&'a str>) {
        match self {
            Self::Compare { column, .. }
            | Self::In { column, .. }
            | Self::Between { column, .. }
            | Self::Like { column, .. }
            | Self::IsNull { column } => {
                columns.insert(column);
            }
            Self::All(inner) | Self::Any(inner) => {
                for condition in inner {
                    condition.collect_columns(columns);
                }
            }
            Self::Not(inner) => inner.collect_columns(columns),
        }
    }

    fn is_compound(&self) -> bool {
        matches!(self, Self::All(_) | Self::Any(_) | Self::Not(_))
    }
}

impl Comparison {
    /// The operator in SQL.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Number {
    /// Reads digits, with a fraction if there is one.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !all_digits || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }

        let whole = match whole.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        };
        match fraction.trim_end_matches('0') {
            "" => Some(Self(whole.to_owned())),
            fraction => Some(Self(format!("{whole}.{fraction}"))),
        }
    }

    fn negated(self) -> Self {
        if self.0 == "0" { self } else { Self(format!("-{}", self.0)) }
    }

    /// The number in digits, with `-` and `.` where it needs them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, if it is whole and not too large.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare { column, operator, value } => {
                write!(f, "{} {} {value}", Identifier(column), operator.as_str())
            }
            Self::In { column, values } => {
                write!(f, "{} IN (", Identifier(column))?;
                for (index, value) in values.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{value}")?;
                }
                f.write_str(")")
            }
            Self::Between { column, low, high } => {
                write!(f, "{} BETWEEN {low} AND {high}", Identifier(column))
            }
            Self::Like { column, pattern } => {
                write!(f, "{} LIKE {}", Identifier(column), Quoted(pattern))
            }
            Self::IsNull { column } => write!(f, "{} IS NULL", Identifier(column)),
            Self::All(inner) => joined(inner, " AND ", f),
            Self::Any(inner) => joined(inner, " OR ", f),
            Self::Not(inner) => write!(f, "NOT ({inner})"),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Number(number) => f.write_str(&number.0),
            Self::Logical(true) => f.write_str("TRUE"),
            Self::Logical(false) => f.write_str("FALSE"),
            Self::Date(date) => write!(f, "'{date}'"),
            Self::Timestamp(timestamp) => write!(f, "'{timestamp}'"),
        }
    }
}

fn joined(conditions: &[Condition], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, condition) in conditions.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        if condition.is_compound() {
            write!(f, "({condition})")?;
        } else {
            write!(f, "{condition}")?;
        }
    }
    Ok(())
}

/// An item's name, in quotes if SQL might take it for a word of its own.
struct Identifier<'a>(&'a str);

impl fmt::Display for Identifier<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upper = self.0.to_ascii_uppercase();
        match ALL_KEYWORDS.binary_search(&upper.as_str()) {
            Ok(_) => write!(f, "\"{}\"", self.0),
            Err(_) => f.write_str(self.0),
        }
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests;
