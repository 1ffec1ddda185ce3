//! Tables to answers, and to whom.
//!
//! Who may see an exchange: its provider, its consumer, the authorities over either, and auditors. A standing offer has no
//! consumer yet: every consumer may see it, as every consumer may use it.

mod archives;
mod centre;
mod duties;
mod matters;
mod objections;
mod page;
mod pending;
mod standing;
pub mod subscriptions;
mod transfers;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_event_store::{Store, aggregates};
use publicdata_exchange_domain::ResourceFacts;
use publicdata_proto::exchange::v1::{Grant, GrantStatus};
use publicdata_types::{Actor, GrantId, OrganisationCode, RegionCode, ResourceId};
use publicdata_views::{Database, Projector};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use crate::archive::Place;
use crate::codec;
use crate::error::Error;
use crate::views::{CATALOG, from_column};

pub use archives::Rested;
pub use centre::{ConsolidationsSought, Present};
pub use duties::{ConsumersSought, ProvidersSought};
pub use objections::{Arrived, Filter};
pub use page::{Listed, Page};
pub use pending::Pending;
use pending::pending;
pub use transfers::Sought;

/// The parameters $1 to $3 say who reads, as [`Reader::bind`] binds them.
const PARTY: &str = "$1 = 1 OR provider_code = $2 OR consumer_code = $2 \
    OR EXISTS (SELECT 1 FROM bus_organisation o \
    WHERE o.region_code LIKE $3 AND o.code IN (provider_code, consumer_code))";
/// Parameter $4 says whether the reader is a consumer; status 3 is issued.
const OFFERED: &str = "$4 = 1 AND consumer_code = '' AND status = 3";
/// How long a call waits for the view, before it fails as unavailable.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// A pattern that no region fits.
const NOWHERE: &str = "-";

/// Reads the tables. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queries {
    database: Database,
    store: Store,
    catalogue: Arc<Projector>,
    /// Where the log's archives are, if the bus was told.
    place: Option<Place>,
}

/// Who reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    everything: bool,
    organisation: OrganisationCode,
    consumer: bool,
    region: String,
    /// What the codes of the divisions look like that it gives expert opinions in.
    advised: String,
}

/// Which applications and grants are sought: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantsSought {
    /// Where they stand; unspecified for any.
    pub status: GrantStatus,
    /// The resource.
    pub resource: Option<ResourceId>,
    /// In force, and ending before this time.
    pub ends_before: Option<Timestamp>,
}

// === impl Reader ===

impl From<&Actor> for Reader {
    fn from(actor: &Actor) -> Self {
        let region = match actor.is_authority_over(&actor.region) {
            true => region_pattern(&actor.region),
            false => NOWHERE.to_owned(),
        };
        Self {
            everything: actor.may_audit().is_ok(),
            organisation: actor.organisation,
            consumer: actor.may_consume().is_ok(),
            region,
            advised: match actor.may_advise(&actor.region) {
                Ok(()) => region_pattern(&actor.region),
                Err(_) => NOWHERE.to_owned(),
            },
        }
    }
}

// === impl Queries ===

impl Queries {
    /// Reads from this database, which `catalogue` fills with the catalogue's events, and from the archives at `place`.
    #[must_use]
    pub fn new(
        database: Database,
        store: Store,
        catalogue: Arc<Projector>,
        place: Option<Place>,
    ) -> Self {
        Self { database, store, catalogue, place }
    }

    /// What was published of a resource, with its condition of sharing: also if that was a moment ago.
    ///
    /// # Errors
    /// The database failed, or holds what cannot be read.
    pub async fn published(
        &self,
        id: ResourceId,
    ) -> Result<Option<(ResourceFacts, codec::SharingConditions)>, Error> {
        match self.try_published(id).await? {
            Some(found) => Ok(Some(found)),
            None => {
                self.catch_up().await?;
                self.try_published(id).await
            }
        }
    }

