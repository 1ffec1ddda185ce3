//! Commands to aggregates: load, decide, append, and again if somebody was faster.

mod known;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;
use prost::{Message, Name};
use prost_types::Any;
use publicdata_decider::Decider;
use publicdata_types::CommandId;
use tokio::time::timeout;

use crate::retry::Backoff;
use crate::{AppendError, BoxError, NewCommit, Recorded, Store, Subject, SubjectError};
use known::{Entry, Known};

/// How many aggregates of a kind are kept in memory.
const CACHE_AGGREGATES: u64 = 10_000;
/// How often a command is decided on before [`ExecuteError::Busy`].
const ATTEMPTS_MAX: u32 = 10;
/// How long a command waits for the one before it, in this process and to the same aggregate.
const TURN_TIMEOUT: Duration = Duration::from_secs(15);

/// How the aggregates of one kind are stored. Each service implements it in its `codec.rs`.
pub trait Codec: Send + Sync + 'static {
    /// The rules.
    type Aggregate: Decider<Command: Clone + Send + Sync, Event: Send + Sync, Rejection: Send>
        + Default
        + Clone
        + Send
        + Sync
        + 'static;

    /// The service, as in the subject.
    const SERVICE: &'static str;
    /// The kind of aggregate, as in the subject.
    const AGGREGATE: &'static str;

    /// The wire event that says what `event` says.
    fn encode(event: &EventOf<Self>) -> Any;

    /// The event that a wire event stands for, however old its version.
    ///
    /// `None`: an event of a newer version, which this reader may skip.
    ///
    /// # Errors
    /// If it is no event of this aggregate, and cannot be skipped.
    fn decode(any: &Any) -> Result<Option<EventOf<Self>>, DecodeError>;
}

/// The commands of a codec's aggregate.
pub type CommandOf<C> = <<C as Codec>::Aggregate as Decider>::Command;
/// The events of a codec's aggregate.
pub type EventOf<C> = <<C as Codec>::Aggregate as Decider>::Event;
/// The rejections of a codec's aggregate.
pub type RejectionOf<C> = <<C as Codec>::Aggregate as Decider>::Rejection;

/// What comes with a command from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Names the command: whoever repeats it repeats the id.
    pub command_id: CommandId,
    /// Who acts, as a SPIFFE id.
    pub actor: String,
    /// When, by the service's clock.
    pub at: Timestamp,
    /// The trace that the command belongs to.
    pub traceparent: Option<String>,
}

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed<A> {
    /// The sequence of its commit; of the aggregate's last commit, if there was nothing left to say.
    pub sequence: u64,
    /// The aggregate right after that commit.
    pub state: A,
    /// Whether the commit stood in the aggregate already.
    pub repeated: bool,
}

/// A wire event that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("event {type_url} cannot be read")]
pub struct DecodeError {
    /// Its type.
    pub type_url: String,
    /// What is wrong with it.
    pub source: BoxError,
}

impl DecodeError {
    /// Why this event cannot be read.
    #[must_use]
    pub fn new(event: &Any, source: impl Into<BoxError>) -> Self {
        Self { type_url: event.type_url.clone(), source: source.into() }
    }
}

/// A wire event, with its type.
#[must_use]
pub fn to_any<M: Message + Name>(event: &M) -> Any {
    Any { type_url: M::type_url(), value: event.encode_to_vec() }
}

/// The wire event that this is; `None` if it is of another type.
#[must_use]
pub fn from_any<M: Message + Name + Default>(any: &Any) -> Option<Result<M, DecodeError>> {
    let is_this = any.type_url == M::type_url();
    is_this.then(|| M::decode(any.value.as_slice()).map_err(|error| DecodeError::new(any, error)))
}

