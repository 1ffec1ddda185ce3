//! Rows of the log, many a statement.

use publicdata_audit_domain::{Cosignature, Logged, StoredHash};
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::leaf::Entry;
use crate::queries::bound;

/// Rows one statement takes at most: SQLite allows 32,766 values in one.
const ROWS_MAX: usize = 500;

pub(super) async fn begin_log(
    connection: &mut AnyConnection,
    note: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO log_checkpoint (size, note) VALUES (0, $1) ON CONFLICT (size) DO NOTHING",
    )
    .bind(note.to_owned())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_leaves(
    connection: &mut AnyConnection,
    entered: &[(u64, &Entry)],
) -> Result<(), sqlx::Error> {
    const INSERT: &str = "INSERT INTO log_leaf \
        (leaf_index, stream_name, sequence, subject, message_id, recorded_at, leaf) VALUES";
    for chunk in entered.chunks(ROWS_MAX) {
        let text = format!("{INSERT} {}", places(chunk.len(), 7));
        let mut insert = sqlx::query(AssertSqlSafe(text));
        for (index, entry) in chunk {
            insert = insert
                .bind(bound(*index))
                .bind(entry.stream.clone())
                .bind(bound(entry.sequence))
                .bind(entry.subject.clone())
                .bind(entry.message_id.clone())
                .bind(entry.recorded_at.as_microsecond())
                .bind(hex::encode(&entry.leaf));
        }
        insert.execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn insert_hashes(
    connection: &mut AnyConnection,
    hashes: &[StoredHash],
) -> Result<(), sqlx::Error> {
    for chunk in hashes.chunks(ROWS_MAX) {
        let text =
            format!("INSERT INTO log_hash (hash_index, hash) VALUES {}", places(chunk.len(), 2));
        let mut insert = sqlx::query(AssertSqlSafe(text));
        for stored in chunk {
            insert = insert.bind(bound(stored.index)).bind(hex::encode(stored.hash.as_bytes()));
        }
        insert.execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn save_position(
    connection: &mut AnyConnection,
    stream: &str,
    logged: Logged,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO log_stream (stream_name, logged_sequence, logged_count) VALUES ($1, $2, $3) \
         ON CONFLICT (stream_name) DO UPDATE SET \
         logged_sequence = excluded.logged_sequence, logged_count = excluded.logged_count",
    )
    .bind(stream.to_owned())
    .bind(bound(logged.sequence))
    .bind(bound(logged.count))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_checkpoint(
    connection: &mut AnyConnection,
    size: u64,
    note: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO log_checkpoint (size, note) VALUES ($1, $2)")
        .bind(bound(size))
        .bind(note.to_owned())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn insert_cosignature(
    connection: &mut AnyConnection,
    size: u64,
    witness: &str,
    cosignature: &Cosignature,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO log_cosignature (size, witness, cosigned_at, line) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (size, witness) DO NOTHING",
    )
    .bind(bound(size))
    .bind(witness.to_owned())
    .bind(bound(cosignature.time_s))
    .bind(cosignature.line.clone())
    .execute(connection)
    .await?;
    Ok(())
}

/// `($1, $2), ($3, $4)` for two rows of two columns.
fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> =
            (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
