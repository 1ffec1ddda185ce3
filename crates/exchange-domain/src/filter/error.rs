//! Why a text is not a filter, and where.

use std::fmt;

use publicdata_types::ItemType;

/// Why a text is not a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row filter is refused{}: {problem}", Place(.at))]
pub struct FilterError {
    /// What is wrong.
    pub problem: Problem,
    /// Where, if it is one place.
    pub at: Option<Position>,
}

/// A place in a filter's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Counted from 1.
    pub line: u64,
    /// Counted from 1, in characters.
    pub column: u64,
}

/// What is wrong with a filter. Literals are not repeated: they may be personal data (H5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is nothing in it.
    #[error("it is empty; leave it out to mean all rows")]
    Empty,
    /// It is too long, too deep, or says too much.
    #[error("it has more than {max} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// It is not SQL.
    #[error("it cannot be read; {expected} is expected here")]
    Syntax {
        /// What should stand there.
        expected: String,
    },
    /// It is SQL that filters do not have.
    #[error(
        "{what} is not allowed; compare items with literals by =, <>, <, <=, >, >=, IN, BETWEEN, \
         IS NULL or LIKE, and join conditions by AND, OR, NOT"
    )]
    Construct {
        /// Which part of SQL.
        what: &'static str,
    },
    /// It names an item that the resource does not have.
    #[error("the resource has no item {name}")]
    UnknownItem {
        /// The name.
        name: String,
    },
    /// A literal does not fit its item.
    #[error("item {item} is of type {kind}; write {write}")]
    Literal {
        /// The item.
        item: String,
        /// Its type.
        kind: ItemType,
        /// How a literal of that type is written.
        write: &'static str,
    },
    /// An operator does not fit its item.
    #[error("item {item} is of type {kind}, to which {operator} does not apply")]
    Operator {
        /// The item.
        item: String,
        /// Its type.
        kind: ItemType,
        /// The operator.
        operator: &'static str,
    },
}

struct Place<'a>(&'a Option<Position>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Position { line, column }) => write!(f, " at line {line}, column {column}"),
            None => Ok(()),
        }
    }
}
