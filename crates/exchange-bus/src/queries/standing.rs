//! Whether the catalogue has a resource in use.

use publicdata_types::ResourceId;
use sqlx::Row as _;

use super::Queries;
use crate::error::Error;
use crate::views::catalogue::{SUSPENDED, WITHDRAWN};

impl Queries {
    /// A resource is in use: as of this moment, since it may have been suspended or withdrawn just now.
    ///
    /// # Errors
    /// It is suspended or withdrawn; or the database failed.
    pub async fn must_be_in_use(&self, id: ResourceId) -> Result<(), Error> {
        self.catch_up().await?;
        match self.standing(id).await?.as_str() {
            SUSPENDED => Err(Error::ResourceSuspended),
            WITHDRAWN => Err(Error::ResourceWithdrawn),
            _ => Ok(()),
        }
    }

    /// Whether a resource was withdrawn, as far as the view has come.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_withdrawn(&self, id: ResourceId) -> Result<bool, Error> {
        Ok(self.standing(id).await? == WITHDRAWN)
    }

    async fn standing(&self, id: ResourceId) -> Result<String, Error> {
        let row = sqlx::query("SELECT standing FROM bus_resource WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        Ok(row.map(|row| row.try_get("standing")).transpose()?.unwrap_or_default())
    }
}
