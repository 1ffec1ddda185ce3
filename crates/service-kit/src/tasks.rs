//! Tasks that have a name, an end, and nobody to survive silently.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::problem::chain;

/// How long a process may take to end what it has begun: well within the 30 s that Kubernetes gives it.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(20);

/// An error of any kind.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The tasks of one service. Clones share them; when the last is dropped, what still runs is cut off.
#[derive(Clone, Debug)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    _cut_on_drop: DropGuard,
}

#[derive(Debug)]
struct Shared {
    tracker: TaskTracker,
    shutdown: CancellationToken,
    cut: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    spawned: u64,
    running: BTreeMap<u64, Cow<'static, str>>,
    failure: Option<Failure>,
}

/// Why a service ended other than by request.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A task ended with an error.
    #[error("task `{task}` failed")]
    Failed {
        /// Its name.
        task: Cow<'static, str>,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A task panicked.
    #[error("task `{task}` panicked: {message}")]
    Panicked {
        /// Its name.
        task: Cow<'static, str>,
        /// What it said.
        message: String,
    },
    /// Tasks did not end in time and were cut off.
    #[error("cut off after {deadline_s} s: {}", .tasks.join(", "))]
    Overdue {
        /// Their names.
        tasks: Vec<Cow<'static, str>>,
        /// How long they had.
        deadline_s: f64,
    },
}

// === impl Tasks ===

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

impl Tasks {
    /// Tasks that shut down when asked to.
    #[must_use]
    pub fn new() -> Self {
        Self::under(&CancellationToken::new())
    }

    /// Tasks that shut down with that token as well, for several services in one process.
    #[must_use]
    pub fn under(parent: &CancellationToken) -> Self {
        let cut = CancellationToken::new();
        let shared = Shared {
            tracker: TaskTracker::new(),
            shutdown: parent.child_token(),
            cut: cut.clone(),
            state: Mutex::default(),
        };
        Self(Arc::new(Inner { shared: Arc::new(shared), _cut_on_drop: cut.drop_guard() }))
    }

    /// Cancelled when the service should end. Tasks watch it and finish what they must.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shared.shutdown
    }

    /// Runs a task that cannot fail.
    pub fn spawn(
        &self,
        name: impl Into<Cow<'static, str>>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.try_spawn(name, task.map(Ok::<(), BoxError>));
    }

    /// Runs a task whose failure ends the service.
    pub fn try_spawn<E: Into<BoxError> + 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let name = name.into();
        let shared = Arc::clone(&self.0.shared);
        let number = shared.begin(name.clone());

        let watched = async move {
            let ended = tokio::select! {
                biased;
                () = shared.cut.cancelled() => None,
                ended = AssertUnwindSafe(task).catch_unwind() => Some(ended),
            };
            let failure = match ended {
                None | Some(Ok(Ok(()))) => None,
                Some(Ok(Err(error))) => Some(Failure::Failed { task: name, source: error.into() }),
                Some(Err(panic)) => {
                    Some(Failure::Panicked { task: name, message: panic_message(panic.as_ref()) })
                }
            };
            shared.end(number, failure);
        };
        self.0.shared.tracker.spawn(watched);
    }

    /// Runs until the signal or a failure, then drains. This is what `main` waits for.
    pub async fn run(
        self,
        signal: impl Future<Output = ()>,
        drain_deadline: Duration,
    ) -> Result<(), Failure> {
        tokio::select! {
            () = signal => tracing::info!("shutting down"),
            () = self.shutdown().cancelled() => {}
        }
        self.drain(drain_deadline).await
    }

    /// Starts the service, which may have to wait for what it needs, and then [runs](Self::run). The signal ends the waiting too.
    ///
    /// # Errors
    /// What kept the service from starting, or the failure that ended it.
    pub async fn start_and_run<E: From<Failure>>(
        self,
        start: impl Future<Output = Result<(), E>>,
        signal: impl Future<Output = ()>,
        drain_deadline: Duration,
    ) -> Result<(), E> {
        let mut signal = pin!(signal);
        tokio::select! {
            started = start => started?,
            () = &mut signal => {
                tracing::info!("asked to end before it had started");
                return Ok(self.drain(drain_deadline).await?);
            }
        }
        Ok(self.run(signal, drain_deadline).await?)
    }

    /// Asks all tasks to end, and cuts off those that have not at the deadline.
    pub async fn drain(&self, deadline: Duration) -> Result<(), Failure> {
        let shared = &self.0.shared;
        shared.shutdown.cancel();
        shared.tracker.close();

        let in_time = timeout(deadline, shared.tracker.wait()).await.is_ok();
        let overdue: Vec<_> = shared.state().running.values().cloned().collect();
        if !in_time {
            shared.cut.cancel();
            shared.tracker.wait().await;
        }

        match shared.state().failure.take() {
            Some(failure) => Err(failure),
            None if in_time || overdue.is_empty() => Ok(()),
            None => {
                let failure =
                    Failure::Overdue { tasks: overdue, deadline_s: deadline.as_secs_f64() };
                tracing::error!("{failure}");
                Err(failure)
            }
        }
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, name: Cow<'static, str>) -> u64 {
        let mut state = self.state();
        state.spawned += 1;
        let number = state.spawned;
        state.running.insert(number, name);
        number
    }

    /// The first failure is the cause; what fails after it is a consequence, and only logged.
    fn end(&self, number: u64, failure: Option<Failure>) {
        let mut state = self.state();
        state.running.remove(&number);
        let Some(failure) = failure else { return };

        tracing::error!("{}; shutting down", chain(&failure));
        state.failure.get_or_insert(failure);
        drop(state);
        self.shutdown.cancel();
    }
}

/// Completes at the first SIGINT or SIGTERM. Signals are caught from the call on.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|&message| message.to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests;
