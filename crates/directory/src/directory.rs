//! Looking organisations up, and callers by them.

use std::sync::Arc;
use std::time::Duration;

use publicdata_event_store::Store;
use publicdata_identity::{SpiffeId, peer};
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::{Problem, Tasks};
use publicdata_types::{Actor, OrganisationCode, Role};
use publicdata_views::{Database, DatabaseError, Projector, ProjectorError, View};
use sqlx::AssertSqlSafe;
use tonic::Request;

use crate::Caller;
use crate::organisation::Organisation;
use crate::view::{Organisations, STREAM};

const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_directory_organisation.sql"),
    include_str!("../migrations/0002_directory_endings.sql"),
];
/// How long a call waits for the view, before it fails as unavailable.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// The organisations, and the callers that belong to them. Share it in an `Arc`.
#[derive(Debug)]
pub struct Directory {
    database: Database,
    store: Store,
    organisations: Arc<Organisations>,
    projector: Arc<Projector>,
}

/// Why a directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its table cannot be made, or is of another version.
    #[error("the directory's table cannot be used")]
    Migrate(#[source] DatabaseError),
    /// Its position cannot be read.
    #[error("the directory cannot be read")]
    Read(#[source] ProjectorError),
}

/// The directory's view, in a database of its own or in a service's: to rebuild it, and to compare it with a live one.
///
/// # Errors
/// The database cannot be used.
pub async fn view(database: &Database, store: &Store) -> Result<Arc<Projector>, OpenError> {
    database.migrate("directory", MIGRATIONS).await.map_err(OpenError::Migrate)?;
    let view = Arc::new(Organisations::default());
    Projector::new(database.clone(), Arc::clone(store), view).await.map_err(OpenError::Read)
}

impl Directory {
    /// Opens the directory in a service's own database, and follows the catalogue's events in a task.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn open(
        database: Database,
        store: Store,
        tasks: &Tasks,
    ) -> Result<Arc<Self>, OpenError> {
        database.migrate("directory", MIGRATIONS).await.map_err(OpenError::Migrate)?;
        let organisations = Arc::new(Organisations::default());
        let view: Arc<dyn View> = Arc::clone(&organisations) as _;
        let projector = Projector::new(database.clone(), Arc::clone(&store), view)
            .await
            .map_err(OpenError::Read)?;

        let (running, shutdown) = (Arc::clone(&projector), tasks.shutdown().clone());
        tasks.try_spawn("view directory", async move { running.run(shutdown).await });
        Ok(Arc::new(Self { database, store, organisations, projector }))
    }

    /// Who calls: a user, a node or a service.
    ///
    /// # Errors
    /// The connection shows no certificate; its organisation is not registered, or was closed; or the caller is a service
    /// provider's account whose agreement is over.
    pub async fn caller<T>(&self, request: &Request<T>) -> Result<Caller, Problem> {
        let id = peer(request).map_err(|error| {
            Problem::new(Code::Unauthenticated, "CERTIFICATE_MISSING", error.to_string())
        })?;
        self.principal(id).await
    }

    /// The principal of this id, as if it called: for whoever is trusted to ask on its behalf.
    ///
    /// # Errors
    /// As for [`caller`](Self::caller).
    pub async fn principal(&self, id: SpiffeId) -> Result<Caller, Problem> {
        let Some(code) = id.organisation() else { return Ok(Caller::Service(id)) };

        let Some(organisation) = self.organisation_now(&code).await? else {
            return Err(unknown(&code));
        };
        let actor = organisation.actor(id.to_string());
        admit(&organisation, &actor.id)?;
        match id {
            SpiffeId::Node { name, .. } => Ok(Caller::Node { name, actor }),
            SpiffeId::User { .. } => Ok(Caller::User(actor)),
            SpiffeId::Service { .. } => Ok(Caller::Service(id)),
        }
    }

    /// The user who calls; nodes and services are refused.
    ///
    /// # Errors
    /// As for [`caller`](Self::caller), or something other than a user calls.
    pub async fn user<T>(&self, request: &Request<T>) -> Result<Actor, Problem> {
        match self.caller(request).await? {
            Caller::User(actor) => Ok(actor),
            Caller::Node { .. } | Caller::Service(_) => Err(Problem::new(
                Code::PermissionDenied,
                "USER_REQUIRED",
                "only a user of an organisation may call this; use a user's credentials",
            )),
        }
    }

    /// The node that calls; users and services are refused.
    ///
    /// # Errors
    /// As for [`caller`](Self::caller), or something other than a node calls.
    pub async fn node<T>(&self, request: &Request<T>) -> Result<Actor, Problem> {
        match self.caller(request).await? {
            Caller::Node { actor, .. } => Ok(actor),
            Caller::User(_) | Caller::Service(_) => Err(Problem::new(
                Code::PermissionDenied,
                "NODE_REQUIRED",
                "only a data service node may call this; use a node's credentials",
            )),
        }
    }

    /// The organisation, as far as the view has come.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn organisation(
        &self,
        code: &OrganisationCode,
    ) -> Result<Option<Arc<Organisation>>, Problem> {
        let (cached, generation) = self.organisations.cached(code);
        if cached.is_some() {
            return Ok(cached);
        }
        let row = sqlx::query("SELECT * FROM directory_organisation WHERE code = $1")
            .bind(code.as_str())
            .fetch_optional(self.database.pool())
            .await
            .map_err(unreadable)?;
        let Some(row) = row else { return Ok(None) };

        let organisation = Arc::new(Organisation::from_row(&row).map_err(unreadable)?);
        self.organisations.remember(generation, &organisation);
        Ok(Some(organisation))
    }

    /// The organisation, with everything that was acknowledged before the call.
    ///
    /// # Errors
    /// The store or the database cannot be read, or the view lags too far behind.
    pub async fn organisation_now(
        &self,
        code: &OrganisationCode,
    ) -> Result<Option<Arc<Organisation>>, Problem> {
        match self.organisation(code).await? {
            Some(organisation) => Ok(Some(organisation)),
            None => {
                self.catch_up().await?;
                self.organisation(code).await
            }
        }
    }

    /// Organisations in the order of their codes: at most `limit`, after `after`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn organisations(
        &self,
        after: Option<&OrganisationCode>,
        limit: u32,
    ) -> Result<Vec<Organisation>, Problem> {
        let binary = self.database.binary();
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT * FROM directory_organisation WHERE code {binary} > $1
             ORDER BY code {binary} LIMIT $2"
        )))
        .bind(after.map_or("", OrganisationCode::as_str))
        .bind(i64::from(limit))
        .fetch_all(self.database.pool())
        .await
        .map_err(unreadable)?;
        rows.iter().map(Organisation::from_row).collect::<Result<_, _>>().map_err(unreadable)
    }

    /// An authority that is registered, if there is one: with everything that was acknowledged before the call.
    ///
    /// # Errors
    /// As for [`organisation_now`](Self::organisation_now).
    pub async fn any_authority(&self) -> Result<Option<Organisation>, Problem> {
        self.catch_up().await?;
        let row = sqlx::query(
            "SELECT * FROM directory_organisation WHERE ' ' || roles || ' ' LIKE $1 LIMIT 1",
        )
        .bind(format!("% {} %", Role::Authority))
        .fetch_optional(self.database.pool())
        .await
        .map_err(unreadable)?;
        row.as_ref().map(Organisation::from_row).transpose().map_err(unreadable)
    }

    /// Waits until the view holds the catalogue's commit `sequence`: to read one's own write.
    ///
    /// # Errors
    /// It takes too long, or the view has stopped.
    pub async fn wait_for(&self, sequence: u64) -> Result<(), Problem> {
        let there = self.projector.wait_for(STREAM, sequence, CATCH_UP_TIMEOUT).await;
        there.map_err(|error| Problem::unavailable("the directory", error))
    }

    /// What follows the events: to rebuild the view, and to compare its content.
    #[must_use]
    pub fn projector(&self) -> &Arc<Projector> {
        &self.projector
    }

    async fn catch_up(&self) -> Result<(), Problem> {
        let last = self.store.last_sequence(STREAM).await;
        let last = last.map_err(|error| Problem::unavailable("the event store", error))?;
        self.wait_for(last).await
    }
}

/// Whoever is known may still be out: by the end of its organisation, or of the agreement that it works under (R44.1).
fn admit(organisation: &Organisation, id: &str) -> Result<(), Problem> {
    if let Some(closed) = &organisation.closed {
        let mut text = format!("organisation {} was closed on {}", organisation.code, closed.on);
        if let Some(successor) = closed.successor {
            text.push_str(&format!("; {successor} took over its functions"));
        }
        let problem = Problem::new(Code::PermissionDenied, "ORGANISATION_CLOSED", text);
        return Err(problem.with("organisation", organisation.code));
    }
    match organisation.barred.contains(id) {
        true => Err(Problem::new(
            Code::PermissionDenied,
            "AGREEMENT_OVER",
            "the agreement with the service provider that this account worked under is over; the \
             organisation registers a new one and has certificates issued under it",
        )),
        false => Ok(()),
    }
}

fn unknown(code: &OrganisationCode) -> Problem {
    Problem::new(
        Code::PermissionDenied,
        "ORGANISATION_UNKNOWN",
        format!(
            "organisation {code} is not registered; the authority over its region registers it"
        ),
    )
    .with("organisation", code)
}

fn unreadable(error: sqlx::Error) -> Problem {
    Problem::unavailable("the directory", error)
}
