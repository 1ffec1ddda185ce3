//! Follows the stream with an index, and builds a new one beside it when asked to.

mod build;
mod progress;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use publicdata_event_store::{self as event_store, Recorded, Store};
use publicdata_service_kit::Clock;
use publicdata_service_kit::problem::chain;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tokio::task::coop::unconstrained;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::analysis;
use super::folder::{self, Folder, OpenError};
use super::generation::{Found, Generation, SearchError};
use super::request::Search;
use super::schema::VERSION;
use super::view::Viewer;
use super::writer::{WriteError, Writer};
use crate::views::STREAM;
use progress::{Progress, due};

pub use progress::{Building, Told};

/// How many events are applied before the next ones are looked at. Live, it is as many as there are.
const BATCH_MAX: usize = 1_000;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The search index of a process. Share it in an `Arc`: one task runs it, others search.
#[derive(Debug)]
pub struct SearchIndex {
    store: Store,
    clock: Clock,
    /// Until it ends: then another one may take the folder.
    folder: Mutex<Option<Arc<Folder>>>,
    serving: RwLock<Option<Arc<Generation>>>,
    progress: watch::Sender<Progress>,
    /// The last position that somebody waits for, or did.
    wanted: watch::Sender<u64>,
    built: (mpsc::Sender<Writer>, tokio::sync::Mutex<mpsc::Receiver<Writer>>),
}

/// How an index stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The position in the stream that it holds; 0 if none answers yet.
    pub sequence: u64,
    /// How many entries it holds.
    pub entries: u64,
    /// How many documents these are.
    pub documents: u64,
    /// How many bytes of disk.
    pub bytes: u64,
    /// The version of its schema.
    pub version: u32,
    /// When it was last written, since the process began.
    pub committed_at: Option<Timestamp>,
    /// The index that is being built.
    pub building: Option<Building>,
    /// Why it cannot be written at present.
    pub trouble: Option<String>,
}

