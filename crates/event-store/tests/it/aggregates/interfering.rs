//! A store that gets in the way.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use publicdata_event_store::memory::MemoryStore;
use publicdata_event_store::{
    AppendError, Appended, Commits, Error, EventStore, NewCommit, Recorded, Subject,
};

use super::counter::{ADDED, wire};
use crate::kit::new_command_id;

#[derive(Debug)]
pub(crate) enum Trouble {
    /// The first append is carried out, but nobody learns of it.
    AnswerLost,
    /// Somebody else always appends first.
    OthersFaster,
}

#[derive(Debug)]
pub(crate) struct Interfering {
    store: MemoryStore,
    trouble: Trouble,
    done: AtomicBool,
}

impl Interfering {
    pub(crate) fn new(trouble: Trouble) -> Self {
        Self { store: MemoryStore::new(), trouble, done: AtomicBool::new(false) }
    }
}

#[async_trait]
impl EventStore for Interfering {
    async fn append(
        &self,
        subject: &Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<Appended, AppendError> {
        match self.trouble {
            Trouble::AnswerLost => {
                let appended = self.store.append(subject, expected_last, commit).await?;
                if self.done.swap(true, Ordering::Relaxed) {
                    return Ok(appended);
                }
                Err(Error::Unavailable { operation: "append", source: "lost".into() }.into())
            }
            Trouble::OthersFaster => {
                let command_id = new_command_id();
                let events = vec![wire(ADDED, 1)];
                let faster = NewCommit { command_id, events, ..commit.clone() };
                self.store.append(subject, expected_last, faster).await?;
                self.store.append(subject, expected_last, commit).await
            }
        }
    }

    async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        self.store.load(subject, after).await
    }

    async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        self.store.tail(subject, after).await
    }

    async fn read(
        &self,
        stream: &str,
        from: u64,
        until: Option<Timestamp>,
    ) -> Result<Commits, Error> {
        self.store.read(stream, from, until).await
    }

    async fn subscribe(&self, stream: &str, from: u64) -> Result<Commits, Error> {
        self.store.subscribe(stream, from).await
    }

    async fn first_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.store.first_sequence(stream).await
    }

    async fn last_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.store.last_sequence(stream).await
    }

    async fn risks(&self, stream: &str) -> Result<Vec<String>, Error> {
        self.store.risks(stream).await
    }
}