/// Why an aggregate could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The id can be no part of a subject.
    #[error("aggregate cannot be named so")]
    Id(#[from] SubjectError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::Error),
    /// A commit holds an event that this reader cannot do without, and cannot read.
    #[error("commit {sequence} of {subject} cannot be read")]
    Undecodable {
        /// The aggregate.
        subject: Subject,
        /// The commit.
        sequence: u64,
        /// What is wrong with it.
        source: DecodeError,
    },
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R> {
    /// The rules forbid it.
    #[error(transparent)]
    Rejected(R),
    /// Others kept changing the aggregate, or the command before this one takes too long. Try again.
    #[error("{subject} is changed by too many at once")]
    Busy {
        /// The aggregate.
        subject: Subject,
    },
    /// The aggregate could not be read.
    #[error(transparent)]
    Load(#[from] Error),
    /// The events could not be stored, for another reason than a conflict.
    #[error(transparent)]
    Append(AppendError),
}

/// Carries out commands to the aggregates of one kind. Cheap to clone; all clones share what they know.
#[derive(Debug)]
pub struct Aggregates<C: Codec> {
    store: Store,
    known: Cache<String, Arc<Entry<C>>>,
    conflicts: Arc<AtomicU64>,
}

impl<C: Codec> Clone for Aggregates<C> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            known: self.known.clone(),
            conflicts: Arc::clone(&self.conflicts),
        }
    }
}

/// How much the state that a command is decided on can be relied on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    /// Nothing was read: it is true of an aggregate that is new, and of another the store refuses what is decided on it.
    Unread,
    /// Another process may have written since.
    Remembered,
    /// The leader said that nothing came after it.
    Confirmed,
}

