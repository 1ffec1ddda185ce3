//! A database server, and connections to it that wait to be used again: a new one costs more than most questions.

use std::convert::identity;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::future::{Either, select};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, Config, Error};

use super::TlsRule;
use crate::source::tls::Running;

/// How many connections of one dataset wait at most. What runs is not limited: a transfer that nobody reads must not hold up others.
const IDLE_MAX: usize = 16;
/// How long one waits.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one is used: the name may lead to another server by then, or the account be another's.
const AGE_MAX: Duration = Duration::from_secs(300);
/// How long one may take to show that it still works.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a database is, and as whom to read. Clones share their connections.
#[derive(Clone)]
pub struct Server {
    config: Config,
    tls: TlsRule,
    pool: Arc<Mutex<Pool>>,
}

/// Connections that wait.
#[derive(Default)]
struct Pool {
    idle: Vec<Idle>,
    /// Whether a task ends those that wait for too long: there is one at most.
    is_watched: bool,
}

/// A connection. It is driven only as long as it is used, so it ends with whoever uses it.
pub(super) struct Connection {
    client: Client,
    running: Running,
    opened: Instant,
    has_ended: bool,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Server {
    /// A server without connections so far.
    #[must_use]
    pub fn new(config: Config, tls: TlsRule) -> Self {
        Self { config, tls, pool: Arc::default() }
    }

    /// A connection that reads and cannot write: one that waits, or else a new one.
    pub(super) async fn connection(&self) -> Result<Connection, Error> {
        while let Some(mut connection) = self.take() {
            // The server may have ended it meanwhile.
            let ask = async |client: &Client| client.batch_execute("").await;
            if let Ok(Ok(())) = timeout(CHECK_TIMEOUT, connection.drive(ask, identity)).await {
                return Ok(connection);
            }
        }
        let (client, running) = self.tls.connect(&self.config).await?;
        let mut connection =
            Connection { client, running, opened: Instant::now(), has_ended: false };
        // Times that it writes as texts are read back by it.
        let settings = "SET default_transaction_read_only = on; SET DateStyle = 'ISO, YMD'";
        connection.drive(async |client| client.batch_execute(settings).await, identity).await?;
        Ok(connection)
    }

    /// Keeps a connection on which nothing is under way.
    #[expect(
        clippy::disallowed_methods,
        reason = "it waits, and ends when nobody has the server any more: there is nothing to drain"
    )]
    pub(super) fn keep(&self, connection: Connection) {
        let mut pool = lock(&self.pool);
        let is_old = connection.opened.elapsed() > AGE_MAX;
        if connection.has_ended || is_old || pool.idle.len() == IDLE_MAX {
            return;
        }
        if !pool.is_watched {
            pool.is_watched = true;
            tokio::spawn(close_idle(Arc::downgrade(&self.pool)));
        }
        pool.idle.push(Idle { connection, since: Instant::now() });
    }

    /// The one that was used last, so that those that are not needed come to their end.
    fn take(&self) -> Option<Connection> {
        lock(&self.pool).idle.pop().map(|idle| idle.connection)
    }
}

impl Connection {
    /// Works with the connection, and drives it meanwhile.
    pub(super) async fn drive<T, E>(
        &mut self,
        work: impl AsyncFnOnce(&Client) -> Result<T, E>,
        failed: impl FnOnce(Error) -> E,
    ) -> Result<T, E> {
        match select(pin!(work(&self.client)), self.running.as_mut()).await {
            Either::Left((result, _)) => result,
            Either::Right((ended, work)) => {
                self.has_ended = true;
                ended.map_err(failed)?;
                work.await
            }
        }
    }
}

/// Ends connections that waited for too long, until none is left.
async fn close_idle(pool: Weak<Mutex<Pool>>) {
    loop {
        sleep(IDLE_TIMEOUT).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut pool = lock(&pool);
        pool.idle.retain(|idle| idle.since.elapsed() < IDLE_TIMEOUT);
        if pool.idle.is_empty() {
            pool.is_watched = false;
            return;
        }
    }
}

fn lock(pool: &Mutex<Pool>) -> MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}
