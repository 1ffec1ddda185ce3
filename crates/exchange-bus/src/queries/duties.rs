//! Duties, as the exchange's events show them (R29.1, R30.1).

use std::collections::BTreeMap;

use jiff::Timestamp;
use publicdata_proto::catalog::v1::{ResourceDescription, UpdateCycle as WireCycle};
use publicdata_proto::exchange::v1::{
    ConsumerDuty, Freshness, FreshnessState, ProviderDuty, RefusalCount, Subscription,
    SubscriptionStatus, TransferStatus,
};
use publicdata_types::{Calendar, OrganisationCode, Period, RegionCode, china_date};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Listed, PARTY, Page, Queries, Reader};
use crate::codec::values;
use crate::error::Error;
use crate::views::from_column;

/// What is sought of providers: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvidersSought {
    /// The provider.
    pub provider: Option<OrganisationCode>,
    /// The division, with those in it.
    pub region: Option<RegionCode>,
}

/// What is sought of consumers: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumersSought {
    /// The consumer.
    pub consumer: Option<OrganisationCode>,
    /// Asked for at this time or later.
    pub from: Option<Timestamp>,
    /// Asked for before this time.
    pub before: Option<Timestamp>,
}

/// When a resource's data were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    new_at: Timestamp,
    looked_at: Timestamp,
}

/// What was done with one resource's data.
#[derive(Clone, Copy, Debug, Default)]
struct Deliveries {
    completed: u64,
    rows: u64,
    rejected_rows: u64,
    interrupted: u64,
}

impl Queries {
    /// What each published resource was found to be, in the order of codes (R29.1).
    ///
    /// # Errors
    /// The database failed, or the page token is not one of ours.
    pub async fn provider_duties(
        &self,
        reader: &Reader,
        sought: &ProvidersSought,
        (calendar, now): (&Calendar, Timestamp),
        page: &Page,
    ) -> Result<Listed<ProviderDuty>, Error> {
        let (seen, deliveries) = (self.seen().await?, self.deliveries().await?);
        let comparisons = self.comparisons().await?;
        let rows = sqlx::query(
            "SELECT id, code, region_code, published FROM bus_resource \
             WHERE published <> '' AND standing = ''",
        )
        .fetch_all(self.database.pool())
        .await?;

        let mut duties = Vec::new();
        for row in &rows {
            let about: ResourceDescription = from_column(row, "published")?;
            let (id, region_code) = (text(row, "id")?, text(row, "region_code")?);
            let is_sought = sought.holds(&about.provider_code, &region_code)
                && reader.governs_or_is(&about.provider_code, &region_code);
            if !is_sought {
                continue;
            }
            let resource_code = text(row, "code")?;
            let done = deliveries.get(&resource_code).copied().unwrap_or_default();
            let (equal, unequal) = comparisons.get(&id).copied().unwrap_or_default();
            let freshness = freshness(about.update_cycle(), seen.get(&id), calendar, now);
            duties.push(ProviderDuty {
                provider_code: about.provider_code,
                region_code,
                resource_id: id,
                resource_code,
                resource_name: about.name,
                freshness: Some(freshness),
                deliveries: done.completed,
                rows: done.rows,
                rejected_rows: done.rejected_rows,
                interrupted: done.interrupted,
                equal_subscriptions: equal,
                unequal_subscriptions: unequal,
            });
        }
        Ok(page.cut(duties, |duty| duty.resource_code.clone()))
    }

