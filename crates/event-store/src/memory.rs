//! The twin of the JetStream store for tests of services: the same contract, no server, nothing on disk.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::{AppendError, Appended, Commits, Error, EventStore, NewCommit, Recorded, Subject};

/// As many bytes as a NATS server takes by default.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Streams in memory. Every stream exists, and is empty until somebody appends to it.
pub struct MemoryStore {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    streams: Mutex<BTreeMap<String, watch::Sender<Vec<Recorded>>>>,
}

impl MemoryStore {
    /// An empty store that records the system's time, as a server would.
    #[must_use]
    pub fn new() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "stands for the server, which has a clock of its own"
        )]
        Self::with_clock(Timestamp::now)
    }

    /// An empty store that records what `clock` says.
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), streams: Mutex::default() }
    }

    fn streams(&self) -> MutexGuard<'_, BTreeMap<String, watch::Sender<Vec<Recorded>>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, stream: &str) -> watch::Receiver<Vec<Recorded>> {
        self.streams().entry(stream.to_owned()).or_default().subscribe()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append(
        &self,
        subject: &Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<Appended, AppendError> {
        let command_id = commit.command_id;
        let message_id = command_id.to_string();
        let mut streams = self.streams();
        let stream = streams.entry(subject.stream()).or_default();

        let last = {
            let commits = stream.borrow();
            match commits.iter().find(|recorded| recorded.message_id == message_id) {
                Some(known) if known.subject == *subject => {
                    return Ok(Appended { sequence: known.sequence, repeated: true });
                }
                Some(Recorded { sequence, .. }) => {
                    let (subject, sequence) = (subject.clone(), *sequence);
                    return Err(AppendError::CommandIdTaken { subject, command_id, sequence });
                }
                None => {}
            }
            let last = commits.iter().rfind(|recorded| recorded.subject == *subject);
            last.map_or(0, |recorded| recorded.sequence)
        };
        if last != expected_last {
            return Err(AppendError::Conflict { subject: subject.clone(), expected_last });
        }

        let traceparent = commit.trace().map(str::to_owned);
        let payload = commit.encode();
        if payload.len() > MESSAGE_BYTES_MAX {
            return Err(AppendError::TooLarge {
                subject: subject.clone(),
                bytes: payload.len(),
                bytes_max: MESSAGE_BYTES_MAX,
            });
        }
        let sequence = next_sequence(&stream.borrow());
        let recorded = Recorded {
            stream: subject.stream(),
            sequence,
            subject: subject.clone(),
            recorded_at: (self.clock)(),
            message_id,
            traceparent,
            payload,
        };
        stream.send_modify(|commits| commits.push(recorded));
        Ok(Appended { sequence, repeated: false })
    }

    async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        let commits = self.follow(&subject.stream());
        let commits = commits.borrow();
        let wanted =
            commits.iter().filter(|commit| commit.subject == *subject && commit.sequence > after);
        Ok(wanted.cloned().collect())
    }

    async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        self.load(subject, after).await
    }

    async fn read(
        &self,
        stream: &str,
        from: u64,
        until: Option<Timestamp>,
    ) -> Result<Commits, Error> {
        let commits: Vec<Recorded> = self
            .follow(stream)
            .borrow()
            .iter()
            .skip_while(|commit| commit.sequence < from)
            .take_while(|commit| until.is_none_or(|until| commit.recorded_at <= until))
            .cloned()
            .collect();
        Ok(stream::iter(commits).map(Ok).boxed())
    }

    async fn subscribe(&self, stream: &str, from: u64) -> Result<Commits, Error> {
        let state = (self.follow(stream), from.max(1));
        Ok(stream::unfold(state, |(mut commits, next)| async move {
            let index = usize::try_from(next - 1).ok()?;
            // Fails when the store is gone, and with it the stream.
            let recorded =
                commits.wait_for(|commits| commits.len() > index).await.ok()?[index].clone();
            Some((Ok(recorded), (commits, next + 1)))
        })
        .boxed())
    }

    async fn first_sequence(&self, _: &str) -> Result<u64, Error> {
        Ok(1)
    }

    async fn last_sequence(&self, stream: &str) -> Result<u64, Error> {
        Ok(next_sequence(&self.follow(stream).borrow()) - 1)
    }

    /// None: there is no configuration.
    async fn risks(&self, _: &str) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

fn next_sequence(commits: &[Recorded]) -> u64 {
    commits.last().map_or(1, |commit| commit.sequence + 1)
}
