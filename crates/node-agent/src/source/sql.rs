//! The one query that a scan of a database is. Nothing of a filter's text enters it: names are quoted
//! as identifiers and literals as values, from the parsed condition.

use std::fmt::Write as _;

use publicdata_exchange_domain::filter::{Condition, Literal};
use publicdata_types::ItemType;

use super::{Reading, RowFilter};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB, in a session that quotes names and texts as the standard does.
    Mysql,
}

/// A table or a query of the node's own configuration, and its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// What stands after `FROM`.
    pub from: From,
    /// The columns whose values, together, order the rows; each combination once.
    pub order_by: Vec<String>,
}

/// What stands after `FROM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// A table, with its schema before a dot if need be.
    Table(String),
    /// A query.
    Query(String),
}

/// The query that describes the relation and reads nothing.
#[must_use]
pub fn describe(relation: &Relation) -> String {
    format!("SELECT * FROM {} AS source LIMIT 0", from(relation))
}

/// The query that reads columns of the rows that a filter lets through.
#[must_use]
pub fn select(
    relation: &Relation,
    columns: &[String],
    filter: Option<&RowFilter>,
    dialect: Dialect,
) -> String {
    let mut query = format!("SELECT {} FROM {} AS source", columns.join(", "), from(relation));
    if let Some(filter) = filter {
        let writer = Writer { filter, dialect };
        let _ = write!(query, " WHERE {}", writer.condition(filter.filter.condition()));
    }
    let order: Vec<String> = relation.order_by.iter().map(|column| qualified(column)).collect();
    if !order.is_empty() {
        let _ = write!(query, " ORDER BY {}", order.join(", "));
    }
    query
}

/// A name as an identifier. Qualified, because SQLite takes an unknown name in quotes for a text.
#[must_use]
pub fn qualified(column: &str) -> String {
    format!("source.{}", identifier(column))
}

pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(crate) fn from(relation: &Relation) -> String {
    match &relation.from {
        From::Table(name) => name.split('.').map(identifier).collect::<Vec<_>>().join("."),
        From::Query(query) => format!("({})", query.trim().trim_end_matches(';')),
    }
}

struct Writer<'a> {
    filter: &'a RowFilter,
    dialect: Dialect,
}

impl Writer<'_> {
    fn condition(&self, condition: &Condition) -> String {
        match condition {
            Condition::Compare { column, operator, value } => {
                format!("{} {} {}", self.operand(column), operator.as_str(), self.literal(value))
            }
            Condition::In { column, values } => {
                let values: Vec<String> = values.iter().map(|value| self.literal(value)).collect();
                format!("{} IN ({})", self.operand(column), values.join(", "))
            }
            Condition::Between { column, low, high } => {
                let (low, high) = (self.literal(low), self.literal(high));
                format!("{} BETWEEN {low} AND {high}", self.operand(column))
            }
            Condition::Like { column, pattern } => match self.dialect {
                // GLOB heeds capitals; LIKE in SQLite does not.
                Dialect::Sqlite => {
                    format!("{} GLOB {}", self.operand(column), text(&glob(pattern)))
                }
                Dialect::Postgres => {
                    format!("{} LIKE {} ESCAPE ''", self.operand(column), text(pattern))
                }
                // Characters, not bytes, and capitals matter; where the backslash is itself, nothing escapes.
                Dialect::Mysql => format!(
                    "CONVERT({} USING utf8mb4) COLLATE utf8mb4_bin LIKE {}",
                    self.column(column),
                    text(pattern)
                ),
            },
            Condition::IsNull { column } => format!("{} IS NULL", self.column(column)),
            Condition::All(inner) => self.joined(inner, " AND "),
            Condition::Any(inner) => self.joined(inner, " OR "),
            Condition::Not(inner) => format!("NOT ({})", self.condition(inner)),
        }
    }

    fn joined(&self, conditions: &[Condition], word: &str) -> String {
        let parts: Vec<String> =
            conditions.iter().map(|condition| format!("({})", self.condition(condition))).collect();
        parts.join(word)
    }

    fn column(&self, item: &str) -> String {
        qualified(self.reading(item).map_or(item, |reading| &reading.column))
    }

    fn reading(&self, item: &str) -> Option<&Reading> {
        self.filter.readings.iter().find(|reading| reading.item == item)
    }

    /// A column as it is compared: of the catalogue's type, and texts by code point.
    fn operand(&self, item: &str) -> String {
        let column = self.column(item);
        let Some(reading) = self.reading(item) else {
            return column;
        };
        match (self.dialect, reading.kind) {
            (Dialect::Sqlite, ItemType::Text | ItemType::Memo) => {
                format!("CAST({column} AS TEXT) COLLATE BINARY")
            }
            (Dialect::Postgres, ItemType::Text | ItemType::Memo) => {
                format!("CAST({column} AS text) COLLATE \"C\"")
            }
            // By code point, which is by byte of UTF-8; the collations of characters forgive spaces at the end.
            (Dialect::Mysql, ItemType::Text | ItemType::Memo) => {
                format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)")
            }
            (
                Dialect::Sqlite,
                ItemType::Number
                | ItemType::Money
                | ItemType::Double
                | ItemType::Integer
                | ItemType::Float
                | ItemType::Logical,
            ) => format!("CAST({column} AS NUMERIC)"),
            // In the others the filter is used on columns of fitting types alone, so no cast is needed
            // that could fail on a value and tell it.
            (
                Dialect::Postgres | Dialect::Mysql,
                ItemType::Number
                | ItemType::Money
                | ItemType::Double
                | ItemType::Integer
                | ItemType::Float
                | ItemType::Logical
                | ItemType::Timestamp
                | ItemType::Date,
            )
            | (Dialect::Sqlite, ItemType::Date | ItemType::Timestamp)
            | (_, ItemType::General) => column,
        }
    }

    fn literal(&self, value: &Literal) -> String {
        literal(value, self.dialect)
    }
}

/// A value as a literal of its type.
#[must_use]
pub fn literal(literal: &Literal, dialect: Dialect) -> String {
    match (literal, dialect) {
        (Literal::Text(value), _) => text(value),
        (Literal::Number(number), _) => number.as_str().to_owned(),
        (Literal::Logical(value), Dialect::Sqlite) => u8::from(*value).to_string(),
        (Literal::Logical(value), Dialect::Postgres | Dialect::Mysql) => value.to_string(),
        (Literal::Date(date), Dialect::Sqlite) => text(&date.to_string()),
        (Literal::Date(date), Dialect::Postgres | Dialect::Mysql) => format!("DATE '{date}'"),
        (Literal::Timestamp(time), Dialect::Sqlite) => text(&time.to_string()),
        (Literal::Timestamp(time), Dialect::Postgres) => format!("TIMESTAMPTZ '{time}+08:00'"),
        // The session's times are China's.
        (Literal::Timestamp(time), Dialect::Mysql) => {
            format!("TIMESTAMP {}", text(&time.strftime("%F %T%.f").to_string()))
        }
    }
}

/// A text as a literal: all databases, as we connect to them, know no other escape than the doubled
/// quote.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A `LIKE` pattern in the language of `GLOB`.
fn glob(pattern: &str) -> String {
    let mut glob = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        match character {
            '%' => glob.push('*'),
            '_' => glob.push('?'),
            '*' | '?' | '[' => {
                glob.push('[');
                glob.push(character);
                glob.push(']');
            }
            other => glob.push(other),
        }
    }
    glob
}

#[cfg(test)]
mod tests;
