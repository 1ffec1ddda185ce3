//! Row by row: what a live view holds, and what its events give (H2).

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Column as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::database::{Database, Engine};
use crate::projector::{Projector, ProjectorError, Told};

/// What was compared, and what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The view's name.
    pub view: &'static str,
    /// The last commit of each stream that the live view holds; the other one was built up to there.
    pub positions: BTreeMap<String, u64>,
    /// How many rows the events give.
    pub rows: u64,
    /// Rows that differ, by table and key.
    pub differences: Vec<Difference>,
    /// How many more differ, and are not named.
    pub further: u64,
}

/// A row that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row: its key's columns.
    pub key: Vec<(String, Option<Value>)>,
    /// In what way.
    pub kind: Kind,
    /// The columns that differ; of a row that one of the two lacks, all but the key's.
    pub columns: Vec<ColumnDifference>,
}

/// In what way a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The live view lacks it.
    Missing,
    /// The live view has it, and no event gives it.
    Extra,
    /// Both have it, with other values.
    Changed,
}

/// One column of such a row. No value is SQL's `NULL`, or that the row is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDifference {
    /// Its name.
    pub column: String,
    /// What the live view holds.
    pub live: Option<Value>,
    /// What the events give.
    pub rebuilt: Option<Value>,
}

/// What a view's column can hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `BIGINT`.
    Number(i64),
    /// `TEXT`.
    Text(String),
}

/// A row's values by their columns.
type Row = BTreeMap<String, Option<Value>>;
/// The values of a row's key.
type Key = Vec<Option<Value>>;

impl Comparison {
    /// Whether both hold the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty()
    }

    fn add(&mut self, difference: Difference, named_max: usize) {
        match self.differences.len() < named_max {
            true => self.differences.push(difference),
            false => self.further += 1,
        }
    }
}

impl Projector {
    /// Builds this view anew, up to where the same view is in the `live` database, and says how that one differs: so many rows at most are
    /// named, and the rest is counted. This projector's own database has to be another, in SQLite.
    ///
    /// # Errors
    /// There are fewer events than the live view has seen, one cannot be applied, or store or database fail.
    pub async fn compare(
        &self,
        live: &Database,
        named_max: usize,
        told: Told<'_>,
    ) -> Result<Comparison, ProjectorError> {
        assert_eq!(self.database.engine(), Engine::Sqlite, "what is compared is built in SQLite");
        let mut snapshot = live.snapshot().await.map_err(ProjectorError::Database)?;
        let view = self.view.name();
        let positions = positions(snapshot.connection(), view).await;
        let positions = positions.map_err(ProjectorError::Database)?;
        let last_of = |stream: &str| Some(positions.get(stream).copied().unwrap_or_default());
        self.rebuild_up_to(last_of, told).await?;
        let reached = self.positions();
        for (stream, live) in &positions {
            let Some(reached) = reached.get(stream.as_str()).copied() else { continue };
            if reached < *live {
                return Err(ProjectorError::Behind {
                    stream: stream.clone(),
                    reached,
                    live: *live,
                });
            }
        }
        let mut own = self.database.snapshot().await.map_err(ProjectorError::Database)?;

        let (differences, further) = (Vec::new(), 0);
        let mut comparison = Comparison { view, positions, rows: 0, differences, further };
        for table in self.view.tables() {
            let connections = (own.connection(), snapshot.connection());
            compare_table(table, connections, named_max, &mut comparison)
                .await
                .map_err(ProjectorError::Database)?;
        }
        Ok(comparison)
    }

    /// Every row of every table that this view has, in the order of their keys: table, and values by column.
    ///
    /// # Errors
    /// The database cannot be read, or is none of SQLite.
    pub async fn rows(&self) -> Result<Vec<(&'static str, Row)>, ProjectorError> {
        let mut own = self.database.snapshot().await.map_err(ProjectorError::Database)?;
        let mut rows = Vec::new();
        for &table in self.view.tables() {
            let read = async {
                let key = key_columns(own.connection(), table).await?;
                keyed_rows(own.connection(), table, &key).await
            };
            let found: BTreeMap<Key, Row> = read.await.map_err(ProjectorError::Database)?;
            rows.extend(found.into_values().map(|row| (table, row)));
        }
        Ok(rows)
    }
}