    /// What each consumer did that the reader is a party to, or governs (R30.1), as far as it is in the near log. Comparisons with a sink
    /// are signed for as well.
    ///
    /// # Errors
    /// The database failed.
    pub async fn consumer_duties(
        &self,
        reader: &Reader,
        sought: &ConsumersSought,
    ) -> Result<Vec<ConsumerDuty>, Error> {
        let select = format!(
            "SELECT consumer_code, status, reason, COUNT(*) AS transfers, \
             CAST(COALESCE(SUM(delivered_rows), 0) AS BIGINT) AS rows_delivered \
             FROM bus_transfer WHERE ({PARTY}) AND ($4 = '' OR consumer_code = $4) \
             AND requested_at >= $5 AND requested_at < $6 \
             GROUP BY consumer_code, status, reason ORDER BY consumer_code, reason"
        );
        let rows = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(sought.consumer.map(|code| code.to_string()).unwrap_or_default())
            .bind(sought.from.map_or(0, Timestamp::as_microsecond))
            .bind(sought.before.map_or(i64::MAX, Timestamp::as_microsecond))
            .fetch_all(self.database.pool())
            .await?;
        let mut duties: BTreeMap<String, ConsumerDuty> = BTreeMap::new();
        for row in &rows {
            let consumer_code = text(row, "consumer_code")?;
            let fresh =
                || ConsumerDuty { consumer_code: consumer_code.clone(), ..Default::default() };
            count(duties.entry(consumer_code.clone()).or_insert_with(fresh), row)?;
        }
        Ok(duties.into_values().collect())
    }

    /// When new data of each resource were last seen by anybody, by its id.
    async fn seen(&self) -> Result<BTreeMap<String, Seen>, Error> {
        let rows = sqlx::query(
            "SELECT resource_id, MAX(new_at) AS new_at, MAX(looked_at) AS looked_at \
             FROM bus_series GROUP BY resource_id",
        )
        .fetch_all(self.database.pool())
        .await?;
        rows.iter().map(|row| Ok((text(row, "resource_id")?, Seen::of(row)?))).collect()
    }

    /// When new data of each resource last came to the centre that it is to flow to, by the resource's id.
    pub(super) async fn seen_at_centres(&self) -> Result<BTreeMap<String, Seen>, Error> {
        let rows = sqlx::query(
            "SELECT s.resource_id AS resource_id, MAX(s.new_at) AS new_at, \
             MAX(s.looked_at) AS looked_at FROM bus_series s JOIN bus_consolidation c \
             ON c.resource_id = s.resource_id AND c.consumer_code = s.consumer_code \
             GROUP BY s.resource_id",
        )
        .fetch_all(self.database.pool())
        .await?;
        rows.iter().map(|row| Ok((text(row, "resource_id")?, Seen::of(row)?))).collect()
    }

    /// What was done with each resource's data, by its code, as far as it is in the near log. Comparisons are no deliveries.
    async fn deliveries(&self) -> Result<BTreeMap<String, Deliveries>, Error> {
        let completed = i64::from(i32::from(TransferStatus::Completed));
        let interrupted = i64::from(i32::from(TransferStatus::Interrupted));
        let rows = sqlx::query(
            "SELECT resource_code, \
             SUM(CASE WHEN status = $1 THEN 1 ELSE 0 END) AS completed, \
             SUM(CASE WHEN status = $2 THEN 1 ELSE 0 END) AS interrupted, \
             CAST(COALESCE(SUM(delivered_rows), 0) AS BIGINT) AS rows_delivered, \
             CAST(COALESCE(SUM(rejected_rows), 0) AS BIGINT) AS rows_rejected \
             FROM bus_transfer WHERE reconciliation = 0 GROUP BY resource_code",
        )
        .bind(completed)
        .bind(interrupted)
        .fetch_all(self.database.pool())
        .await?;
        let deliveries = |row: &AnyRow| {
            let deliveries = Deliveries {
                completed: number(row, "completed")?,
                rows: number(row, "rows_delivered")?,
                rejected_rows: number(row, "rows_rejected")?,
                interrupted: number(row, "interrupted")?,
            };
            Ok((text(row, "resource_code")?, deliveries))
        };
        rows.iter().map(deliveries).collect()
    }