/// Why the index is not written.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The events cannot be read.
    #[error("the events cannot be read")]
    Store(#[from] event_store::Error),
    /// An event cannot be applied.
    #[error("the search index cannot go on")]
    Write(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The index cannot be written for now.
    #[error("the search index cannot be written")]
    Passing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store ended the subscription without saying why, or the service ends.
    #[error("the search index is not told of events any more")]
    Ended,
}

// === impl SearchIndex ===

impl SearchIndex {
    /// Takes the folder. What is in it is looked at when it runs.
    ///
    /// # Errors
    /// The folder cannot be written, or another process has it.
    pub fn open(folder: &Path, store: Store, clock: Clock) -> Result<Arc<Self>, OpenError> {
        let folder = Folder::open(folder)?;
        let (sender, receiver) = mpsc::channel(1);
        Ok(Arc::new(Self {
            store,
            clock,
            folder: Mutex::new(Some(Arc::new(folder))),
            serving: RwLock::default(),
            progress: watch::Sender::new(Progress::default()),
            wanted: watch::Sender::new(0),
            built: (sender, tokio::sync::Mutex::new(receiver)),
        }))
    }

    /// Follows the stream until `shutdown`. Run it in a task.
    ///
    /// # Errors
    /// An event cannot be applied, or the stream has lost commits. Searches fail from then on.
    pub async fn run(&self, shutdown: CancellationToken) -> Result<(), FollowError> {
        let ended = self.run_until(&shutdown).await;
        // A program that is newer may have it.
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = None;
        ended
    }

    /// Searches, once the index holds everything up to `sequence` of the stream: what was written before is found.
    ///
    /// # Errors
    /// The search is wrong, or the index does not get there in time.
    pub async fn search(
        &self,
        viewer: Viewer,
        search: Search,
        sequence: u64,
        timeout: Duration,
    ) -> Result<Found, SearchError> {
        let there = self.wait_for(sequence, timeout).await?;
        let Some(generation) = self.serving() else { return Err(self.behind(sequence)) };
        let found = blocking(move || generation.search(&viewer, &search)).await;
        let found = found.map_err(|panic| SearchError::Damaged(panic.into()))??;
        Ok(Found { sequence: there, ..found })
    }

    /// Waits until searches find what was committed up to `sequence`. Says how far it has come.
    ///
    /// # Errors
    /// It does not get there in time, or cannot be written.
    pub async fn wait_for(&self, sequence: u64, timeout: Duration) -> Result<u64, SearchError> {
        self.wanted.send_if_modified(|wanted| {
            let raised = sequence > *wanted;
            *wanted = sequence.max(*wanted);
            raised
        });
        let mut progress = self.progress.subscribe();
        let there = progress.wait_for(|progress| {
            progress.serves(sequence) || progress.trouble.is_some() || progress.failure.is_some()
        });
        let settled = tokio::time::timeout(timeout, there).await.is_ok();
        let now = self.progress.borrow().clone();
        match now.serving {
            Some(position) if settled && position >= sequence => Ok(position),
            Some(_) | None => Err(self.behind(sequence)),
        }
    }

    /// How it stands.
    ///
    /// # Errors
    /// The index cannot be read.
    pub async fn standing(&self) -> Result<Standing, SearchError> {
        let progress = self.progress.borrow().clone();
        let mut standing = Standing {
            sequence: progress.serving.unwrap_or_default(),
            version: VERSION,
            committed_at: progress.committed_at,
            building: progress.building,
            trouble: progress.failure.or(progress.trouble).map(|reason| reason.to_string()),
            ..Standing::default()
        };
        if let Some(generation) = self.serving() {
            let measured = blocking(move || {
                Ok::<_, SearchError>((generation.size()?, folder::size(&generation.path)))
            });
            let measured = measured.await.map_err(|panic| SearchError::Damaged(panic.into()))?;
            ((standing.entries, standing.documents), standing.bytes) = measured?;
        }
        Ok(standing)
    }

    fn behind(&self, wanted: u64) -> SearchError {
        let progress = self.progress.borrow().clone();
        if let Some(reason) = progress.failure.or(progress.trouble) {
            return SearchError::Trouble(reason.to_string().into());
        }
        match (progress.serving, progress.building) {
            (Some(sequence), _) => SearchError::Behind { sequence, wanted },
            (None, Some(Building { sequence, last_sequence })) => {
                SearchError::Building { sequence, last_sequence }
            }
            (None, None) => SearchError::Building { sequence: 0, last_sequence: wanted },
        }
    }

    fn serving(&self) -> Option<Arc<Generation>> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn folder(&self) -> Result<Arc<Folder>, FollowError> {
        let folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        folder.ok_or(FollowError::Ended)
    }

    async fn run_until(&self, shutdown: &CancellationToken) -> Result<(), FollowError> {
        // Queries need the dictionary, and the index does not: it comes up meanwhile.
        let (ended, warm) =
            tokio::join!(self.keep_following(shutdown), blocking(analysis::warm_up));
        warm.map_err(|panic| FollowError::Write(panic.into()))?;
        ended
    }

    async fn keep_following(&self, shutdown: &CancellationToken) -> Result<(), FollowError> {
        let mut pause = PAUSE_MIN;
        loop {
            let began = self.progress.borrow().serving;
            let Err(error) = self.follow(shutdown).await else { return Ok(()) };
            let reason: Arc<str> = chain(&error).into();
            if !error.is_passing() && !self.awaits_stream(&error) {
                self.progress.send_modify(|progress| progress.failure = Some(reason));
                return Err(error);
            }

            if self.progress.borrow().serving != began {
                pause = PAUSE_MIN;
            }
            tracing::warn!(
                error = %reason,
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "search index is interrupted, and goes on after a pause"
            );
            self.progress.send_modify(|progress| progress.trouble = Some(reason));
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => pause = PAUSE_MAX.min(pause * 2),
            }
        }
    }

    /// Follows until `shutdown`, or until something goes wrong.
    async fn follow(&self, shutdown: &CancellationToken) -> Result<(), FollowError> {
        let mut built = self.built.1.lock().await;
        let mut writer = match self.take_up().await? {
            Some(writer) => writer,
            None => match self.build(shutdown).await? {
                Some(writer) => self.put_up(writer).await?,
                None => return Ok(()),
            },
        };
        let mut wanted = self.wanted.subscribe();
        loop {
            let mut events =
                self.store.subscribe(STREAM, writer.position() + 1).await?.ready_chunks(BATCH_MAX);
            let (mut committed, mut since) = (writer.position(), None);
            let new = loop {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return Ok(()),
                    Some(new) = built.recv() => break new,
                    () = due(&mut wanted, committed..writer.position(), since) => {
                        writer = self.commit(writer).await?;
                        (committed, since) = (writer.position(), None);
                    }
                    batch = unconstrained(events.next()) => {
                        let (batch, ended) = whole(batch.ok_or(FollowError::Ended)?);
                        writer = in_background(move || {
                            writer.apply_all(&batch)?;
                            Ok(writer)
                        })
                        .await?;
                        since.get_or_insert_with(Instant::now);
                        if let Err(error) = ended {
                            self.commit(writer).await?;
                            return Err(error);
                        }
                    }
                }
            };
            let old = std::mem::replace(&mut writer, new);
            in_background(move || old.finish()).await?;
            writer = self.put_up(writer).await?;
        }
    }

    async fn commit(&self, mut writer: Writer) -> Result<Writer, FollowError> {
        let writer = in_background(move || {
            writer.commit()?;
            Ok(writer)
        });
        let writer = writer.await?;
        self.committed(&writer);
        Ok(writer)
    }

    fn committed(&self, writer: &Writer) {
        let now = self.clock.now();
        self.progress.send_modify(|progress| {
            progress.serving = Some(writer.position());
            progress.committed_at = Some(now);
            progress.trouble = None;
        });
    }

    /// Whether the stream was never there: the service has not started before.
    fn awaits_stream(&self, error: &FollowError) -> bool {
        match error {
            FollowError::Store(event_store::Error::UnknownStream { .. }) => {
                self.progress.borrow().serving.is_none_or(|position| position == 0)
            }
            FollowError::Store(_)
            | FollowError::Write(_)
            | FollowError::Passing(_)
            | FollowError::Ended => false,
        }
    }
}

