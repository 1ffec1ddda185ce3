//! What a dispute can be about: whose grants, applications and transfers those are, and where their parties sit.

use publicdata_proto::exchange::v1::GrantStatus;
use publicdata_types::{GrantId, OrganisationCode, RegionCode, ResourceId, TransferId};
use sqlx::Row as _;

use super::Queries;
use super::objections::read;
use crate::error::Error;

/// An application or grant, as far as a dispute about it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bargain {
    /// Where it stands.
    pub status: GrantStatus,
    /// The resource.
    pub resource: ResourceId,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// Who receives it or wants to; nobody in particular in a standing offer.
    pub consumer: Option<OrganisationCode>,
}

/// A transfer, as far as a dispute about it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The resource, and who provides it: unknown if the transfer was refused because its grant was.
    pub source: Option<(ResourceId, OrganisationCode)>,
    /// Who asked for it.
    pub consumer: OrganisationCode,
}

impl Queries {
    /// An application or grant.
    ///
    /// # Errors
    /// The database failed, or holds what cannot be read.
    pub async fn bargain(&self, id: GrantId) -> Result<Option<Bargain>, Error> {
        let row = sqlx::query(
            "SELECT status, resource_id, provider_code, consumer_code FROM bus_grant WHERE id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(self.database.pool())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let number = i32::try_from(row.try_get::<i64, _>("status")?).map_err(Error::unreadable)?;
        let consumer = match row.try_get::<String, _>("consumer_code")?.as_str() {
            "" => None,
            _ => Some(read(&row, "consumer_code")?),
        };
        Ok(Some(Bargain {
            status: GrantStatus::try_from(number).map_err(Error::unreadable)?,
            resource: read(&row, "resource_id")?,
            provider: read(&row, "provider_code")?,
            consumer,
        }))
    }

    /// A transfer.
    ///
    /// # Errors
    /// The database failed, or holds what cannot be read.
    pub async fn fetched(&self, id: TransferId) -> Result<Option<Fetched>, Error> {
        let row = sqlx::query(
            "SELECT t.consumer_code, t.provider_code, COALESCE(g.resource_id, '') AS resource_id \
             FROM bus_transfer t LEFT JOIN bus_grant g ON g.id = t.grant_id WHERE t.id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(self.database.pool())
        .await?;
        let Some(row) = row else { return self.fetched_before(id).await };
        // Whose grant it is, stands in the transfer only if its consumer may know.
        let [provider, resource] =
            ["provider_code", "resource_id"].map(|column| row.try_get(column));
        let source = match (provider?, resource?) {
            // Of a grant at a bus of another tier, this one does not have the resource.
            ("", _) | (_, "") => None,
            _ => Some((read(&row, "resource_id")?, read(&row, "provider_code")?)),
        };
        Ok(Some(Fetched { source, consumer: read(&row, "consumer_code")? }))
    }

    /// Where an organisation is: also if it was registered a moment ago.
    ///
    /// # Errors
    /// The database failed, or the organisation is not known.
    pub async fn region_of_organisation(
        &self,
        code: OrganisationCode,
    ) -> Result<RegionCode, Error> {
        let select = "SELECT region_code FROM bus_organisation WHERE code = $1";
        let find =
            || sqlx::query(select).bind(code.to_string()).fetch_optional(self.database.pool());
        let mut row = find().await?;
        if row.is_none() {
            self.catch_up().await?;
            row = find().await?;
        }
        match row {
            Some(row) => read(&row, "region_code"),
            None => Err(Error::Unknown { what: "organisation" }),
        }
    }
}
