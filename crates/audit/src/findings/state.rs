//! What the engine remembers, in tables.

mod counted;

use jiff::civil::Date;
use publicdata_audit_domain::finding::Position;
use publicdata_types::{Digest, FindingId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::queries::bound;

pub(super) use counted::{count, counted, counted_places, first_counted, forget_counted};

/// Of a thing's events, the first ones and the last ones are kept as evidence.
const EVENTS_FIRST: usize = 4;
const EVENTS_LAST: usize = 12;
/// A longer text is told apart by its digest.
const TEXT_BYTES_MAX: usize = 200;

/// What is remembered of a thing.
#[derive(Clone, Debug, Default)]
pub(super) struct Thing {
    pub(super) document: Map<String, Value>,
    pub(super) events: Vec<Place>,
}

/// An event's place, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place(pub(super) String, pub(super) u64);

/// What will be found once a day has passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Awaited {
    pub(super) organisation: String,
    pub(super) thing: String,
    pub(super) evidence: Vec<Place>,
}

/// A finding that holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) id: FindingId,
    pub(super) raised_at: i64,
}

/// What a rule tells things apart by, within a rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) rule: &'a str,
    pub(super) key: &'a str,
}

impl From<&Position> for Place {
    fn from(position: &Position) -> Self {
        Self(position.stream.clone(), position.sequence)
    }
}

impl From<Place> for Position {
    fn from(Place(stream, sequence): Place) -> Self {
        Self { stream, sequence }
    }
}

impl Thing {
    pub(super) fn add(&mut self, place: Place) {
        self.events.push(place);
        if self.events.len() > EVENTS_FIRST + EVENTS_LAST {
            self.events.remove(EVENTS_FIRST);
        }
    }
}

type Result<T> = std::result::Result<T, sqlx::Error>;

/// Where reading goes on, by rules with this digest: 0 if other rules read before, of which nothing is kept then.
pub(super) async fn take_up(connection: &mut AnyConnection, rules: &str) -> Result<u64> {
    let row = sqlx::query("SELECT rules_sha256, next_index FROM finding_reading")
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(row) = row {
        let known: String = row.try_get(0)?;
        if known == rules {
            return Ok(u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default());
        }
    }
    for forgotten in [
        "DELETE FROM finding_reading",
        "DELETE FROM finding_thing",
        "DELETE FROM finding_standing",
        "DELETE FROM finding_awaited",
        "DELETE FROM finding_counted",
        "DELETE FROM finding_seen",
        "DELETE FROM finding_ended",
    ] {
        sqlx::query(forgotten).execute(&mut *connection).await?;
    }
    sqlx::query("INSERT INTO finding_reading (rules_sha256, next_index) VALUES ($1, 0)")
        .bind(rules.to_owned())
        .execute(connection)
        .await?;
    Ok(0)
}

/// Goes on from `next`, if reading still stands at `before`; whether it does. Another instance of the service may have gone on meanwhile,
/// and what this one would remember was remembered then.
pub(super) async fn save_next(
    connection: &mut AnyConnection,
    before: u64,
    next: u64,
) -> Result<bool> {
    let saved = sqlx::query("UPDATE finding_reading SET next_index = $1 WHERE next_index = $2")
        .bind(bound(next))
        .bind(bound(before))
        .execute(connection)
        .await?;
    Ok(saved.rows_affected() > 0)
}

pub(super) async fn thing(connection: &mut AnyConnection, subject: &str) -> Result<Thing> {
    let row = sqlx::query("SELECT document, events FROM finding_thing WHERE subject = $1")
        .bind(subject.to_owned())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(Thing::default()) };
    Ok(Thing { document: read(&row, 0)?, events: read(&row, 1)? })
}