    /// Whether the authority has issued certificates to a principal: also if that was a moment ago.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_enrolled(&self, spiffe_id: &str) -> Result<bool, Error> {
        let select = "SELECT spiffe_id FROM bus_certificate WHERE spiffe_id = $1";
        let find = || sqlx::query(select).bind(spiffe_id).fetch_optional(self.database.pool());
        if find().await?.is_some() {
            return Ok(true);
        }
        self.catch_up().await?;
        Ok(find().await?.is_some())
    }

    async fn catch_up(&self) -> Result<(), Error> {
        let last = self.store.last_sequence(CATALOG).await.map_err(aggregates::Error::Store)?;
        Ok(self.catalogue.wait_for(CATALOG, last, CATCH_UP_TIMEOUT).await?)
    }

    async fn try_published(
        &self,
        id: ResourceId,
    ) -> Result<Option<(ResourceFacts, codec::SharingConditions)>, Error> {
        let row = sqlx::query(
            "SELECT code, region_code, published FROM bus_resource \
             WHERE id = $1 AND published <> ''",
        )
        .bind(id.to_string())
        .fetch_optional(self.database.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };

        let code = row.try_get::<String, _>("code")?.parse().map_err(Error::unreadable)?;
        let region = row.try_get::<String, _>("region_code")?.parse().map_err(Error::unreadable)?;
        let description = from_column(&row, "published")?;
        codec::facts(id, code, region, description).map(Some).map_err(Error::unreadable)
    }

    /// The division of a resource's provider.
    ///
    /// # Errors
    /// The database failed, or the resource is not known.
    pub async fn region_of(&self, id: ResourceId) -> Result<RegionCode, Error> {
        let row = sqlx::query("SELECT region_code FROM bus_resource WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        match row {
            Some(row) => {
                row.try_get::<String, _>("region_code")?.parse().map_err(Error::unreadable)
            }
            None => Err(Error::Unknown { what: "resource" }),
        }
    }

    /// A standing offer of a resource that holds at this moment.
    ///
    /// # Errors
    /// The database failed.
    pub async fn standing_offer(
        &self,
        resource: ResourceId,
        at: Timestamp,
    ) -> Result<Option<String>, Error> {
        let row = sqlx::query(
            "SELECT id FROM bus_grant WHERE resource_id = $1 AND status = $2 \
             AND consumer_code = '' AND ends_at > $3 ORDER BY sequence DESC LIMIT 1",
        )
        .bind(resource.to_string())
        .bind(i64::from(i32::from(GrantStatus::Issued)))
        .bind(at.as_microsecond())
        .fetch_optional(self.database.pool())
        .await?;
        Ok(row.map(|row| row.try_get("id")).transpose()?)
    }

    /// Provider and consumer of an application or grant.
    ///
    /// # Errors
    /// The database failed.
    pub async fn parties(
        &self,
        id: GrantId,
    ) -> Result<Option<(OrganisationCode, Option<OrganisationCode>)>, Error> {
        let row = sqlx::query("SELECT provider_code, consumer_code FROM bus_grant WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let provider = row.try_get::<String, _>("provider_code")?;
        let consumer = row.try_get::<String, _>("consumer_code")?;
        Ok(Some((provider.parse().map_err(Error::unreadable)?, consumer.parse().ok())))
    }

    /// One application or grant, if the reader may see it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn grant(&self, id: GrantId, reader: &Reader) -> Result<Option<Grant>, Error> {
        let select =
            format!("SELECT body FROM bus_grant WHERE ({PARTY} OR ({OFFERED})) AND id = $5");
        let row = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(i64::from(reader.consumer))
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        Ok(row.map(|row| from_column(&row, "body")).transpose()?)
    }

    /// Applications and grants that the reader may see, newest first.
    ///
    /// # Errors
    /// The database failed, or the page token is not one of ours.
    pub async fn grants(
        &self,
        reader: &Reader,
        sought: &GrantsSought,
        now: Timestamp,
        page: &Page,
    ) -> Result<Listed<Grant>, Error> {
        // Status 3 is issued.
        let select = format!(
            "SELECT sequence, body FROM bus_grant WHERE ({PARTY} OR ({OFFERED})) \
             AND ($5 = 0 OR status = $5) AND ($6 = '' OR resource_id = $6) \
             AND ($7 = 0 OR (status = 3 AND ends_at > $8 AND ends_at < $7)) \
             AND sequence < $9 ORDER BY sequence DESC LIMIT $10"
        );
        let rows = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(i64::from(reader.consumer))
            .bind(i64::from(i32::from(sought.status)))
            .bind(sought.resource.map(|id| id.to_string()).unwrap_or_default())
            .bind(sought.ends_before.map_or(0, Timestamp::as_microsecond))
            .bind(now.as_microsecond())
            .bind(page.before()?)
            .bind(page.limit() + 1)
            .fetch_all(self.database.pool())
            .await?;
        page.list(&rows)
    }

    /// Which of these organisations the reader may see as parties: its own, and those of its region.
    ///
    /// # Errors
    /// The database failed.
    pub async fn may_see(
        &self,
        reader: &Reader,
        organisation: OrganisationCode,
    ) -> Result<bool, Error> {
        if reader.everything || reader.organisation == organisation {
            return Ok(true);
        }
        let row = sqlx::query(
            "SELECT 1 AS found FROM bus_organisation WHERE code = $1 AND region_code LIKE $2",
        )
        .bind(organisation.to_string())
        .bind(reader.region.as_str())
        .fetch_optional(self.database.pool())
        .await?;
        Ok(row.is_some())
    }

    /// Grants of a provider that were revoked and would hold otherwise.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoked(
        &self,
        provider: OrganisationCode,
        at: Timestamp,
    ) -> Result<Vec<GrantId>, Error> {
        let rows = sqlx::query(
            "SELECT id FROM bus_grant \
             WHERE provider_code = $1 AND status = $2 AND ends_at > $3 ORDER BY sequence",
        )
        .bind(provider.to_string())
        .bind(i64::from(i32::from(GrantStatus::Revoked)))
        .bind(at.as_microsecond())
        .fetch_all(self.database.pool())
        .await?;
        let id = |row: &AnyRow| row.try_get::<String, _>("id")?.parse().map_err(Error::unreadable);
        rows.iter().map(id).collect()
    }
}

impl Reader {
    /// Whether it is this organisation, governs its division, or reads everything.
    fn governs_or_is(&self, organisation: &str, region: &str) -> bool {
        let governed = self.region.trim_end_matches('%');
        self.everything
            || self.organisation.as_str() == organisation
            || region.starts_with(governed)
    }

    fn bind<'q>(&'q self, query: Query<'q>) -> Query<'q> {
        query
            .bind(i64::from(self.everything))
            .bind(self.organisation.as_str())
            .bind(self.region.as_str())
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// 2026-03-04 as 20260304.
fn as_number(date: Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// What the codes of the divisions in a region look like.
fn region_pattern(region: &RegionCode) -> String {
    format!("{}%", region.leading())
}
