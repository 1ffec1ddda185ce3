//! An event store whose oldest events may be in archives alone (R23.2).
//!
//! The audit service releases the oldest events of a stream once archives that were proven hold them; at least an hour later, the event
//! store's operator may have the stream drop them ([`JetStreamStore::drop_released`](publicdata_event_store::jetstream::JetStreamStore::drop_released)).
//! Who reads through here is told the same before and after: what is released comes from archives, what came later from the stream.
//!
//! A release is looked for anew every minute, and what is known of it counts for twenty: so everyone who decides on an aggregate knows by
//! then that a part of it may have left the stream, or decides on nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use jiff::Timestamp;
use moka::sync::Cache;
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_event_store::{
    AppendError, Appended, BoxError, Commits, Error, EventStore, NewCommit, Recorded, Store,
    Subject,
};
use publicdata_types::Digest;

use self::releases::{Released, Releases};
use self::subjects::Subjects;
use crate::{Archive, ArchiveError, Fault, Place};

mod releases;
mod subjects;

pub use self::releases::Lease;

/// How long a release has been known for when events may be dropped: longer than [`Lease::ends_after`].
pub const RELEASE_REST: Duration = Duration::from_secs(3_600);
/// How many bytes of archives are kept in memory: a few, since events that belong together were written together.
const OPENED_BYTES: u64 = 256 << 20;

/// An event store, with the archives that hold what its streams may have dropped. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ArchivedStore {
    live: Store,
    shelf: Option<Shelf>,
    releases: Arc<Releases>,
}

/// Archives, some of which are in memory. Cheap to clone.
#[derive(Clone)]
struct Shelf {
    place: Place,
    opened: Cache<Digest, Archive>,
}

/// How the stream itself is read.
#[derive(Clone, Copy, Debug)]
enum Live {
    /// Up to its end, or to this time.
    Read { until: Option<Timestamp> },
    /// With what is yet to come.
    Followed,
}

/// Somewhere in a stream, or in its archives.
struct Reading {
    store: ArchivedStore,
    stream: String,
    live: Live,
    /// The sequence of the commit that is read next.
    next: u64,
    commits: Commits,
}

/// Why events that are in archives cannot be had.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// It was not said where archives are.
    #[error(
        "events of stream {stream} up to {last_sequence} are in archives; say where in the configuration: `stream_archives`, or the audit service's `archive`"
    )]
    NoPlace { stream: String, last_sequence: u64 },
    /// They are lost.
    #[error(
        "stream {stream} has lost its events up to {dropped}: archives were released in their place up to {released} alone; \
         `publicdata audit coverage` tells more"
    )]
    Lost { stream: String, dropped: u64, released: u64 },
    /// Nobody has said for too long what is released.
    #[error("it is not known what of stream {stream} is in archives: stream AUDIT cannot be read")]
    Unknown {
        stream: String,
        #[source]
        source: BoxError,
    },
    /// An archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("place", &self.place).finish_non_exhaustive()
    }
}

// === impl ArchivedStore ===

impl ArchivedStore {
    /// The events of `live`, and of the archives at `place`; without one, what is in archives cannot be read, and is asked for in vain.
    #[must_use]
    pub fn new(live: Store, place: Option<Place>) -> Self {
        Self::with_lease(live, place, Lease::default())
    }

    /// The same, with another lease. One that outlasts [`RELEASE_REST`] promises nothing.
    #[must_use]
    pub fn with_lease(live: Store, place: Option<Place>, lease: Lease) -> Self {
        let weigh = |_: &Digest, archive: &Archive| archive.size();
        let opened = Cache::builder().weigher(weigh).max_capacity(OPENED_BYTES).build();
        let releases = Arc::new(Releases::new(Arc::clone(&live), lease));
        Self { live, shelf: place.map(|place| Shelf { place, opened }), releases }
    }

    /// The commits of an aggregate after `after` that are in archives.
    async fn archived(
        &self,
        released: &Arc<Released>,
        subject: &Subject,
        after: u64,
    ) -> Result<Vec<Recorded>, Error> {
        if after >= released.last_sequence {
            return Ok(Vec::new());
        }
        let shelf = self.shelf(released)?;
        let subjects = subjects(&shelf, released).await.map_err(unavailable)?;
        let mut commits = Vec::new();
        for seal in subjects.seals_with(subject, after, &released.seals) {
            let found = shelf.commits(seal, subject, after).await;
            commits.extend(found.map_err(unavailable)?);
        }
        Ok(commits)
    }