// === impl FollowError ===

impl FollowError {
    fn is_passing(&self) -> bool {
        match self {
            Self::Store(event_store::Error::Unavailable { .. })
            | Self::Passing(_)
            | Self::Ended => true,
            Self::Store(
                event_store::Error::UnknownStream { .. }
                | event_store::Error::Gap { .. }
                | event_store::Error::Truncated { .. }
                | event_store::Error::Malformed { .. },
            )
            | Self::Write(_) => false,
        }
    }
}

impl From<WriteError> for FollowError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Poisoned { .. } => Self::Write(error.into()),
            // A full disk, above all. What is damaged for good is found when the process starts anew.
            WriteError::Engine(_) | WriteError::Read(_) => Self::Passing(error.into()),
        }
    }
}

/// The commits up to the first error.
fn whole(
    batch: Vec<Result<Recorded, event_store::Error>>,
) -> (Vec<Recorded>, Result<(), FollowError>) {
    let mut commits = Vec::with_capacity(batch.len());
    for recorded in batch {
        match recorded {
            Ok(recorded) => commits.push(recorded),
            Err(error) => return (commits, Err(error.into())),
        }
    }
    (commits, Ok(()))
}

/// Work on disk or with much text, where it stops nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WriteError> + Send + 'static,
) -> Result<T, FollowError> {
    let done = blocking(work).await.map_err(|panic| FollowError::Write(panic.into()))?;
    Ok(done?)
}