    /// Of how many open subscriptions of each resource the last comparison found source and sink equal, and of how many not.
    async fn comparisons(&self) -> Result<BTreeMap<String, (u64, u64)>, Error> {
        let rows = sqlx::query("SELECT resource_id, body FROM bus_subscription WHERE status = $1")
            .bind(i64::from(i32::from(SubscriptionStatus::Open)))
            .fetch_all(self.database.pool())
            .await?;
        let mut comparisons: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for row in &rows {
            let subscription: Subscription = from_column(row, "body")?;
            let Some(last) = subscription.last_reconciliation else { continue };
            let (equal, unequal) = comparisons.entry(text(row, "resource_id")?).or_default();
            *(if last.equal { equal } else { unequal }) += 1;
        }
        Ok(comparisons)
    }
}

impl Seen {
    fn of(row: &AnyRow) -> Result<Self, Error> {
        let time = |column| {
            let at = Timestamp::from_microsecond(row.try_get(column)?);
            at.map_err(Error::unreadable)
        };
        Ok(Self { new_at: time("new_at")?, looked_at: time("looked_at")? })
    }
}

impl ProvidersSought {
    fn holds(&self, provider: &str, region: &str) -> bool {
        self.provider.is_none_or(|sought| sought.as_str() == provider)
            && self.region.is_none_or(|sought| {
                region.parse::<RegionCode>().is_ok_and(|region| sought.contains(&region))
            })
    }
}

/// Whether data are as new as their cycle asks: see `Freshness` of the contract.
pub(super) fn freshness(
    cycle: WireCycle,
    seen: Option<&Seen>,
    calendar: &Calendar,
    now: Timestamp,
) -> Freshness {
    let mut found = Freshness { update_cycle: cycle.into(), ..Freshness::default() };
    let Some(&Seen { new_at, looked_at }) = seen else {
        found.set_state(FreshnessState::NeverDelivered);
        return found;
    };
    found.last_new_at = Some(values::time_to_wire(new_at));
    found.last_looked_at = Some(values::time_to_wire(looked_at));
    let Some(period) = period(cycle) else {
        found.set_state(FreshnessState::NoLimit);
        return found;
    };
    let due_on = period.due(calendar, china_date(new_at)).on;
    let today = china_date(now);
    found.due_on = due_on.to_string();
    let state = if today <= due_on {
        FreshnessState::Fresh
    } else if china_date(looked_at) > due_on {
        found.days_late = u32::try_from((today - due_on).get_days()).unwrap_or_default();
        FreshnessState::Late
    } else {
        FreshnessState::NotLookedAt
    };
    found.set_state(state);
    found
}

/// The span in which new data are due. Events show no shorter one than a day.
fn period(cycle: WireCycle) -> Option<Period> {
    match cycle {
        WireCycle::RealTime | WireCycle::Daily => Some(Period::Daily),
        WireCycle::Weekly => Some(Period::Weekly),
        WireCycle::Monthly => Some(Period::Monthly),
        WireCycle::Quarterly => Some(Period::Quarterly),
        WireCycle::HalfYearly => Some(Period::HalfYearly),
        WireCycle::Yearly => Some(Period::Yearly),
        WireCycle::Irregular | WireCycle::Unspecified => None,
    }
}

fn count(duty: &mut ConsumerDuty, row: &AnyRow) -> Result<(), Error> {
    let transfers = number(row, "transfers")?;
    duty.rows += number(row, "rows_delivered")?;
    let status: i64 = row.try_get("status")?;
    let status =
        i32::try_from(status).ok().and_then(|status| TransferStatus::try_from(status).ok());
    match status {
        Some(TransferStatus::Completed) => duty.signed += transfers,
        Some(TransferStatus::Refused) => {
            duty.refused += transfers;
            duty.refusals.push(RefusalCount { reason: text(row, "reason")?, count: transfers });
        }
        Some(
            TransferStatus::Running
            | TransferStatus::Interrupted
            | TransferStatus::Stopped
            | TransferStatus::Unspecified,
        )
        | None => duty.unsigned += transfers,
    }
    Ok(())
}

pub(super) fn text(row: &AnyRow, column: &str) -> Result<String, Error> {
    Ok(row.try_get(column)?)
}

fn number(row: &AnyRow, column: &str) -> Result<u64, Error> {
    Ok(row.try_get::<i64, _>(column)?.unsigned_abs())
}

#[cfg(test)]
mod tests;
