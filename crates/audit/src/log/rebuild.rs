//! A log that was lost is written again, from its leaves in their order and from checkpoints that were signed for it.

use std::collections::BTreeMap;

use publicdata_audit_domain::{Admission, Checkpoint, Coverage, StoredHash, Tree, Verifier};
use publicdata_event_store::Recorded;
use publicdata_views::{Database, Transaction};

use super::{Gap, LogError, MIGRATIONS, rows};
use crate::leaf::Entry;
use crate::queries;

/// Leaves that are written at once.
const BATCH: usize = 1_024;

/// A log that is being written again, in one transaction: there is all of it in the end, or nothing.
pub struct Rebuild {
    transaction: Transaction,
    /// What was signed, by the size of the tree.
    signed: BTreeMap<u64, (String, Checkpoint)>,
    tree: Tree,
    coverage: Coverage,
    batch: Vec<(u64, Entry)>,
    hashes: Vec<StoredHash>,
}

/// Why a log cannot be written again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There is a log already.
    #[error("the database holds a log of {size} events already; name one that holds none")]
    NotEmpty {
        /// Its size.
        size: u64,
    },
    /// An event is missing.
    #[error(
        "stream {} goes on with event {}, where event {} should come", .0.stream, .0.found, .0.expected
    )]
    Gap(Gap),
    /// The events are not those that were signed.
    #[error("the first {size} events do not make the tree that was signed")]
    OtherRoot {
        /// The signed tree's size.
        size: u64,
    },
    /// Events are missing at the end.
    #[error("there are {size} events; the checkpoint was signed for {signed}")]
    Short {
        /// How many there are.
        size: u64,
        /// How many were signed.
        signed: u64,
    },
    /// The log cannot be written.
    #[error("the log cannot be written")]
    Log(#[from] LogError),
}

impl Rebuild {
    /// Begins to write the log into a database that holds none. `notes` are checkpoints that were signed for it; the largest is that of
    /// the whole.
    ///
    /// # Errors
    /// The database holds a log, or cannot be used; a note is no checkpoint of the log.
    pub async fn begin(
        database: &Database,
        verifier: &Verifier,
        notes: &[String],
    ) -> Result<Self, RebuildError> {
        database.migrate("log", MIGRATIONS).await.map_err(LogError::from)?;
        let mut signed = BTreeMap::new();
        for note in notes {
            let found = verifier.checkpoint(note.as_bytes()).map_err(LogError::Checkpoint)?;
            signed.insert(found.size, (note.clone(), found));
        }
        let mut transaction = database.begin().await.map_err(LogError::from)?;
        let newest = queries::newest_checkpoint(transaction.connection()).await;
        let size = newest.map_err(LogError::from)?.map_or(0, |newest| newest.size);
        if size > 0 {
            return Err(RebuildError::NotEmpty { size });
        }
        let (tree, coverage) = (Tree::default(), Coverage::default());
        Ok(Self { transaction, signed, tree, coverage, batch: Vec::new(), hashes: Vec::new() })
    }

    /// Appends the next event of the log.
    ///
    /// # Errors
    /// It is not the next one of its stream, or with it the tree is not the one that was signed.
    pub async fn append(&mut self, recorded: &Recorded) -> Result<(), RebuildError> {
        let entry = Entry::from(recorded);
        let expected = self.coverage.of(&entry.stream).sequence + 1;
        if self.coverage.admit(&entry.stream, entry.sequence) != Admission::Enters {
            let (stream, found) = (entry.stream, entry.sequence);
            return Err(RebuildError::Gap(Gap { stream, expected, found }));
        }
        let index = self.tree.size();
        self.hashes.extend(self.tree.append(&entry.leaf));
        self.batch.push((index, entry));
        let size = self.tree.size();
        if self.signed.get(&size).is_some_and(|(_, signed)| signed.hash != self.tree.root()) {
            return Err(RebuildError::OtherRoot { size });
        }
        if self.batch.len() >= BATCH {
            self.write().await?;
        }
        Ok(())
    }

    /// That was all: the log is what was signed, and is written.
    ///
    /// # Errors
    /// Events are missing, or the database failed.
    pub async fn finish(mut self) -> Result<Checkpoint, RebuildError> {
        self.write().await?;
        let size = self.tree.size();
        let (largest, root) = (self.signed.keys().next_back().copied(), self.tree.root());
        if largest != Some(size) {
            return Err(RebuildError::Short { size, signed: largest.unwrap_or_default() });
        }
        let connection = self.transaction.connection();
        for (stream, logged) in self.coverage.streams() {
            let saved = rows::save_position(&mut *connection, stream, logged).await;
            saved.map_err(LogError::from)?;
        }
        // That of the empty tree is signed anew when the log is opened.
        for (size, (note, _)) in self.signed.iter().filter(|(size, _)| **size > 0) {
            let inserted = rows::insert_checkpoint(&mut *connection, *size, note).await;
            inserted.map_err(LogError::from)?;
        }
        self.transaction.commit().await.map_err(LogError::from)?;
        Ok(Checkpoint { size, hash: root })
    }

    async fn write(&mut self) -> Result<(), LogError> {
        let entered: Vec<_> = self.batch.iter().map(|(index, entry)| (*index, entry)).collect();
        let connection = self.transaction.connection();
        rows::insert_leaves(&mut *connection, &entered).await?;
        rows::insert_hashes(&mut *connection, &self.hashes).await?;
        self.batch.clear();
        self.hashes.clear();
        Ok(())
    }
}

impl std::fmt::Debug for Rebuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rebuild").field("size", &self.tree.size()).finish_non_exhaustive()
    }
}
