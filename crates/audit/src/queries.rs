//! Tables to answers. The tables only grow, so what several statements read fits together.

use jiff::Timestamp;
use publicdata_audit_domain::tree::{self, Hashes};
use publicdata_audit_domain::{Coverage, Logged, StoredHash};
use publicdata_types::Digest;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use crate::error::Error;

/// A checkpoint as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// How many leaves it covers.
    pub size: u64,
    /// The note.
    pub note: String,
}

/// A leaf of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRow {
    /// The place in the log, from 0.
    pub index: u64,
    /// The event stream.
    pub stream: String,
    /// The place in it.
    pub sequence: u64,
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
}

/// Which leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Only of this stream; empty for all.
    pub stream: String,
    /// Only subjects that start so; empty for all.
    pub subject_prefix: String,
    /// Not received before this moment.
    pub from: Timestamp,
    /// Not received after this moment.
    pub until: Timestamp,
}

impl LeafRow {
    /// What to say if it is not the leaf that the tree was built with.
    pub(crate) fn altered(&self) -> Error {
        let (stream, sequence) = (self.stream.clone(), self.sequence);
        Error::LeafAltered { stream, sequence, index: self.index }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            stream: String::new(),
            subject_prefix: String::new(),
            from: Timestamp::MIN,
            until: Timestamp::MAX,
        }
    }
}

/// The newest checkpoint; none before the log was opened for the first time.
pub async fn newest_checkpoint(
    connection: &mut AnyConnection,
) -> Result<Option<SignedCheckpoint>, sqlx::Error> {
    let row = sqlx::query("SELECT size, note FROM log_checkpoint ORDER BY size DESC LIMIT 1")
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(SignedCheckpoint { size: number(&row, 0)?, note: row.try_get(1)? }))
        .transpose()
}

/// The oldest checkpoint of a tree that has at least so many leaves, if one was signed.
pub async fn checkpoint_from(
    connection: &mut AnyConnection,
    size: u64,
) -> Result<Option<SignedCheckpoint>, sqlx::Error> {
    let row =
        sqlx::query("SELECT size, note FROM log_checkpoint WHERE size >= $1 ORDER BY size LIMIT 1")
            .bind(bound(size))
            .fetch_optional(connection)
            .await?;
    row.map(|row| Ok(SignedCheckpoint { size: number(&row, 0)?, note: row.try_get(1)? }))
        .transpose()
}

/// The checkpoint of the tree of this size, if one was signed.
pub async fn checkpoint_of(
    connection: &mut AnyConnection,
    size: u64,
) -> Result<Option<SignedCheckpoint>, sqlx::Error> {
    let row = sqlx::query("SELECT note FROM log_checkpoint WHERE size = $1")
        .bind(bound(size))
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(SignedCheckpoint { size, note: row.try_get(0)? })).transpose()
}

/// The signature lines that witnesses gave to the checkpoint of this size, without their ends.
pub async fn cosignatures(
    connection: &mut AnyConnection,
    size: u64,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT line FROM log_cosignature WHERE size = $1 ORDER BY witness")
        .bind(bound(size))
        .fetch_all(connection)
        .await
}

/// The last checkpoint that a witness signed: its size, and when that was.
pub async fn last_cosigned(
    connection: &mut AnyConnection,
    witness: &str,
) -> Result<Option<(u64, u64)>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT size, cosigned_at FROM log_cosignature WHERE witness = $1 ORDER BY size DESC LIMIT 1",
    )
    .bind(witness.to_owned())
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((number(&row, 0)?, number(&row, 1)?))).transpose()
}

/// These stored hashes of the tree; one that is not there, or cannot be read, is left out.
pub async fn hashes(
    connection: &mut AnyConnection,
    indexes: &[u64],
) -> Result<Hashes, sqlx::Error> {
    if indexes.is_empty() {
        return Ok(Hashes::default());
    }
    let places: Vec<String> = (1..=indexes.len()).map(|place| format!("${place}")).collect();
    let places = places.join(", ");
    let select = format!("SELECT hash_index, hash FROM log_hash WHERE hash_index IN ({places})");
    // Nothing but numbered places is put into the text.
    let mut query = sqlx::query(AssertSqlSafe(select));
    for index in indexes {
        query = query.bind(bound(*index));
    }

    let rows = query.fetch_all(connection).await?;
    let stored = |row| Some(StoredHash { index: number(row, 0).ok()?, hash: digest(row, 1).ok()? });
    Ok(rows.iter().filter_map(stored).collect())
}

/// The hash that the tree was built with for the leaf at `index`.
pub async fn leaf_hash(
    connection: &mut AnyConnection,
    index: u64,
) -> Result<Option<Digest>, sqlx::Error> {
    let index = tree::stored_leaf_index(index);
    Ok(hashes(connection, &[index]).await?.at(index).ok())
}

