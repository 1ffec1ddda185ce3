//! What the bus has to see to of itself.

use jiff::civil::Date;
use publicdata_proto::exchange::v1::{GrantStatus, TransferStatus};
use publicdata_types::CommandId;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Queries, as_number};
use crate::error::Error;

/// Something that a policy has to attend to, and the command that brought it about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The aggregate.
    pub id: String,
    /// The command.
    pub cause: CommandId,
}

impl Queries {
    /// Applications whose limit has passed on this day and which are not known to be overdue.
    ///
    /// # Errors
    /// The database failed.
    pub async fn overdue(&self, today: Date) -> Result<Vec<Pending>, Error> {
        let rows = sqlx::query(
            "SELECT id, command_id FROM bus_grant \
             WHERE status = $1 AND open_until > 0 AND open_until < $2 ORDER BY sequence",
        )
        .bind(i64::from(i32::from(GrantStatus::Applied)))
        .bind(as_number(today))
        .fetch_all(self.database.pool())
        .await?;
        rows.iter().map(pending).collect()
    }

    /// Transfers that are recorded as running.
    ///
    /// # Errors
    /// The database failed.
    pub async fn running(&self) -> Result<Vec<Pending>, Error> {
        let rows = sqlx::query(
            "SELECT id, command_id FROM bus_transfer WHERE status = $1 ORDER BY sequence",
        )
        .bind(i64::from(i32::from(TransferStatus::Running)))
        .fetch_all(self.database.pool())
        .await?;
        rows.iter().map(pending).collect()
    }
}

pub(super) fn pending(row: &AnyRow) -> Result<Pending, Error> {
    Ok(Pending {
        id: row.try_get("id")?,
        cause: row.try_get::<String, _>("command_id")?.parse().map_err(Error::unreadable)?,
    })
}