pub(super) async fn save_thing(
    connection: &mut AnyConnection,
    subject: &str,
    thing: &Thing,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO finding_thing (subject, document, events) VALUES ($1, $2, $3) \
         ON CONFLICT (subject) DO UPDATE SET document = excluded.document, events = excluded.events",
    )
    .bind(subject.to_owned())
    .bind(written(&thing.document)?)
    .bind(written(&thing.events)?)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn forget_thing(connection: &mut AnyConnection, subject: &str) -> Result<()> {
    sqlx::query("DELETE FROM finding_thing WHERE subject = $1")
        .bind(subject.to_owned())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn standing(
    connection: &mut AnyConnection,
    key: Key<'_>,
) -> Result<Option<Standing>> {
    let row = sqlx::query(
        "SELECT finding_id, raised_at FROM finding_standing WHERE rule_name = $1 AND rule_key = $2",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let id: String = row.try_get(0)?;
    let id = id.parse().map_err(|error| unreadable(0, error))?;
    Ok(Some(Standing { id, raised_at: row.try_get(1)? }))
}

pub(super) async fn stand(
    connection: &mut AnyConnection,
    key: Key<'_>,
    standing: Standing,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO finding_standing (rule_name, rule_key, finding_id, raised_at) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (rule_name, rule_key) \
         DO UPDATE SET finding_id = excluded.finding_id, raised_at = excluded.raised_at",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(standing.id.to_string())
    .bind(standing.raised_at)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn fall(connection: &mut AnyConnection, key: Key<'_>) -> Result<()> {
    sqlx::query("DELETE FROM finding_standing WHERE rule_name = $1 AND rule_key = $2")
        .bind(key.rule.to_owned())
        .bind(key.key.to_owned())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn expect(
    connection: &mut AnyConnection,
    key: Key<'_>,
    due_on: Date,
    awaited: &Awaited,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO finding_awaited (rule_name, rule_key, due_on, finding) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (rule_name, rule_key) \
         DO UPDATE SET due_on = excluded.due_on, finding = excluded.finding",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(due_on.to_string())
    .bind(written(awaited)?)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn expect_no_more(connection: &mut AnyConnection, key: Key<'_>) -> Result<()> {
    sqlx::query("DELETE FROM finding_awaited WHERE rule_name = $1 AND rule_key = $2")
        .bind(key.rule.to_owned())
        .bind(key.key.to_owned())
        .execute(connection)
        .await?;
    Ok(())
}

/// What was awaited until a day before `today`: rule, key, that day, and the finding. ISO dates sort as days do.
pub(super) async fn passed(
    connection: &mut AnyConnection,
    today: Date,
) -> Result<Vec<(String, String, Date, Awaited)>> {
    let rows = sqlx::query(
        "SELECT rule_name, rule_key, due_on, finding FROM finding_awaited WHERE due_on < $1 \
         ORDER BY due_on, rule_name, rule_key",
    )
    .bind(today.to_string())
    .fetch_all(connection)
    .await?;
    let passed = |row: &AnyRow| {
        let due_on: String = row.try_get(2)?;
        let due_on = due_on.parse().map_err(|error| unreadable(2, error))?;
        Ok((row.try_get(0)?, row.try_get(1)?, due_on, read(row, 3)?))
    };
    rows.iter().map(passed).collect()
}

/// Nothing more is found for this key.
pub(super) async fn end(connection: &mut AnyConnection, key: Key<'_>) -> Result<()> {
    sqlx::query(
        "INSERT INTO finding_ended (rule_name, rule_key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn is_ended(connection: &mut AnyConnection, key: Key<'_>) -> Result<bool> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT CAST(1 AS BIGINT) FROM finding_ended WHERE rule_name = $1 AND rule_key = $2",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// What is awaited for this key, and until which day.
pub(super) async fn awaited(
    connection: &mut AnyConnection,
    key: Key<'_>,
) -> Result<Option<(Date, Awaited)>> {
    let row = sqlx::query(
        "SELECT due_on, finding FROM finding_awaited WHERE rule_name = $1 AND rule_key = $2",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let due_on: String = row.try_get(0)?;
    let due_on = due_on.parse().map_err(|error| unreadable(0, error))?;
    Ok(Some((due_on, read(&row, 1)?)))
}

/// In how many events a value was seen before this one.
pub(super) async fn see(connection: &mut AnyConnection, key: Key<'_>, value: &str) -> Result<u64> {
    let before: Option<i64> = sqlx::query_scalar(
        "SELECT times FROM finding_seen \
         WHERE rule_name = $1 AND rule_key = $2 AND seen_value = $3",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(value.to_owned())
    .fetch_optional(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO finding_seen (rule_name, rule_key, seen_value, times) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (rule_name, rule_key, seen_value) \
         DO UPDATE SET times = finding_seen.times + 1",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(value.to_owned())
    .execute(connection)
    .await?;
    Ok(before.and_then(|times| u64::try_from(times).ok()).unwrap_or_default())
}

/// A text as a column can hold it, whatever somebody wrote into an event.
pub(super) fn told_apart(text: String) -> String {
    match text.len() > TEXT_BYTES_MAX || text.contains(char::is_control) {
        true => Digest::of(text.as_bytes()).to_string(),
        false => text,
    }
}

fn written(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

fn read<T: serde::de::DeserializeOwned>(row: &AnyRow, column: usize) -> Result<T> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_string(), source: Box::new(error) }
}
