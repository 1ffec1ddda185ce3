//! Follows streams with a view, so that each event counts once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use publicdata_event_store::{self as event_store, Store};
use tokio::sync::{Mutex, watch};
use tokio::task::coop::unconstrained;
use tokio_util::sync::CancellationToken;

use crate::content::{self, Content};
use crate::database::Database;
use crate::position::{self, Positions};
use crate::view::View;

pub use error::{ProjectorError, WaitError};
pub use rebuild::{Rebuilt, Told, rebuild_all};

mod batch;
mod error;
mod rebuild;

/// How many events one transaction takes at most, while catching up. Live, it is as many as there are: one.
const BATCH_MAX: usize = 500;
/// How far the position in the database may stay behind while commits come that are of no concern. They are read again after
/// a crash.
const UNSTORED_MAX: u64 = 1_000;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// One view, its database, and the store that it follows. Share it in an `Arc`: one task runs it, others wait for it.
pub struct Projector {
    pub(crate) database: Database,
    store: Store,
    pub(crate) view: Arc<dyn View>,
    /// Held from reading a position to telling of it, so that what is told never goes back.
    writing: Mutex<()>,
    progress: watch::Sender<Progress>,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    /// Up to where the tables hold everything.
    positions: Positions,
    /// What the database says. Between the two nothing was of concern.
    stored: Positions,
    /// Why the view stopped for good.
    failure: Option<Arc<str>>,
}

impl Projector {
    /// Takes up `view` where the database says that it is; its tables must exist. One of a database that is only read can tell what it
    /// holds, and nothing more.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn new(
        database: Database,
        store: Store,
        view: Arc<dyn View>,
    ) -> Result<Arc<Self>, ProjectorError> {
        let positions = if database.is_read_only() {
            let mut snapshot = database.snapshot().await.map_err(ProjectorError::Database)?;
            position::read(snapshot.connection(), &*view).await.map_err(ProjectorError::Database)?
        } else {
            let mut transaction = database.begin().await.map_err(ProjectorError::Database)?;
            let positions = position::load(transaction.connection(), &*view)
                .await
                .map_err(ProjectorError::Database)?;
            transaction.commit().await.map_err(ProjectorError::Database)?;
            positions
        };

        let stored = positions.clone();
        let progress = watch::Sender::new(Progress { positions, stored, failure: None });
        Ok(Arc::new(Self { database, store, view, writing: Mutex::default(), progress }))
    }

    /// The view's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.view.name()
    }

    /// Applies events as they come, until `shutdown`. Run it in a task.
    ///
    /// # Errors
    /// An event cannot be applied, or the stream has lost commits. The view stops there, and whoever waits for it is told.
    pub async fn run(&self, shutdown: CancellationToken) -> Result<(), ProjectorError> {
        let mut pause = PAUSE_MIN;
        loop {
            let began = self.progress.borrow().positions.clone();
            let error = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                error = self.follow() => error,
            };
            if !error.is_passing() && !self.awaits_stream(&error) {
                self.progress.send_modify(|progress| {
                    progress.failure = Some(describe(&error).into());
                });
                return Err(error);
            }

            if self.progress.borrow().positions != began {
                pause = PAUSE_MIN;
            }
            tracing::warn!(
                view.name = self.view.name(),
                error = describe(&error),
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "view is interrupted, and goes on after a pause"
            );
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => pause = PAUSE_MAX.min(pause * 2),
            }
        }
    }

    /// Whether a stream that this view follows was never there: its service has not started yet. A stream that was there once
    /// and is gone is another matter.
    fn awaits_stream(&self, error: &ProjectorError) -> bool {
        match error {
            ProjectorError::Store(event_store::Error::UnknownStream { stream }) => {
                self.progress.borrow().positions.get(stream.as_str()).is_none_or(|last| *last == 0)
            }
            ProjectorError::Store(_)
            | ProjectorError::Database(_)
            | ProjectorError::Poisoned { .. }
            | ProjectorError::Behind { .. }
            | ProjectorError::Ended => false,
        }
    }

    /// Waits until the view holds what was committed to `stream` at `sequence`: to read one's own write.
    ///
    /// # Errors
    /// It did not get there in time, or it has stopped.
    pub async fn wait_for(
        &self,
        stream: &str,
        sequence: u64,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let mut progress = self.progress.subscribe();
        let there = progress.wait_for(|progress| {
            let position = progress.positions.get(stream);
            progress.failure.is_some() || position.is_some_and(|position| *position >= sequence)
        });

        let view = self.view.name();
        let late = || WaitError::Late { view, stream: stream.to_owned(), sequence };
        match tokio::time::timeout(timeout, there).await {
            Ok(Ok(progress)) => match &progress.failure {
                Some(reason) => Err(WaitError::Stopped { view, reason: reason.to_string() }),
                None => Ok(()),
            },
            Ok(Err(_)) | Err(_) => Err(late()),
        }
    }

    /// How far the view has come in each stream.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<&'static str, u64> {
        self.progress.borrow().positions.clone()
    }

    /// Why the view has stopped for good, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.progress.borrow().failure.as_deref().map(ToOwned::to_owned)
    }

    /// What the view holds at this moment.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn content(&self) -> Result<Content, ProjectorError> {
        let mut snapshot = self.database.snapshot().await.map_err(ProjectorError::Database)?;
        content::of(snapshot.connection(), self.view.tables())
            .await
            .map_err(ProjectorError::Database)
    }

    /// What the tables hold at this moment, and how far they have come in each stream, as one reading shows both: whatever a projector of
    /// another process writes meanwhile.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn stored_content(
        &self,
    ) -> Result<(BTreeMap<&'static str, u64>, Content), ProjectorError> {
        let mut snapshot = self.database.snapshot().await.map_err(ProjectorError::Database)?;
        let positions = position::read(snapshot.connection(), &*self.view)
            .await
            .map_err(ProjectorError::Database)?;
        let content = content::of(snapshot.connection(), self.view.tables())
            .await
            .map_err(ProjectorError::Database)?;
        Ok((positions, content))
    }

    /// Follows the streams until something goes wrong.
    async fn follow(&self) -> ProjectorError {
        match self.try_follow().await {
            Ok(()) => ProjectorError::Ended,
            Err(error) => error,
        }
    }

    async fn try_follow(&self) -> Result<(), ProjectorError> {
        {
            let _writing = self.writing.lock().await;
            self.reload().await?;
        }
        let mut feeds = Vec::new();
        for (stream, position) in self.positions() {
            let feed = self.store.subscribe(stream, position + 1).await;
            feeds.push(feed.map_err(ProjectorError::Store)?);
        }

        let mut batches = stream::select_all(feeds).ready_chunks(BATCH_MAX);
        // What is there is taken, and not as much of it as the runtime lets a task take at a time.
        while let Some(batch) = unconstrained(batches.next()).await {
            let mut commits = Vec::with_capacity(batch.len());
            let mut ended = Ok(());
            for recorded in batch {
                match recorded {
                    Ok(recorded) => commits.push(recorded),
                    Err(error) => ended = Err(ProjectorError::Store(error)),
                }
            }
            {
                let _writing = self.writing.lock().await;
                self.apply_all(commits).await?;
            }
            ended?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Projector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projector").field("view", &self.view.name()).finish_non_exhaustive()
    }
}

/// An error with its causes, for a log line.
fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
