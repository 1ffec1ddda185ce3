//! What both databases have in common: notes as rows, batches apart from their changes, and what an error means.

use arrow::array::{AsArray as _, RecordBatch, StringArray};
use prost::Message as _;
use publicdata_proto::exchange::v1::ConfirmDeliveryRequest;
use publicdata_transfer::push::{Content, UPSERT};
use publicdata_types::SubscriptionId;

use super::note::{follows_of, follows_word};
use super::sql::NOTE_COLUMNS;
use super::{Intake, Note, SinkError};
use crate::source::Cause;
use crate::source::sql::identifier;

/// A note as a row.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Stored {
    pub(super) subscription_id: String,
    pub(super) number: i64,
    pub(super) transfer_id: String,
    pub(super) run: String,
    pub(super) follows: String,
    pub(super) row_count: i64,
    pub(super) row_total: i64,
    pub(super) run_began_at: String,
    pub(super) committed_at: String,
    pub(super) source_version: String,
    /// In hexadecimal.
    pub(super) receipt: String,
}

/// What became of each row of a batch.
pub(super) struct Changes(Option<StringArray>);

/// What a database answered, without the values that its own message may quote (H5).
#[derive(Debug, thiserror::Error)]
#[error("the database answered {code}{}", .message.as_deref().map(|text| format!(" ({text})")).unwrap_or_default())]
struct Answer {
    code: String,
    message: Option<String>,
}

impl Stored {
    pub(super) fn of(subscription: SubscriptionId, note: &Note) -> Self {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            subscription_id: subscription.to_string(),
            number: number(note.number),
            transfer_id: note.transfer.to_string(),
            run: note.run.as_str().to_owned(),
            follows: follows_word(note.follows).to_owned(),
            row_count: number(note.rows),
            row_total: number(note.rows_total),
            run_began_at: note.run_began_at.to_string(),
            committed_at: note.at.to_string(),
            source_version: note.source_version.clone(),
            receipt: hex::encode(note.receipt.encode_to_vec()),
        }
    }

    pub(super) fn note(self, kind: &'static str) -> Result<Note, SinkError> {
        let place = format!("delivery {}", self.number);
        self.read().ok_or(SinkError::Damaged { kind, place })
    }

    fn read(self) -> Option<Note> {
        let receipt = hex::decode(self.receipt).ok()?;
        Some(Note {
            number: self.number.try_into().ok()?,
            transfer: self.transfer_id.parse().ok()?,
            run: self.run.parse().ok()?,
            follows: follows_of(&self.follows)?,
            rows: self.row_count.try_into().ok()?,
            rows_total: self.row_total.try_into().ok()?,
            run_began_at: self.run_began_at.parse().ok()?,
            at: self.committed_at.parse().ok()?,
            source_version: self.source_version,
            receipt: ConfirmDeliveryRequest::decode(receipt.as_slice()).ok()?,
        })
    }
}

impl Changes {
    pub(super) fn word(&self, row: usize) -> &str {
        self.0.as_ref().map_or(UPSERT, |words| words.value(row))
    }
}

/// Takes the column that says what became of each row from the others.
pub(super) fn split(intake: &Intake, batch: &RecordBatch) -> (Changes, RecordBatch) {
    let words = match intake.content {
        Content::Whole => None,
        Content::Changes(_) => batch.column(0).as_string_opt::<i32>().cloned(),
    };
    let first = usize::from(words.is_some());
    let rest: Vec<usize> = (first..batch.num_columns()).collect();
    let rows = batch.project(&rest).unwrap_or_else(|_| batch.clone());
    (Changes(words), rows)
}

/// The notes of a subscription that fulfil a condition, which may also order and limit them.
pub(super) fn select(notes: &str, condition: &str) -> String {
    format!("SELECT {NOTE_COLUMNS} FROM {notes} WHERE subscription_id = $1 AND {condition}")
}

pub(super) fn confirm(notes: &str) -> String {
    format!("UPDATE {notes} SET confirmed = 1 WHERE subscription_id = $1 AND transfer_id = $2")
}

/// How many deliveries there are, and whether this transfer is one of them.
pub(super) fn known(notes: &str) -> String {
    format!(
        "SELECT COALESCE(MAX(number), 0) AS last, \
         COALESCE(SUM(CASE WHEN transfer_id = $2 THEN 1 ELSE 0 END), 0) AS taken \
         FROM {notes} WHERE subscription_id = $1"
    )
}

pub(super) fn insert(notes: &str) -> String {
    format!(
        "INSERT INTO {notes} ({NOTE_COLUMNS}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    )
}

pub(super) fn prune(notes: &str) -> String {
    format!("DELETE FROM {notes} WHERE subscription_id = $1 AND number < $2 AND confirmed = 1")
}

/// Finds a row that lacks its key.
pub(super) fn null_key(incoming: &str, column: &str) -> String {
    format!("SELECT 1 FROM {incoming} WHERE {} IS NULL LIMIT 1", identifier(column))
}

/// What SQLite said, as a cause.
pub(super) fn cause(error: sqlx::Error) -> Cause {
    let code = error.as_database_error().and_then(|answer| answer.code().map(Into::into));
    match code {
        Some(code) => Cause::new(Answer { code, message: None }),
        None => Cause::new(error),
    }
}

pub(super) fn failed(kind: &'static str, error: sqlx::Error) -> SinkError {
    // Classes that speak of connections, rights, room and names; the others may quote a value.
    const CLASSES_WITHOUT_DATA: [&str; 6] = ["08", "28", "3D", "42", "53", "57"];
    const DISK_FULL: [&str; 2] = ["53100", "13"];
    // Of SQLite: it speaks of statements, in which no value stands.
    const STATEMENT_WRONG: &str = "1";

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others mean the same here")]
    match error {
        sqlx::Error::Database(answer) => {
            let code = answer.code().unwrap_or_default().into_owned();
            let harmless = code == STATEMENT_WRONG
                || CLASSES_WITHOUT_DATA.iter().any(|class| code.starts_with(class));
            let message = harmless.then(|| answer.message().to_owned());
            let is_full = DISK_FULL.contains(&code.as_str());
            let source = Cause::new(Answer { code, message });
            match is_full {
                true => SinkError::Full { kind, source },
                false => SinkError::Failed { kind, source },
            }
        }
        error @ (sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Configuration(_)) => {
            SinkError::Unavailable { kind, source: Cause::new(error) }
        }
        error => SinkError::Failed { kind, source: Cause::new(error) },
    }
}
