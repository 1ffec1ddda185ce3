//! The table `view_position`.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe, Executor as _, Row as _};

use crate::view::View;

/// The last sequence of each stream that a view holds.
pub(crate) type Positions = BTreeMap<&'static str, u64>;

/// Reads the view's positions; a stream that it is new to begins at 0.
pub(crate) async fn load(
    connection: &mut AnyConnection,
    view: &dyn View,
) -> Result<Positions, sqlx::Error> {
    for &stream in view.streams() {
        sqlx::query(
            "INSERT INTO view_position (view_name, stream_name, sequence) VALUES ($1, $2, 0)
             ON CONFLICT (view_name, stream_name) DO NOTHING",
        )
        .bind(view.name())
        .bind(stream)
        .execute(&mut *connection)
        .await?;
    }
    read(connection, view).await
}

/// The view's positions as they stand; 0 for a stream that it is new to.
pub(crate) async fn read(
    connection: &mut AnyConnection,
    view: &dyn View,
) -> Result<Positions, sqlx::Error> {
    let mut positions = Positions::new();
    for &stream in view.streams() {
        let row = sqlx::query(
            "SELECT sequence FROM view_position WHERE view_name = $1 AND stream_name = $2",
        )
        .bind(view.name())
        .bind(stream)
        .fetch_optional(&mut *connection)
        .await?;
        let last = row.map_or(Ok(0), |row| row.try_get::<i64, _>(0))?;
        positions.insert(stream, last.unsigned_abs());
    }
    Ok(positions)
}

/// Moves the position, and holds its row until the transaction ends. Answers whether the position was where it was thought.
pub(crate) async fn advance(
    connection: &mut AnyConnection,
    view: &str,
    stream: &str,
    (from, to): (u64, u64),
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "UPDATE view_position SET sequence = $1
         WHERE view_name = $2 AND stream_name = $3 AND sequence = $4",
    )
    .bind(stored(to))
    .bind(view)
    .bind(stream)
    .bind(stored(from))
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Sets every position of the view to 0, and holds its rows until the transaction ends.
pub(crate) async fn reset(connection: &mut AnyConnection, view: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE view_position SET sequence = 0 WHERE view_name = $1")
        .bind(view)
        .execute(connection)
        .await?;
    Ok(())
}

/// Empties the tables, those that refer to others first.
pub(crate) async fn clear(
    connection: &mut AnyConnection,
    tables: &[&'static str],
) -> Result<(), sqlx::Error> {
    for table in tables.iter().rev() {
        // The name is the program's own.
        connection.execute(AssertSqlSafe(format!("DELETE FROM {table}"))).await?;
    }
    Ok(())
}

/// Sequences stay far below 2^63.
fn stored(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}
