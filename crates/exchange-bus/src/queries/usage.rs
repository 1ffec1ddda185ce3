//! What a consumer did under a grant.

use jiff::Timestamp;
use publicdata_exchange_domain::{Terms, Usage};
use publicdata_proto::exchange::v1::TransferStatus;
use publicdata_types::{OrganisationCode, TransferId};
use sqlx::Row as _;

use super::Queries;
use crate::error::Error;

impl Queries {
    /// What a consumer did under a grant before this transfer, as far as its terms ask: what runs and what was completed, a
    /// moment behind, as views are. What broke off may never have reached the provider's node, which counts again, and exactly.
    ///
    /// # Errors
    /// The database failed, or holds what cannot be read.
    pub async fn usage(
        &self,
        terms: &Terms,
        consumer: OrganisationCode,
        transfer: TransferId,
    ) -> Result<Usage, Error> {
        let mut usage = Usage::default();
        let (grant, transfer) = (terms.grant.to_string(), transfer.to_string());
        let consumer = consumer.to_string();
        if let Some(rate) = terms.rate {
            // Older ones cannot make the difference, and what is read from archives is older than any rate reaches back.
            let rows = sqlx::query(
                "SELECT requested_at FROM bus_transfer
                 WHERE grant_id = $1 AND id <> $2 AND consumer_code = $3 AND status IN ($4, $5)
                 ORDER BY requested_at DESC LIMIT $6",
            )
            .bind(grant.as_str())
            .bind(transfer.as_str())
            .bind(consumer.as_str())
            .bind(i64::from(i32::from(TransferStatus::Running)))
            .bind(i64::from(i32::from(TransferStatus::Completed)))
            .bind(i64::from(rate.transfers.get()))
            .fetch_all(self.database.pool())
            .await?;
            for row in rows {
                let at = Timestamp::from_microsecond(row.try_get("requested_at")?);
                usage.begun.push(at.map_err(Error::unreadable)?);
            }
        }
        if terms.total_rows_max.is_some() {
            let row = sqlx::query(
                "SELECT CAST(COALESCE(SUM(delivered_rows), 0) AS BIGINT) AS rows_delivered FROM
                 (SELECT delivered_rows FROM bus_transfer
                  WHERE grant_id = $1 AND id <> $2 AND consumer_code = $3
                  UNION ALL SELECT delivered_rows FROM bus_archived_use
                  WHERE grant_id = $1 AND consumer_code = $3) AS delivered",
            )
            .bind(grant.as_str())
            .bind(transfer.as_str())
            .bind(consumer.as_str())
            .fetch_one(self.database.pool())
            .await?;
            usage.rows = row.try_get::<i64, _>("rows_delivered")?.unsigned_abs();
        }
        Ok(usage)
    }
}
