//! A small view, a store in memory, and a database of either kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use publicdata_event_store::memory::MemoryStore;
use publicdata_event_store::{NewCommit, Recorded, Store, Subject};
use publicdata_types::CommandId;
use publicdata_views::testing::{TestPostgres, postgres};
use publicdata_views::{ApplyError, Content, Database, Projector, View};
use sqlx::AnyConnection;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const STREAM: &str = "CATALOG";
/// An event of this type is poison for the view.
pub(crate) const POISON: &str = "poison";
/// Aggregates of this kind are of no concern to it.
const OF_NO_CONCERN: &str = "other";
pub(crate) const SOON: Duration = Duration::from_secs(20);

const MIGRATIONS: &[&str] = &[
    "CREATE TABLE tally (subject TEXT PRIMARY KEY, commits BIGINT NOT NULL);
     CREATE TABLE tally_entry (
         sequence BIGINT PRIMARY KEY,
         subject TEXT NOT NULL REFERENCES tally (subject)
     )",
    "ALTER TABLE tally ADD COLUMN last_command TEXT",
];

/// Counts the commits of each aggregate: whatever is applied twice, or not at all, shows.
#[derive(Default)]
pub(crate) struct Tally {
    /// The sequence at which it halts in the middle of its transaction; 0 for none.
    pub(crate) halt_at: AtomicU64,
    pub(crate) halted: Notify,
    pub(crate) was_told: AtomicBool,
}

#[async_trait]
impl View for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM, "EXCHANGE"]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["tally", "tally_entry"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        subject.aggregate() != OF_NO_CONCERN
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let commit = recorded.commit().map_err(ApplyError::event)?;
        if commit.events.iter().any(|event| event.type_url == POISON) {
            return Err(ApplyError::event("of an unknown type"));
        }

        sqlx::query(
            "INSERT INTO tally (subject, commits, last_command) VALUES ($1, 1, $2)
             ON CONFLICT (subject) DO UPDATE
             SET commits = tally.commits + 1, last_command = excluded.last_command",
        )
        .bind(recorded.subject.as_str())
        .bind(&commit.command_id)
        .execute(&mut *connection)
        .await?;
        if recorded.sequence == self.halt_at.load(Ordering::SeqCst) {
            self.halted.notify_one();
            std::future::pending::<()>().await;
        }
        sqlx::query("INSERT INTO tally_entry (sequence, subject) VALUES ($1, $2)")
            .bind(recorded.sequence.cast_signed())
            .bind(recorded.subject.as_str())
            .execute(connection)
            .await?;
        Ok(())
    }

    fn changed(&self) {
        self.was_told.store(true, Ordering::SeqCst);
    }
}

/// Which aggregates there are: a view beside the other one, with a table of its own.
pub(crate) struct Names;

pub(crate) const NAMES: &[&str] = &["CREATE TABLE names (subject TEXT PRIMARY KEY)"];

#[async_trait]
impl View for Names {
    fn name(&self) -> &'static str {
        "names"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["names"]
    }

    fn concerns(&self, _: &Subject) -> bool {
        true
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        sqlx::query("INSERT INTO names (subject) VALUES ($1) ON CONFLICT (subject) DO NOTHING")
            .bind(recorded.subject.as_str())
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// A database and a store, both empty.
pub(crate) struct Bench {
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) url: String,
    _folder: TempDir,
    _server: Option<TestPostgres>,
}

impl Bench {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("views/tally.db").display());
        Self::new(url, folder, None).await
    }

    pub(crate) async fn postgres() -> Self {
        let server = postgres();
        Self::new(server.url(), tempfile::tempdir().unwrap(), Some(server)).await
    }

    async fn new(url: String, folder: TempDir, server: Option<TestPostgres>) -> Self {
        let database = Database::open(&url).await.unwrap();
        database.migrate("tally", MIGRATIONS).await.unwrap();
        let store = Arc::new(MemoryStore::new());
        Self { database, store, url, _folder: folder, _server: server }
    }

    /// Opens the same database again, as a second process would.
    pub(crate) async fn reopen(&self) -> Database {
        let database = Database::open(&self.url).await.unwrap();
        database.migrate("tally", MIGRATIONS).await.unwrap();
        database
    }

    pub(crate) async fn projector(&self) -> Arc<Projector> {
        self.projector_of(Arc::new(Tally::default())).await
    }

    pub(crate) async fn projector_of(&self, view: Arc<Tally>) -> Arc<Projector> {
        let store = Arc::clone(&self.store);
        Projector::new(self.database.clone(), store, view).await.unwrap()
    }

    /// Appends `count` commits, spread over three aggregates; answers the last one's sequence.
    pub(crate) async fn append(&self, count: u64) -> u64 {
        self.append_as("harmless", count).await
    }

    pub(crate) async fn append_as(&self, type_url: &str, count: u64) -> u64 {
        self.append_to("tally", type_url, count).await
    }

    /// Appends commits that are of no concern to the view.
    pub(crate) async fn append_beside(&self, count: u64) -> u64 {
        self.append_to(OF_NO_CONCERN, "harmless", count).await
    }

    async fn append_to(&self, aggregate: &str, type_url: &str, count: u64) -> u64 {
        let before = self.store.last_sequence(STREAM).await.unwrap();
        let mut last = before;
        for next in before..before + count {
            let subject = Subject::new("catalog", aggregate, &format!("t{}", next % 3)).unwrap();
            let tail = self.store.tail(&subject, 0).await.unwrap();
            let expected = tail.last().map_or(0, |recorded| recorded.sequence);
            let commit = NewCommit {
                command_id: command_id(next),
                actor: "spiffe://test.internal/service/tally".to_owned(),
                occurred_at: "2026-01-04T01:00:00Z".parse().unwrap(),
                traceparent: None,
                events: vec![prost_types::Any { type_url: type_url.to_owned(), value: vec![] }],
            };
            last = self.store.append(&subject, expected, commit).await.unwrap().sequence;
        }
        last
    }
}

/// What an uninterrupted view of the same events holds, in an SQLite of its own.
pub(crate) async fn uninterrupted(store: &Store) -> Content {
    let mut bench = Bench::sqlite().await;
    bench.store = Arc::clone(store);
    bench.projector().await.rebuild().await.unwrap().content
}

/// A projector that runs until this is dropped or stopped.
pub(crate) struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), publicdata_views::ProjectorError>>,
}

pub(crate) fn run(projector: &Arc<Projector>) -> Running {
    let shutdown = CancellationToken::new();
    let projector = Arc::clone(projector);
    let token = shutdown.clone();
    #[expect(clippy::disallowed_methods, reason = "the test joins it")]
    let task = tokio::spawn(async move { projector.run(token).await });
    Running { shutdown, task }
}

impl Running {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }

    /// As a crash does: nothing is told, nothing ends in order.
    pub(crate) async fn kill(self) {
        self.task.abort();
        self.task.await.unwrap_err();
    }

    pub(crate) async fn ends(self) -> Result<(), publicdata_views::ProjectorError> {
        self.task.await.unwrap()
    }
}

fn command_id(number: u64) -> CommandId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}