impl<C: Codec> Aggregates<C> {
    /// Aggregates in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, known: Cache::new(CACHE_AGGREGATES), conflicts: Arc::default() }
    }

    /// How often another process was faster so far, so that a command was decided on again.
    #[must_use]
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    /// Decides on `command` and stores what follows.
    ///
    /// A command whose id stands in the aggregate is answered as it was the first time, and changes nothing. What is answered
    /// without a write (a rejection, or that nothing is left to say) was decided on a state that the store's leader confirmed.
    ///
    /// # Errors
    /// The rejection, or why it could not be carried out. After a failure of the store it may have been carried out
    /// nevertheless: repeat it with the same id.
    #[tracing::instrument(
        level = "debug",
        skip_all,
        fields(aggregate.kind = C::AGGREGATE, aggregate.id = id, command.id = %meta.command_id)
    )]
    pub async fn execute(
        &self,
        id: &str,
        meta: &Meta,
        command: CommandOf<C>,
    ) -> Result<Executed<C::Aggregate>, ExecuteError<RejectionOf<C>>> {
        let subject = Subject::new(C::SERVICE, C::AGGREGATE, id).map_err(Error::Id)?;
        let entry = self.entry(id);
        let Ok(_turn) = timeout(TURN_TIMEOUT, entry.turn()).await else {
            return Err(ExecuteError::Busy { subject });
        };
        let mut backoff = Backoff::new(Duration::from_millis(2), Duration::from_millis(200));
        let mut view = match entry.with(|known| known.sequence()) {
            0 => View::Unread,
            _ => View::Remembered,
        };
        for _ in 0..ATTEMPTS_MAX {
            if let Some(sequence) = entry.with(|known| known.sequence_of(&meta.command_id)) {
                return Ok(self.repeated(&entry, &subject, sequence).await?);
            }
            let (decision, expected) = entry.with(|known| known.decide(command.clone()));
            let events = match decision {
                Ok(events) if !events.is_empty() => events,
                _ if view == View::Unread => {
                    view = self.load(&entry, &subject).await?;
                    continue;
                }
                _ if view == View::Remembered => {
                    view = self.refresh(&entry, &subject).await?;
                    continue;
                }
                Ok(_) => return Ok(entry.with(|known| known.executed())),
                Err(rejection) => return Err(ExecuteError::Rejected(rejection)),
            };
            let commit = new_commit::<C>(meta, &events);
            match self.store.append(&subject, expected, commit).await {
                Ok(appended) if !appended.repeated => {
                    let command_id = meta.command_id;
                    entry.with(|known| {
                        known.append(expected, appended.sequence, command_id, &events)
                    });
                    return Ok(self.state_at(&entry, &subject, appended.sequence, false).await?);
                }
                Ok(appended) => {
                    self.refresh(&entry, &subject).await?;
                    return Ok(self.repeated(&entry, &subject, appended.sequence).await?);
                }
                Err(AppendError::Conflict { .. }) => {
                    self.conflicts.fetch_add(1, Ordering::Relaxed);
                    backoff.wait().await;
                    view = self.refresh(&entry, &subject).await?;
                }
                Err(error) => return Err(ExecuteError::Append(error)),
            }
        }
        Err(ExecuteError::Busy { subject })
    }

    /// The aggregate and the sequence of its last commit (0: there is none), with everything that was acknowledged before.
    ///
    /// # Errors
    /// If the store cannot be reached, or holds something that cannot be read.
    pub async fn get(&self, id: &str) -> Result<(C::Aggregate, u64), Error> {
        let subject = Subject::new(C::SERVICE, C::AGGREGATE, id)?;
        let entry = self.entry(id);
        self.refresh(&entry, &subject).await?;
        let Executed { state, sequence, .. } = entry.with(|known| known.executed());
        Ok((state, sequence))
    }

    /// The aggregate as this process knows it, which costs no call if it knows it at all: other processes may have gone on with it
    /// since. For what never changes once it is there.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub async fn recall(&self, id: &str) -> Result<C::Aggregate, Error> {
        let known = self.entry(id).with(|known| known.executed());
        match known.sequence {
            0 => self.get(id).await.map(|(state, _)| state),
            _ => Ok(known.state),
        }
    }

    /// The aggregate as it was at `time`, by the store's clock, and the sequence of its last commit then.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub async fn get_as_of(&self, id: &str, time: Timestamp) -> Result<(C::Aggregate, u64), Error> {
        let subject = Subject::new(C::SERVICE, C::AGGREGATE, id)?;
        let commits = self.store.tail(&subject, 0).await?;
        let then = commits.iter().take_while(|recorded| recorded.recorded_at <= time);
        let Executed { state, sequence, .. } = fold::<C>(then)?.executed();
        Ok((state, sequence))
    }

    fn entry(&self, id: &str) -> Arc<Entry<C>> {
        self.known.get_with_by_ref(id, || Arc::new(Entry::default()))
    }

    /// Reads an aggregate that is not in memory yet.
    async fn load(&self, entry: &Entry<C>, subject: &Subject) -> Result<View, Error> {
        entry.merge(&self.store.load(subject, 0).await?)?;
        Ok(View::Remembered)
    }

    /// Reads what came after the remembered state.
    async fn refresh(&self, entry: &Entry<C>, subject: &Subject) -> Result<View, Error> {
        let last = entry.with(|known| known.sequence());
        entry.merge(&self.store.tail(subject, last).await?)?;
        Ok(View::Confirmed)
    }

    async fn repeated(
        &self,
        entry: &Entry<C>,
        subject: &Subject,
        sequence: u64,
    ) -> Result<Executed<C::Aggregate>, Error> {
        self.state_at(entry, subject, sequence, true).await
    }

    /// The aggregate as it was right after the commit `sequence`.
    async fn state_at(
        &self,
        entry: &Entry<C>,
        subject: &Subject,
        sequence: u64,
        repeated: bool,
    ) -> Result<Executed<C::Aggregate>, Error> {
        let now = entry.with(|known| known.executed());
        if now.sequence == sequence {
            return Ok(Executed { repeated, ..now });
        }
        let commits = self.store.tail(subject, 0).await?;
        let then = commits.iter().take_while(|recorded| recorded.sequence <= sequence);
        Ok(Executed { repeated, ..fold::<C>(then)?.executed() })
    }
}

fn fold<'a, C: Codec>(commits: impl IntoIterator<Item = &'a Recorded>) -> Result<Known<C>, Error> {
    let mut known = Known::default();
    for recorded in commits {
        known.record(&known::read::<C>(recorded)?);
    }
    Ok(known)
}

fn new_commit<C: Codec>(meta: &Meta, events: &[EventOf<C>]) -> NewCommit {
    NewCommit {
        command_id: meta.command_id,
        actor: meta.actor.clone(),
        occurred_at: meta.at,
        traceparent: meta.traceparent.clone(),
        events: events.iter().map(C::encode).collect(),
    }
}