    fn shelf(&self, released: &Released) -> Result<Shelf, Error> {
        let Released { stream, last_sequence, .. } = released;
        let (stream, last_sequence) = (stream.clone(), *last_sequence);
        self.shelf.clone().ok_or_else(|| unavailable(Problem::NoPlace { stream, last_sequence }))
    }

    /// The commits of a stream from sequence `from` on: those that are in archives, and then those of the stream itself.
    async fn commits_from(&self, stream: &str, from: u64, live: Live) -> Result<Commits, Error> {
        let released = self.releases.released(stream).await?;
        let Some(released) = released.filter(|released| from <= released.last_sequence) else {
            return live.commits_from(&self.live, stream, from).await;
        };
        let shelf = self.shelf(&released)?;
        let seals = released.seals.clone().into_iter();
        let seals = seals.filter(move |seal| seal.last_sequence >= from);
        let archived = stream::iter(seals).then(move |seal| {
            let shelf = shelf.clone();
            async move { shelf.commits_from(&seal, from).await.map_err(unavailable) }
        });
        let (store, name) = (Arc::clone(&self.live), stream.to_owned());
        let next = released.last_sequence + 1;
        let later = stream::once(async move { live.commits_from(&store, &name, next).await });
        Ok(archived.chain(later).try_flatten().boxed())
    }

    /// The same, which does not end where the stream drops what was about to be read: that goes on in archives.
    async fn without_gap(&self, stream: &str, from: u64, live: Live) -> Result<Commits, Error> {
        let commits = self.commits_from(stream, from, live).await?;
        let (store, stream) = (self.clone(), stream.to_owned());
        let reading = Reading { store, stream, live, next: from.max(1), commits };
        let commits = stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading?;
            let item = reading.next().await?;
            // As in the stream itself, nothing follows an error but that of a single message.
            let is_over =
                item.as_ref().is_err_and(|error| !matches!(error, Error::Malformed { .. }));
            Some((item, (!is_over).then_some(reading)))
        });
        Ok(commits.boxed())
    }
}

// === impl Live ===

impl Live {
    async fn commits_from(self, store: &Store, stream: &str, from: u64) -> Result<Commits, Error> {
        match self {
            Self::Read { until } => store.read(stream, from, until).await,
            Self::Followed => store.subscribe(stream, from).await,
        }
    }
}

// === impl Reading ===

impl Reading {
    async fn next(&mut self) -> Option<Result<Recorded, Error>> {
        loop {
            let item = self.commits.next().await?;
            match &item {
                Ok(Recorded { sequence, .. }) | Err(Error::Malformed { sequence, .. }) => {
                    self.next = sequence + 1;
                }
                Err(Error::Gap { expected, .. }) if *expected == self.next => {
                    match self.reopened().await {
                        Ok(true) => continue,
                        Ok(false) => {}
                        Err(error) => return Some(Err(error)),
                    }
                }
                Err(_) => {}
            }
            return Some(item);
        }
    }

    /// Whether what is missing in the stream was released meanwhile: then it is read from archives. Whatever may be dropped has been known
    /// to be released for longer than a lease counts.
    async fn reopened(&mut self) -> Result<bool, Error> {
        let released = self.store.releases.released(&self.stream).await?;
        let is_archived = released.is_some_and(|released| self.next <= released.last_sequence);
        if is_archived {
            self.commits = self.store.commits_from(&self.stream, self.next, self.live).await?;
        }
        Ok(is_archived)
    }
}

// === impl Shelf ===

impl Shelf {
    async fn open(&self, seal: &Seal) -> Result<Archive, Problem> {
        if let Some(archive) = self.opened.get(&seal.digest) {
            return Ok(archive);
        }
        let archive = self.place.sealed(seal).await?;
        self.opened.insert(seal.digest, archive.clone());
        Ok(archive)
    }

    /// The commits of one aggregate after sequence `after`.
    async fn commits(
        &self,
        seal: &Seal,
        subject: &Subject,
        after: u64,
    ) -> Result<Vec<Recorded>, Problem> {
        let (archive, subject) = (self.open(seal).await?, subject.clone());
        let is_wanted =
            move |commit: &Recorded| commit.subject == subject && commit.sequence > after;
        let found = move || -> Result<Vec<Recorded>, Fault> {
            let commits = archive.commits_from(after + 1)?;
            commits.filter(|commit| commit.as_ref().map_or(true, &is_wanted)).collect()
        };
        blocking(found).await.map_err(|fault| fault.of(&seal.path).into())
    }

