//! The statements that find changes. Names come from the node's configuration and are quoted; values come from the database itself,
//! as literals that it wrote.

use crate::source::sql::{Dialect, From, Relation, from, qualified};

use super::watermark::{Marks, Position};

#[derive(Clone, Debug)]
pub(super) struct Statements {
    dialect: Dialect,
    relation: Relation,
    pub(super) watermark: String,
    overlap_s: u64,
}

impl Statements {
    pub(super) fn new(
        dialect: Dialect,
        relation: Relation,
        (watermark, overlap_s): (String, u64),
    ) -> Self {
        Self { dialect, relation, watermark, overlap_s }
    }

    /// Finds a row that has no watermark.
    pub(super) fn find_null(&self) -> String {
        format!("SELECT '1' FROM {} WHERE {} IS NULL LIMIT 1", self.source(), self.mark())
    }

    /// The row that is that many after a position, and one more if there is one.
    pub(super) fn nth(&self, after: Option<&Position>, number: u64) -> String {
        format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT 2 OFFSET {}",
            self.literals(),
            self.source(),
            self.beyond(after),
            self.order().join(", "),
            number - 1
        )
    }

    /// The last row after a position.
    pub(super) fn last(&self, after: Option<&Position>) -> String {
        let order = self.order().iter().map(|column| format!("{column} DESC")).collect::<Vec<_>>();
        format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT 1",
            self.literals(),
            self.source(),
            self.beyond(after),
            order.join(", ")
        )
    }

    /// The least watermark that is read again after a delivery that ended here. Rows of the same watermark may have come since,
    /// and with an overlap also those whose transaction began earlier and ended later.
    pub(super) fn overlap(&self, end: &Position) -> String {
        // The union gives the literal the column's type.
        let value = self.literal(&self.earlier("known.mark"));
        format!(
            "SELECT {value} FROM (SELECT {} AS mark FROM {} WHERE 1 = 0 UNION ALL SELECT {}) AS known",
            self.mark(),
            self.source(),
            end.0.first().map_or("NULL", String::as_str),
        )
    }

    /// How many rows up to a position are read again from this watermark on; counts no further than that many.
    pub(super) fn again(&self, since: &str, end: &Position, count_max: u64) -> String {
        format!(
            "SELECT CAST(count(*) AS text) FROM (SELECT 1 AS one FROM {} WHERE {} >= {since} AND {} <= {} LIMIT {count_max}) AS again",
            self.source(),
            self.mark(),
            self.place(),
            end.tuple(),
        )
    }

    /// The newest watermark, and how many rows are so near to it that they may still be joined by others.
    pub(super) fn state(&self) -> String {
        let source = self.source();
        let mark = self.mark();
        format!(
            "SELECT {}, (SELECT CAST(count(*) AS text) FROM {source} WHERE {mark} >= {}) \
             FROM (SELECT max({mark}) AS mark FROM {source}) AS newest",
            self.literal("newest.mark"),
            self.earlier("newest.mark"),
        )
    }

    /// A range's rows, in their order.
    pub(super) fn within(&self, range: &Marks) -> Relation {
        let lower = match (&range.since, &range.after) {
            (Some(since), _) => format!("{} >= {since}", self.mark()),
            (None, after) => self.beyond(after.as_ref()),
        };
        let upper = match &range.until {
            Some(until) => format!("{} <= {}", self.place(), until.tuple()),
            None => "1 = 0".to_owned(),
        };
        let query = format!("SELECT source.* FROM {} WHERE {lower} AND {upper}", self.source());
        let order_by = std::iter::once(&self.watermark).chain(self.ties()).cloned().collect();
        Relation { from: From::Query(query), order_by }
    }

    fn beyond(&self, after: Option<&Position>) -> String {
        match after {
            Some(after) => format!("{} > {}", self.place(), after.tuple()),
            None => format!("{} IS NOT NULL", self.mark()),
        }
    }

    fn source(&self) -> String {
        format!("{} AS source", from(&self.relation))
    }

    fn mark(&self) -> String {
        qualified(&self.watermark)
    }

    fn ties(&self) -> impl Iterator<Item = &String> {
        self.relation.order_by.iter().filter(|column| **column != self.watermark)
    }

    fn order(&self) -> Vec<String> {
        std::iter::once(&self.watermark).chain(self.ties()).map(|name| qualified(name)).collect()
    }

    fn place(&self) -> String {
        format!("({})", self.order().join(", "))
    }

    fn literals(&self) -> String {
        let literals: Vec<_> = self.order().iter().map(|column| self.literal(column)).collect();
        literals.join(", ")
    }

    /// A value as the database itself would write it in a statement.
    fn literal(&self, value: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => format!("quote({value})"),
            Dialect::Postgres => format!("quote_literal(CAST({value} AS text))"),
            Dialect::Mysql => format!("quote(CAST({value} AS char))"),
        }
    }

    fn earlier(&self, mark: &str) -> String {
        match self.overlap_s {
            0 => mark.to_owned(),
            seconds => format!("({mark} - interval '{seconds} seconds')"),
        }
    }
}

impl Position {
    fn tuple(&self) -> String {
        format!("({})", self.0.join(", "))
    }
}
