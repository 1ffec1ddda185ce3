//! A database that holds views: an SQLite file, or Postgres.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{Migrate as _, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _, SqlSafeStr as _};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Views itself brings this table along: how far each view has come.
const POSITION_MIGRATIONS: &[&str] = &[include_str!("../migrations/0001_view_position.sql")];
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTIONS_MAX: u32 = 8;

/// An open database. Clones share it.
#[derive(Clone, Debug)]
pub struct Database {
    pool: AnyPool,
    engine: Engine,
    access: Access,
    /// SQLite lets one connection write at a time. Whoever waits here waits in line, and without a deadline of its own.
    turn: Arc<Mutex<()>>,
}

/// What runs the SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file of this process.
    Sqlite,
    /// A server.
    Postgres,
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// A transaction that writes. Dropped without [`commit`](Self::commit), it leaves no trace.
pub struct Transaction {
    inner: sqlx::Transaction<'static, sqlx::Any>,
    _turn: Option<OwnedMutexGuard<()>>,
}

/// Why a database cannot be used. The URL is never repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL begins otherwise.
    #[error("database URL begins neither with `sqlite:` nor with `postgres://`")]
    Scheme,
    /// The folder of the SQLite file cannot be made.
    #[error("cannot create the folder of the SQLite file")]
    Folder(#[source] std::io::Error),
    /// It cannot be reached, or it refused.
    #[error("cannot open the {engine} database")]
    Open {
        /// Which kind.
        engine: Engine,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The tables are only read, and another version of the program keeps them.
    #[error(
        "the tables of `{owner}` are of another version: they have {applied} migrations, this program has {known}, and they have to be the \
         same; use the version of this program that the services run"
    )]
    Version {
        /// Whose tables.
        owner: &'static str,
        /// How many migrations they have.
        applied: usize,
        /// How many this program has.
        known: usize,
    },
    /// The tables cannot be brought up to date.
    #[error("cannot migrate the tables of `{owner}`")]
    Migrate {
        /// Whose tables.
        owner: String,
        /// Why.
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
}

impl Database {
    /// Opens `sqlite:<path>`, making the file where there is none, or `postgres://…`.
    ///
    /// # Errors
    /// Says what cannot be reached or made.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        let database = Self::connect(url, Access::Write).await?;
        database.migrate("views", POSITION_MIGRATIONS).await?;
        Ok(database)
    }

    /// Opens a database that another program keeps, and only reads it: nothing is made, migrated or written, also no file. Tables have to
    /// be of this program's version: [`migrate`](Self::migrate) sees to it.
    ///
    /// # Errors
    /// Says what cannot be reached.
    pub async fn open_read_only(url: &str) -> Result<Self, DatabaseError> {
        let url = match Engine::of(url)? {
            Engine::Sqlite => {
                let separator = if url.contains('?') { '&' } else { '?' };
                Cow::Owned(format!("{url}{separator}mode=ro"))
            }
            Engine::Postgres => Cow::Borrowed(url),
        };
        let database = Self::connect(&url, Access::Read).await?;
        database.migrate("views", POSITION_MIGRATIONS).await?;
        Ok(database)
    }

    async fn connect(url: &str, access: Access) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of(url)?;
        let url = match engine {
            Engine::Sqlite => sqlite_url(url)?,
            Engine::Postgres => Cow::Borrowed(url),
        };

        let failed = |source| DatabaseError::Open { engine, source };
        let options: AnyConnectOptions = url.parse().map_err(failed)?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| Box::pin(prepare(engine, access, connection)))
            // SQLite ends a transaction itself when its disk is full, and the driver goes on believing in it.
            .before_acquire(|connection, _| {
                let is_free = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_free) })
            })
            .connect_with(options)
            .await
            .map_err(failed)?;

        Ok(Self { pool, engine, access, turn: Arc::default() })
    }

    /// Brings the tables of `owner` up to date. `migrations` is every migration that ever was, oldest first; one that was
    /// applied once must never change. Of a database that is only read, the tables have to be up to date.
    ///
    /// # Errors
    /// A migration failed, or an old one was edited; or tables that are only read are of another version.
    pub async fn migrate(
        &self,
        owner: &'static str,
        migrations: &[&'static str],
    ) -> Result<(), DatabaseError> {
        let migrations = migrations.iter().zip(1..).map(|(sql, version)| {
            let kind = MigrationType::Simple;
            Migration::new(version, Cow::Borrowed(owner), kind, sql.into_sql_str(), false)
        });
        let mut migrator = Migrator::with_migrations(migrations.collect());
        migrator.dangerous_set_table_name(format!("{owner}_migrations"));

        let _turn = self.turn().await;
        let failed = |source| DatabaseError::Migrate { owner: owner.to_owned(), source };
        let mut connection =
            self.pool.acquire().await.map_err(|source| failed(Box::new(source.into())))?;
        if self.is_read_only() {
            return check(self.engine, &mut connection, owner, &migrator).await;
        }
        let migrated = migrator.run_direct(None, &mut *connection, false).await;
        if let Err(source) = migrated {
            // The connection still holds the lock that keeps others from migrating meanwhile.
            let _ = connection.close().await;
            return Err(failed(Box::new(source)));
        }
        Ok(())
    }

    /// For reading.
    #[must_use]
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Whether the other one is a clone of this one, so that one transaction reaches both.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.turn, &other.turn)
    }

    /// Whether nothing can be written here.
    pub(crate) fn is_read_only(&self) -> bool {
        self.access == Access::Read
    }

    /// What runs the SQL.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The collation that orders text byte by byte, to be named in an `ORDER BY` or a comparison.
    #[must_use]
    pub fn binary(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "COLLATE BINARY",
            Engine::Postgres => "COLLATE \"C\"",
        }
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    /// The database cannot be reached, or stays busy.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        let turn = self.turn().await;
        let inner = match self.engine {
            // A transaction that begins by reading could not be upgraded once another one has written.
            Engine::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await?,
            Engine::Postgres => self.pool.begin().await?,
        };
        Ok(Transaction { inner, _turn: turn })
    }

    /// Begins a transaction that reads: all its queries see the same moment.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn snapshot(&self) -> Result<Transaction, sqlx::Error> {
        let begin = match self.engine {
            Engine::Sqlite => "BEGIN DEFERRED",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        };
        Ok(Transaction { inner: self.pool.begin_with(begin).await?, _turn: None })
    }

    /// Closes every connection; what is not committed is rolled back.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Waits in line for who writes with a transaction of its own; [`begin`](Self::begin) does so itself. Held until that is over. Whoever
    /// goes past the line meets SQLite's own waiting, which sleeps and looks again.
    pub async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        match self.engine {
            Engine::Sqlite => Some(Arc::clone(&self.turn).lock_owned().await),
            Engine::Postgres => None,
        }
    }
}

