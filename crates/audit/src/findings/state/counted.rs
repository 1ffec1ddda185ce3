//! What rules count, in parts of the time that they look at.

use sqlx::{AnyConnection, Row as _};

use super::{Key, Place, Result, read, written};

/// How many counted events are evidence at most: the last ones.
const COUNTED_EVIDENCE: usize = 32;
/// More is counted as so much: sums of it still are numbers of the database.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Counts, in the part of the time that begins at `part`.
pub(in crate::findings) async fn count(
    connection: &mut AnyConnection,
    key: Key<'_>,
    part: i64,
    amount: i64,
    place: Place,
) -> Result<()> {
    let row = sqlx::query(
        "SELECT amount, places FROM finding_counted \
         WHERE rule_name = $1 AND rule_key = $2 AND counted_at = $3",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(part)
    .fetch_optional(&mut *connection)
    .await?;
    let (before, mut places): (i64, Vec<Place>) = match row {
        Some(row) => (row.try_get(0)?, read(&row, 1)?),
        None => (0, Vec::new()),
    };
    places.push(place);
    if places.len() > COUNTED_EVIDENCE {
        places.remove(0);
    }
    sqlx::query(
        "INSERT INTO finding_counted (rule_name, rule_key, counted_at, amount, places) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (rule_name, rule_key, counted_at) \
         DO UPDATE SET amount = excluded.amount, places = excluded.places",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(part)
    .bind(before.saturating_add(amount).min(AMOUNT_MAX))
    .bind(written(&places)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// How much came in the parts that begin after `after`, up to and with `until`.
pub(in crate::findings) async fn counted(
    connection: &mut AnyConnection,
    key: Key<'_>,
    after: i64,
    until: i64,
) -> Result<i64> {
    sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM finding_counted \
         WHERE rule_name = $1 AND rule_key = $2 AND counted_at > $3 AND counted_at <= $4",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(after)
    .bind(until)
    .fetch_one(connection)
    .await
}

/// Where what was counted after `after` stands, the last of it, in its order.
pub(in crate::findings) async fn counted_places(
    connection: &mut AnyConnection,
    key: Key<'_>,
    after: i64,
) -> Result<Vec<Place>> {
    let rows = sqlx::query(
        "SELECT places FROM finding_counted \
         WHERE rule_name = $1 AND rule_key = $2 AND counted_at > $3 ORDER BY counted_at",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(after)
    .fetch_all(connection)
    .await?;
    let mut places = Vec::new();
    for row in &rows {
        places.extend(read::<Vec<Place>>(row, 0)?);
    }
    Ok(places.split_off(places.len().saturating_sub(COUNTED_EVIDENCE)))
}

/// Forgets what a rule counted up to `until`.
pub(in crate::findings) async fn forget_counted(
    connection: &mut AnyConnection,
    rule: &str,
    until: i64,
) -> Result<()> {
    sqlx::query("DELETE FROM finding_counted WHERE rule_name = $1 AND counted_at <= $2")
        .bind(rule.to_owned())
        .bind(until)
        .execute(connection)
        .await?;
    Ok(())
}

/// When a rule counted for the first time for this key: now, unless it did before.
pub(in crate::findings) async fn first_counted(
    connection: &mut AnyConnection,
    key: Key<'_>,
    now: i64,
) -> Result<i64> {
    sqlx::query(
        "INSERT INTO finding_seen (rule_name, rule_key, seen_value, times) VALUES ($1, $2, '', $3) \
         ON CONFLICT DO NOTHING",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .bind(now)
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar(
        "SELECT times FROM finding_seen \
         WHERE rule_name = $1 AND rule_key = $2 AND seen_value = ''",
    )
    .bind(key.rule.to_owned())
    .bind(key.key.to_owned())
    .fetch_one(connection)
    .await
}