/// The leaf at `index`.
pub async fn leaf_at(
    connection: &mut AnyConnection,
    index: u64,
) -> Result<Option<LeafRow>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT leaf_index, stream_name, sequence, leaf FROM log_leaf WHERE leaf_index = $1",
    )
    .bind(bound(index))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(leaf).transpose()
}

/// The leaf of the event at `sequence` of `stream`.
pub async fn leaf_of(
    connection: &mut AnyConnection,
    stream: &str,
    sequence: u64,
) -> Result<Option<LeafRow>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT leaf_index, stream_name, sequence, leaf FROM log_leaf \
         WHERE stream_name = $1 AND sequence = $2",
    )
    .bind(stream.to_owned())
    .bind(bound(sequence))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(leaf).transpose()
}

/// The first `limit` leaves from `range.start` on, and before `range.end`, that the filter lets through.
pub async fn leaves(
    connection: &mut AnyConnection,
    filter: &Filter,
    range: std::ops::Range<u64>,
    limit: u32,
) -> Result<Vec<LeafRow>, sqlx::Error> {
    let prefix_length = i64::try_from(filter.subject_prefix.chars().count()).unwrap_or(i64::MAX);
    let rows = sqlx::query(
        "SELECT leaf_index, stream_name, sequence, leaf FROM log_leaf \
         WHERE leaf_index >= $1 AND leaf_index < $2 \
         AND ($3 = '' OR stream_name = $3) \
         AND ($4 = '' OR substr(subject, 1, CAST($5 AS INTEGER)) = $4) \
         AND recorded_at >= $6 AND recorded_at <= $7 \
         ORDER BY leaf_index LIMIT $8",
    )
    .bind(bound(range.start))
    .bind(bound(range.end))
    .bind(filter.stream.clone())
    .bind(filter.subject_prefix.clone())
    .bind(prefix_length)
    .bind(filter.from.as_microsecond())
    .bind(filter.until.as_microsecond())
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(leaf).collect()
}

/// The leaves of a stream's events with these sequence numbers, in their order; one that cannot be read is left out.
pub async fn leaves_of(
    connection: &mut AnyConnection,
    stream: &str,
    sequences: std::ops::Range<u64>,
) -> Result<Vec<LeafRow>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT leaf_index, stream_name, sequence, leaf FROM log_leaf \
         WHERE stream_name = $1 AND sequence >= $2 AND sequence < $3 ORDER BY sequence",
    )
    .bind(stream.to_owned())
    .bind(bound(sequences.start))
    .bind(bound(sequences.end))
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().filter_map(|row| leaf(row).ok()).collect())
}

/// The last of a stream's events with these sequence numbers that was received before this moment, to the microsecond, and is among the
/// first `size` leaves.
pub async fn last_received_before(
    connection: &mut AnyConnection,
    stream: &str,
    sequences: std::ops::Range<u64>,
    size: u64,
    before: Timestamp,
) -> Result<Option<u64>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT sequence FROM log_leaf \
         WHERE stream_name = $1 AND sequence >= $2 AND sequence < $3 \
         AND leaf_index < $4 AND recorded_at < $5 \
         ORDER BY sequence DESC LIMIT 1",
    )
    .bind(stream.to_owned())
    .bind(bound(sequences.start))
    .bind(bound(sequences.end))
    .bind(bound(size))
    .bind(before.as_microsecond())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(|row| number(row, 0)).transpose()
}

/// How far each stream is in the log.
pub async fn coverage(connection: &mut AnyConnection) -> Result<Coverage, sqlx::Error> {
    let rows = sqlx::query("SELECT stream_name, logged_sequence, logged_count FROM log_stream")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let logged = Logged { sequence: number(row, 1)?, count: number(row, 2)? };
            Ok((row.try_get(0)?, logged))
        })
        .collect()
}

/// A number as the databases hold it. A log of one event a nanosecond would take 292 years to get beyond.
pub(crate) fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn leaf(row: &AnyRow) -> Result<LeafRow, sqlx::Error> {
    let text: String = row.try_get(3)?;
    Ok(LeafRow {
        index: number(row, 0)?,
        stream: row.try_get(1)?,
        sequence: number(row, 2)?,
        leaf: hex::decode(text).map_err(|error| unreadable(3, error))?,
    })
}

fn number(row: &AnyRow, column: usize) -> Result<u64, sqlx::Error> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|error| unreadable(column, error))
}

fn digest(row: &AnyRow, column: usize) -> Result<Digest, sqlx::Error> {
    let mut bytes = [0; 32];
    let text: String = row.try_get(column)?;
    hex::decode_to_slice(text, &mut bytes).map_err(|error| unreadable(column, error))?;
    Ok(Digest::from_bytes(bytes))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_string(), source: Box::new(error) }
}
