//! The log itself: leaves, stored hashes, positions and checkpoint, each batch in one transaction.

use publicdata_audit_domain::tree::{self, HashMissing};
use publicdata_audit_domain::{
    Admission, Checkpoint, Cosignature, Coverage, LogKey, StoredHash, Tree, Verifier, Witness,
    checkpoint,
};
use publicdata_views::{Database, DatabaseError, Engine};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, Connection as _, Executor as _};
use tokio::sync::watch;

use crate::leaf::Entry;
use crate::{metrics, queries};

const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_log.sql"),
    include_str!("../migrations/0002_cosignature.sql"),
];

mod rebuild;
mod rows;

pub use rebuild::{Rebuild, RebuildError};

/// The log, as its one writer holds it.
pub struct Log {
    database: Database,
    key: LogKey,
    verifier: Verifier,
    /// What the tables hold; unknown after a failure, when nobody can say whether the transaction was committed.
    state: Option<State>,
    size: watch::Sender<u64>,
}

struct State {
    tree: Tree,
    coverage: Coverage,
}

/// What an append did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Appended<'a> {
    /// What entered the log, with its index.
    pub entered: Vec<(u64, &'a Entry)>,
    /// What did not enter, because events before it are missing.
    pub gaps: Vec<Gap>,
}

/// A gap in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The stream.
    pub stream: String,
    /// The sequence that should have come.
    pub expected: u64,
    /// The sequence that came.
    pub found: u64,
}

/// Why the log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The tables cannot be made.
    #[error("cannot make the tables of the log")]
    Tables(#[from] DatabaseError),
    /// The database refused or failed.
    #[error("the log's database failed")]
    Database(#[from] sqlx::Error),
    /// The newest checkpoint does not count.
    #[error(
        "the log's newest checkpoint was not signed with the log's key; restore the key that belongs to this database"
    )]
    Checkpoint(#[source] checkpoint::Doubt),
    /// A key that the log was signed with is not at hand: whoever demands its signature would miss it.
    #[error(
        "the log's newest checkpoint was signed with {key} too, which is not at hand; restore log.sm2.key, and set `sm2 = true`"
    )]
    KeyLeftOut {
        /// The key, as `<origin>+<id>`.
        key: String,
    },
    /// A hash is gone.
    #[error("the log's tree is damaged; restore the database from a copy")]
    HashMissing(#[from] HashMissing),
    /// The tree is not what was signed.
    #[error(
        "the log's tree does not have the root that was signed for its {size} leaves; restore the database from a copy"
    )]
    OtherRoot {
        /// The signed tree's size.
        size: u64,
    },
    /// The log's own verifier key is unusable.
    #[error("the log's key has no verifier key")]
    Key(#[from] checkpoint::KeyError),
}

impl LogError {
    /// Whether another process has written to the same log meanwhile.
    pub(crate) fn is_contested(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.is_unique_violation(),
            Self::Tables(_)
            | Self::Database(_)
            | Self::Checkpoint(_)
            | Self::KeyLeftOut { .. }
            | Self::HashMissing(_)
            | Self::OtherRoot { .. }
            | Self::Key(_) => false,
        }
    }
}

impl Log {
    /// Takes up the log in `database`, or begins one, and checks that it is the one that `key` has signed.
    ///
    /// # Errors
    /// The database cannot be used, is damaged, or belongs to another key.
    pub async fn open(database: Database, key: LogKey) -> Result<Self, LogError> {
        database.migrate("log", MIGRATIONS).await?;
        let empty = Checkpoint { size: 0, hash: Tree::default().root() };
        let mut transaction = database.begin().await?;
        rows::begin_log(transaction.connection(), &note(&key, &empty)).await?;
        transaction.commit().await?;

        let verifier = key.verifier_key().parse()?;
        let size = watch::Sender::new(0);
        let mut log = Self { database, key, verifier, state: None, size };
        let state = log.load().await?;
        log.size.send_replace(state.tree.size());
        metrics::log_size(state.tree.size());
        log.state = Some(state);
        Ok(log)
    }

    /// How many leaves the log has, as it grows.
    #[must_use]
    pub fn size(&self) -> watch::Receiver<u64> {
        self.size.subscribe()
    }