    /// All commits from sequence `from` on.
    async fn commits_from(&self, seal: &Seal, from: u64) -> Result<Commits, Problem> {
        let (archive, path) = (self.open(seal).await?, seal.path.clone());
        let commits = archive.commits_from(from).map_err(|fault| fault.of(&path))?;
        let failed = move |fault: Fault| unavailable(Problem::from(fault.of(&path)));
        Ok(stream::iter(commits).map_err(failed).boxed())
    }
}

#[async_trait]
impl EventStore for ArchivedStore {
    async fn append(
        &self,
        subject: &Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<Appended, AppendError> {
        let released = self.releases.whole(&subject.stream()).await?;
        let Some(released) = released.filter(|released| expected_last <= released.last_sequence)
        else {
            return self.live.append(subject, expected_last, commit).await;
        };
        let conflict = || AppendError::Conflict { subject: subject.clone(), expected_last };
        let later = self.archived(&released, subject, expected_last).await?;
        let own = commit.command_id.to_string();
        if let Some(repeated) = later.iter().find(|recorded| recorded.message_id == own) {
            return Ok(Appended { sequence: repeated.sequence, repeated: true });
        }
        if !later.is_empty() {
            return Err(conflict());
        }
        match self.live.append(subject, expected_last, commit.clone()).await {
            // Whatever comes after it is in the stream; and if nothing does, it is gone from there itself.
            Err(AppendError::Conflict { .. }) if expected_last > 0 => {
                match self.live.tail(subject, 0).await?.is_empty() {
                    true => self.live.append(subject, 0, commit).await,
                    false => Err(conflict()),
                }
            }
            answer => answer,
        }
    }

    async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        let Some(released) = self.releases.whole(&subject.stream()).await? else {
            return self.live.load(subject, after).await;
        };
        let mut commits = self.archived(&released, subject, after).await?;
        commits.extend(self.live.load(subject, after.max(released.last_sequence)).await?);
        Ok(commits)
    }

    async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        let Some(released) = self.releases.whole(&subject.stream()).await? else {
            return self.live.tail(subject, after).await;
        };
        let mut commits = self.archived(&released, subject, after).await?;
        commits.extend(self.live.tail(subject, after.max(released.last_sequence)).await?);
        Ok(commits)
    }

    async fn read(
        &self,
        stream: &str,
        from: u64,
        until: Option<Timestamp>,
    ) -> Result<Commits, Error> {
        let commits = self.without_gap(stream, from, Live::Read { until }).await?;
        let is_in_time = move |commit: &Result<Recorded, Error>| {
            let recorded_at = commit.as_ref().ok().map(|commit| commit.recorded_at);
            future::ready(until.is_none_or(|until| recorded_at.is_none_or(|at| at <= until)))
        };
        Ok(commits.take_while(is_in_time).boxed())
    }

    async fn subscribe(&self, stream: &str, from: u64) -> Result<Commits, Error> {
        self.without_gap(stream, from, Live::Followed).await
    }

    async fn first_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.live.first_sequence(stream).await
    }

    async fn last_sequence(&self, stream: &str) -> Result<u64, Error> {
        self.live.last_sequence(stream).await
    }

    async fn risks(&self, stream: &str) -> Result<Vec<String>, Error> {
        self.live.risks(stream).await
    }
}

/// Which archives hold which aggregates. What is read for that is read to its end, though who asked first goes away meanwhile.
#[expect(
    clippy::disallowed_methods,
    reason = "it only reads: nothing has to be waited for at the end"
)]
async fn subjects(shelf: &Shelf, released: &Arc<Released>) -> Result<Subjects, Problem> {
    if let Some(known) = released.subjects.get() {
        return Ok(known.clone());
    }
    let (shelf, released) = (shelf.clone(), Arc::clone(released));
    let read = tokio::spawn(async move {
        let read = || Subjects::of(&shelf, &released);
        released.subjects.get_or_try_init(read).await.cloned()
    });
    read.await.map_err(|error| Problem::Archive(Fault::place("read")(error).of("of a stream")))?
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Fault::place("read")(error)))
}

fn unavailable(problem: Problem) -> Error {
    Error::Unavailable { operation: "read archives", source: problem.into() }
}

#[cfg(test)]
mod tests;