impl Transaction {
    /// Where its statements are executed.
    pub fn connection(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    /// Makes it last.
    ///
    /// # Errors
    /// Then nothing of it has happened, unless the connection was lost on the way.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await
    }
}

impl Engine {
    fn of(url: &str) -> Result<Self, DatabaseError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres),
            Some(_) | None => Err(DatabaseError::Scheme),
        }
    }
}

impl std::fmt::Display for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        })
    }
}

fn sqlite_url(url: &str) -> Result<Cow<'_, str>, DatabaseError> {
    let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
    match path.split_once('?') {
        Some(_) => Ok(Cow::Borrowed(url)),
        None => {
            if let Some(folder) = Path::new(path).parent() {
                std::fs::create_dir_all(folder).map_err(DatabaseError::Folder)?;
            }
            Ok(Cow::Owned(format!("{url}?mode=rwc")))
        }
    }
}

/// Whether the tables of `owner` are those that these migrations make.
async fn check(
    engine: Engine,
    connection: &mut AnyConnection,
    owner: &'static str,
    migrator: &Migrator,
) -> Result<(), DatabaseError> {
    let unreadable = |source| DatabaseError::Open { engine, source };
    let tables = match engine {
        Engine::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = $1",
        Engine::Postgres => {
            "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1"
        }
    };
    let table = migrator.table_name.as_ref();
    let tables: i64 = sqlx::query_scalar(tables)
        .bind(table)
        .fetch_one(&mut *connection)
        .await
        .map_err(unreadable)?;
    let applied = match tables {
        0 => Vec::new(),
        _ => {
            let listed = connection.list_applied_migrations(table).await;
            listed.map_err(|source| unreadable(source.into()))?
        }
    };
    let known = migrator.iter().map(|it| (it.version, &it.checksum));
    match applied.iter().map(|it| (it.version, &it.checksum)).eq(known) {
        true => Ok(()),
        false => {
            let known = migrator.iter().count();
            Err(DatabaseError::Version { owner, applied: applied.len(), known })
        }
    }
}

async fn prepare(
    engine: Engine,
    access: Access,
    connection: &mut AnyConnection,
) -> Result<(), sqlx::Error> {
    for setting in settings(engine, access) {
        connection.execute(*setting).await?;
    }
    connection.ping().await
}

fn settings(engine: Engine, access: Access) -> &'static [&'static str] {
    match (engine, access) {
        (Engine::Sqlite, Access::Write) => &[
            // The first: changing the journal needs the file alone for a moment.
            "PRAGMA busy_timeout = 10000",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = NORMAL",
            "PRAGMA foreign_keys = ON",
            // For rows in random order, as ids are: pages that are changed again soon are written once.
            "PRAGMA cache_size = -16384",
            "PRAGMA wal_autocheckpoint = 8000",
        ],
        // The journal is left as it is found.
        (Engine::Sqlite, Access::Read) => {
            &["PRAGMA busy_timeout = 10000", "PRAGMA query_only = ON"]
        }
        (Engine::Postgres, Access::Write) => &[],
        (Engine::Postgres, Access::Read) => &["SET default_transaction_read_only = on"],
    }
}
