//! Subscriptions: for whoever may see them, for policies, and for the words about changes.

use jiff::Timestamp;
use publicdata_exchange_domain::subscription::GrantEnd;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::{
    GrantStatus, Subscription, SubscriptionStatus, SubscriptionTriggerKind,
};
use publicdata_types::{GrantId, OrganisationCode, ResourceId, SubscriptionId};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Listed, PARTY, Page, Pending, Queries, Reader, pending};
use crate::error::Error;
use crate::views::from_column;

/// An open subscription whose grant has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The subscription, and the command that opened it.
    pub pending: Pending,
    /// Its grant.
    pub grant: GrantId,
    /// How the grant ended.
    pub how: GrantEnd,
}

impl Queries {
    /// One subscription, if the reader may see it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn subscription(
        &self,
        id: SubscriptionId,
        reader: &Reader,
    ) -> Result<Option<Subscription>, Error> {
        let select = format!("SELECT body FROM bus_subscription WHERE ({PARTY}) AND id = $4");
        let row = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        Ok(row.map(|row| from_column(&row, "body")).transpose()?)
    }

    /// Subscriptions that the reader may see, newest first.
    ///
    /// # Errors
    /// The database failed, or the page token is not one of ours.
    pub async fn subscriptions(
        &self,
        reader: &Reader,
        status: SubscriptionStatus,
        grant: Option<GrantId>,
        page: &Page,
    ) -> Result<Listed<Subscription>, Error> {
        let select = format!(
            "SELECT sequence, body FROM bus_subscription WHERE ({PARTY}) \
             AND ($4 = 0 OR status = $4) AND ($5 = '' OR grant_id = $5) \
             AND sequence < $6 ORDER BY sequence DESC LIMIT $7"
        );
        let rows = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(i64::from(i32::from(status)))
            .bind(grant.map(|id| id.to_string()).unwrap_or_default())
            .bind(page.before()?)
            .bind(page.limit() + 1)
            .fetch_all(self.database.pool())
            .await?;
        page.list(&rows)
    }

    /// Open subscriptions whose grants were revoked or are over.
    ///
    /// # Errors
    /// The database failed.
    pub async fn orphans(&self, at: Timestamp) -> Result<Vec<Orphan>, Error> {
        let rows = sqlx::query(
            "SELECT s.id AS id, s.command_id AS command_id, s.grant_id AS grant_id, \
             g.status AS grant_status \
             FROM bus_subscription s JOIN bus_grant g ON g.id = s.grant_id \
             WHERE s.status = $1 AND (g.status = $2 OR (g.status = $3 AND g.ends_at <= $4)) \
             ORDER BY s.sequence",
        )
        .bind(i64::from(i32::from(SubscriptionStatus::Open)))
        .bind(i64::from(i32::from(GrantStatus::Revoked)))
        .bind(i64::from(i32::from(GrantStatus::Issued)))
        .bind(at.as_microsecond())
        .fetch_all(self.database.pool())
        .await?;
        rows.iter().map(orphan).collect()
    }

    /// The open subscriptions that want to hear of changes of a resource, with their nodes.
    ///
    /// # Errors
    /// The database failed.
    pub async fn watchers(
        &self,
        provider: OrganisationCode,
        resource: ResourceId,
    ) -> Result<Vec<(SubscriptionId, SpiffeId)>, Error> {
        let rows = sqlx::query(
            "SELECT id, consumer_node FROM bus_subscription WHERE resource_id = $1 \
             AND status = $2 AND provider_code = $3 AND trigger_kind = $4 ORDER BY sequence",
        )
        .bind(resource.to_string())
        .bind(i64::from(i32::from(SubscriptionStatus::Open)))
        .bind(provider.to_string())
        .bind(i64::from(i32::from(SubscriptionTriggerKind::OnChange)))
        .fetch_all(self.database.pool())
        .await?;
        let watcher = |row: &AnyRow| {
            let id = row.try_get::<String, _>("id")?.parse().map_err(Error::unreadable)?;
            let node = row.try_get::<String, _>("consumer_node")?;
            Ok((id, node.parse().map_err(Error::unreadable)?))
        };
        rows.iter().map(watcher).collect()
    }
}

fn orphan(row: &AnyRow) -> Result<Orphan, Error> {
    let revoked = i64::from(i32::from(GrantStatus::Revoked));
    Ok(Orphan {
        pending: pending(row)?,
        grant: row.try_get::<String, _>("grant_id")?.parse().map_err(Error::unreadable)?,
        how: match row.try_get::<i64, _>("grant_status")? == revoked {
            true => GrantEnd::Revoked,
            false => GrantEnd::Expired,
        },
    })
}