async fn positions(
    live: &mut AnyConnection,
    view: &str,
) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    let rows = sqlx::query("SELECT stream_name, sequence FROM view_position WHERE view_name = $1")
        .bind(view.to_owned())
        .fetch_all(live)
        .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)?.unsigned_abs()))).collect()
}

async fn compare_table(
    table: &'static str,
    (own, live): (&mut AnyConnection, &mut AnyConnection),
    named_max: usize,
    comparison: &mut Comparison,
) -> Result<(), sqlx::Error> {
    let key = key_columns(own, table).await?;
    let mut expected = keyed_rows(own, table, &key).await?;
    comparison.rows += u64::try_from(expected.len()).unwrap_or(u64::MAX);
    let mut found = BTreeMap::new();
    {
        // The name is the program's own.
        let select = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}")));
        let mut rows = select.fetch(live);
        while let Some(row) = rows.try_next().await? {
            let row = values(&row)?;
            let place = key_of(&row, &key);
            // What is equal need not be kept.
            if expected.get(&place) == Some(&row) {
                expected.remove(&place);
            } else {
                found.insert(place, row);
            }
        }
    }
    let mut places: Vec<&Key> = expected.keys().chain(found.keys()).collect();
    places.sort_unstable();
    places.dedup();
    for place in places {
        let (rebuilt, live) = (expected.get(place), found.get(place));
        comparison.add(difference(table, (&key, place), (live, rebuilt)), named_max);
    }
    Ok(())
}

fn difference(
    table: &'static str,
    (key, place): (&[String], &Key),
    (live, rebuilt): (Option<&Row>, Option<&Row>),
) -> Difference {
    let kind = match (live, rebuilt) {
        (None, _) => Kind::Missing,
        (Some(_), None) => Kind::Extra,
        (Some(_), Some(_)) => Kind::Changed,
    };
    let value = |row: Option<&Row>, column: &str| row.and_then(|row| row.get(column).cloned()?);
    let named = live.into_iter().chain(rebuilt).flat_map(BTreeMap::keys);
    let mut columns: Vec<&String> = named.filter(|column| !key.contains(column)).collect();
    columns.sort_unstable();
    columns.dedup();
    let columns = columns.into_iter().map(|column| ColumnDifference {
        column: column.clone(),
        live: value(live, column),
        rebuilt: value(rebuilt, column),
    });
    let differs =
        |column: &ColumnDifference| kind != Kind::Changed || column.live != column.rebuilt;
    let columns = columns.filter(differs).collect();
    Difference {
        table,
        key: key.iter().cloned().zip(place.iter().cloned()).collect(),
        kind,
        columns,
    }
}

/// The columns of a table's primary key; all of its columns, if it has none.
async fn key_columns(
    connection: &mut AnyConnection,
    table: &'static str,
) -> Result<Vec<String>, sqlx::Error> {
    let columns: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, pk FROM pragma_table_info($1) ORDER BY pk, cid")
            .bind(table)
            .fetch_all(connection)
            .await?;
    let of_key: Vec<String> =
        columns.iter().filter(|(_, place)| *place > 0).map(|(name, _)| name.clone()).collect();
    match of_key.is_empty() {
        true => Ok(columns.into_iter().map(|(name, _)| name).collect()),
        false => Ok(of_key),
    }
}

async fn keyed_rows(
    connection: &mut AnyConnection,
    table: &'static str,
    key: &[String],
) -> Result<BTreeMap<Key, Row>, sqlx::Error> {
    // The name is the program's own.
    let select = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}")));
    let mut rows = select.fetch(connection);
    let mut found = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        let row = values(&row)?;
        found.insert(key_of(&row, key), row);
    }
    Ok(found)
}

fn key_of(row: &Row, key: &[String]) -> Key {
    key.iter().map(|column| row.get(column).cloned().flatten()).collect()
}

/// Columns by their names: two databases may have them in another order.
fn values(row: &AnyRow) -> Result<Row, sqlx::Error> {
    let value = |index: usize| -> Result<Option<Value>, sqlx::Error> {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(None);
        }
        // SQLite holds what somebody put there, of whatever type: no view has it, so it differs, and its row is named.
        let foreign = || format!("a value of type {}", raw.type_info().name());
        Ok(Some(match row.try_get::<i64, _>(index) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Text(row.try_get(index).unwrap_or_else(|_| foreign())),
        }))
    };
    row.columns()
        .iter()
        .enumerate()
        .map(|(index, column)| Ok((column.name().to_owned(), value(index)?)))
        .collect()
}
