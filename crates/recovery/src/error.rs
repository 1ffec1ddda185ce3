//! What can go wrong, by what whoever runs it can do about it.

use std::io;
use std::path::{Path, PathBuf};

use publicdata_audit::client::TilesError;
use publicdata_audit::log::RebuildError;
use publicdata_audit_domain::checkpoint::Doubt;
use publicdata_event_store::restore::RestoreError;
use publicdata_event_store::{AppendError, Error as StoreError};

/// Why there is no backup, or no restored platform. Whatever was begun is not taken for one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is no backup.
    #[error("{} holds no backup; name the folder that `publicdata backup create` wrote to", folder.display())]
    NoBackup {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process writes to the place.
    #[error("another backup is being written to {}; wait for it, or write to another folder", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of the backup is not what was written.
    #[error("{} is damaged: {what}; take the backup from another copy", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A checkpoint in the backup does not count.
    #[error("{} holds a checkpoint that does not count", path.display())]
    Checkpoint {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: Doubt,
    },
    /// The files were encrypted for somebody else.
    #[error("{} was not encrypted for this identity; name the one whose recipient is among {}", path.display(), recipients.join(", "))]
    OtherIdentity {
        /// The file.
        path: PathBuf,
        /// Whom the backup was encrypted for.
        recipients: Vec<String>,
    },
    /// A key cannot be read.
    #[error("{what} is no age key: {why}")]
    Key {
        /// What was given, unless it is secret.
        what: String,
        /// What it should be.
        why: &'static str,
    },
    /// The backup so far can be read by others than what would be added to it.
    #[error(
        "the backup is encrypted for {}, not for {}: whoever reads one part has to read all; name those recipients, or begin a backup in another folder", known.join(", "), given.join(", ")
    )]
    OtherRecipients {
        /// Whom the backup was encrypted for.
        known: Vec<String>,
        /// Who was named now.
        given: Vec<String>,
    },
    /// The platform holds less than its backup.
    #[error(
        "the platform's log has {log} events, but the backup holds {backup}: the platform was restored from an older copy, or lost some; nothing is written over the newer backup"
    )]
    OlderLog {
        /// How many events the backup holds.
        backup: u64,
        /// How many the log has.
        log: u64,
    },
    /// The backup holds less than whoever asks knows of.
    #[error(
        "the backup ends at {backup} events, but the checkpoint that was given is of {known}: what came after event {backup} is not in it; look for a newer backup, or restore without --since, and what is lost stays on record"
    )]
    OlderBackup {
        /// How many events the backup holds.
        backup: u64,
        /// How many the known tree has.
        known: u64,
    },
    /// What was signed is not what is there.
    #[error(
        "the first {size} events of {where_from} do not make the tree that was signed for them: some were changed, left out or put in"
    )]
    OtherTree {
        /// The signed tree's size.
        size: u64,
        /// What they were read from.
        where_from: &'static str,
    },
    /// An event in the store is not the one in the log.
    #[error(
        "event {sequence} of stream {stream} (leaf {index}) is not what was logged: {what}; `publicdata audit verify` says more"
    )]
    EventDiffers {
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
        /// The place in the log.
        index: u64,
        /// What differs.
        what: &'static str,
    },
    /// A view is further than the log.
    #[error(
        "the log has not taken up what the view {view} of {service} holds, for {seconds} s; `publicdata audit coverage` says why"
    )]
    LogBehind {
        /// The service.
        service: String,
        /// The view.
        view: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The audit log cannot be read.
    #[error("the audit log cannot be read")]
    Tiles(#[from] TilesError),
    /// What the log shows is no checkpoint of it.
    #[error("the audit log shows a checkpoint that does not count")]
    Doubt(#[source] Doubt),
    /// A stream cannot be restored.
    #[error("events cannot be restored")]
    Restore(#[from] RestoreError),
    /// The log cannot be restored.
    #[error("the audit log cannot be restored")]
    Log(#[from] RebuildError),
    /// The log's database failed.
    #[error("the log's database failed")]
    Database(#[from] sqlx::Error),
    /// The event store failed.
    #[error("the event store failed")]
    Store(#[from] StoreError),
    /// An event of its own cannot be recorded.
    #[error("it cannot be recorded as an event")]
    Append(#[from] AppendError),
    /// A task of its own was cut off.
    #[error("a background task was cut off")]
    Task(#[from] tokio::task::JoinError),
}

impl Error {
    pub(crate) fn file(
        operation: &'static str,
        path: impl AsRef<Path>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::File { operation, path, source }
    }

    pub(crate) fn damaged(path: impl AsRef<Path>, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.as_ref().to_owned(), what: what.into() }
    }
}