    /// Where `stream` goes on: the sequence of its next event.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn next_sequence(&mut self, stream: &str) -> Result<u64, LogError> {
        let state = self.take_state().await?;
        let next = state.coverage.of(stream).sequence + 1;
        self.state = Some(state);
        Ok(next)
    }

    /// Appends what is not in the log yet, all of it or nothing. To be repeated with the same entries after a failure: what
    /// was written nevertheless is then left out.
    ///
    /// # Errors
    /// The tables cannot be read or written.
    pub async fn append<'a>(&mut self, entries: &'a [Entry]) -> Result<Appended<'a>, LogError> {
        let mut state = self.take_state().await?;
        let mut appended = Appended::default();
        let mut hashes = Vec::new();
        for entry in entries {
            match state.coverage.admit(&entry.stream, entry.sequence) {
                Admission::Enters => {
                    appended.entered.push((state.tree.size(), entry));
                    hashes.extend(state.tree.append(&entry.leaf));
                }
                Admission::Logged => {}
                Admission::Gap { expected } => {
                    let (stream, found) = (entry.stream.clone(), entry.sequence);
                    appended.gaps.push(Gap { stream, expected, found });
                }
            }
        }

        if !appended.entered.is_empty() {
            self.write(&appended.entered, &hashes, &state).await?;
            self.size.send_replace(state.tree.size());
        }
        self.state = Some(state);
        Ok(appended)
    }

    /// Taken, not borrowed: if whatever follows fails or is cancelled, the tables are read again.
    async fn take_state(&mut self) -> Result<State, LogError> {
        match self.state.take() {
            Some(state) => Ok(state),
            None => {
                let state = self.load().await?;
                // Another process may have written meanwhile.
                self.size.send_replace(state.tree.size());
                Ok(state)
            }
        }
    }

    async fn load(&self) -> Result<State, LogError> {
        let mut snapshot = self.database.snapshot().await?;
        let connection = snapshot.connection();
        let newest =
            queries::newest_checkpoint(connection).await?.ok_or(sqlx::Error::RowNotFound)?;
        let signed =
            self.verifier.checkpoint(newest.note.as_bytes()).map_err(LogError::Checkpoint)?;
        if let Some(key) = self.key.left_out(newest.note.as_bytes()) {
            return Err(LogError::KeyLeftOut { key });
        }
        let hashes = queries::hashes(connection, &tree::edge_indexes(signed.size)).await?;
        let tree = Tree::resume(signed.size, &hashes)?;
        if tree.root() != signed.hash {
            return Err(LogError::OtherRoot { size: signed.size });
        }
        let coverage = queries::coverage(connection).await?;
        snapshot.commit().await?;
        Ok(State { tree, coverage })
    }

    async fn write(
        &self,
        entered: &[(u64, &Entry)],
        hashes: &[StoredHash],
        state: &State,
    ) -> Result<(), LogError> {
        let checkpoint = Checkpoint { size: state.tree.size(), hash: state.tree.root() };
        // In line with the rules and the view of findings, which write to the same file.
        let _turn = self.database.turn().await;
        let mut connection = self.database.pool().acquire().await?;
        let mut transaction = begin_synced(self.database.engine(), &mut connection).await?;

        rows::insert_leaves(&mut transaction, entered).await?;
        rows::insert_hashes(&mut transaction, hashes).await?;
        for (stream, logged) in state.coverage.streams() {
            if entered.iter().any(|(_, entry)| entry.stream == stream) {
                rows::save_position(&mut transaction, stream, logged).await?;
            }
        }
        rows::insert_checkpoint(&mut transaction, checkpoint.size, &note(&self.key, &checkpoint))
            .await?;

        transaction.commit().await?;
        Ok(())
    }
}

/// Keeps what a witness signed. Should it be lost, the witness is asked again.
pub(crate) async fn keep_cosignature(
    database: &Database,
    size: u64,
    witness: &Witness,
    cosignature: &Cosignature,
) -> Result<(), sqlx::Error> {
    let mut transaction = database.begin().await?;
    rows::insert_cosignature(transaction.connection(), size, &witness.id(), cosignature).await?;
    transaction.commit().await
}

/// Begins a transaction that survives a power failure once it is committed.
///
/// Views may lose their last transactions, because events bring them back. A log may not: the order in which events of
/// several streams entered stands nowhere else, and a checkpoint that was seen outside can't be taken back.
async fn begin_synced(
    engine: Engine,
    connection: &mut PoolConnection<Any>,
) -> Result<sqlx::Transaction<'_, Any>, sqlx::Error> {
    let connection: &mut AnyConnection = connection;
    match engine {
        Engine::Sqlite => {
            connection.execute("PRAGMA synchronous = FULL").await?;
            connection.begin_with("BEGIN IMMEDIATE").await
        }
        Engine::Postgres => {
            let mut transaction = connection.begin().await?;
            transaction.execute("SET LOCAL synchronous_commit = on").await?;
            Ok(transaction)
        }
    }
}

fn note(key: &LogKey, checkpoint: &Checkpoint) -> String {
    String::from_utf8_lossy(&key.sign(checkpoint)).into_owned()
}

#[cfg(test)]
mod tests;
