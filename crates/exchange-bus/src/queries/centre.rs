//! What flows to the big data centre, and what is missing (R10.2).

use std::collections::BTreeMap;

use jiff::Timestamp;
use prost::Message as _;
use publicdata_proto::catalog::v1::{DeliveryMode, ResourceDescription};
use publicdata_proto::exchange::v1::{
    Consolidation, ConsolidationState, ConsolidationTotals, FreshnessState, Grant, GrantStatus,
    GrantTerms, Subscription, SubscriptionStatus,
};
use publicdata_types::{Calendar, OrganisationCode, RegionCode};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::duties::{freshness, text};
use super::{Listed, PARTY, Page, Queries, Reader};
use crate::codec::values;
use crate::error::Error;
use crate::relay::Relay;
use crate::views::from_column;

/// What is sought of consolidations: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsolidationsSought {
    /// The provider.
    pub provider: Option<OrganisationCode>,
    /// The centre.
    pub centre: Option<OrganisationCode>,
    /// The division, with those in it.
    pub region: Option<RegionCode>,
    /// What has come of it; unspecified for any.
    pub state: ConsolidationState,
}

/// What consolidations are held against.
#[derive(Clone, Copy, Debug)]
pub struct Present<'a> {
    /// Who is connected.
    pub relay: &'a Relay,
    /// Working days.
    pub calendar: &'a Calendar,
    /// The time.
    pub now: Timestamp,
}

/// Whose resource flows where: by these its grants and subscriptions are found.
type Flow = (String, String);

impl Queries {
    /// What was ordered to be consolidated, with what has come of it, and the totals over all pages.
    ///
    /// # Errors
    /// The database failed, or the page token is not one of ours.
    pub async fn consolidations(
        &self,
        reader: &Reader,
        sought: &ConsolidationsSought,
        present: Present<'_>,
        page: &Page,
    ) -> Result<(Listed<Consolidation>, ConsolidationTotals), Error> {
        let (grants, subscriptions) =
            (self.grants_to_centres(present.now).await?, self.flows().await?);
        let seen = self.seen_at_centres().await?;
        let select = format!(
            "SELECT c.resource_id, c.resource_code, c.provider_code, c.consumer_code, \
             c.region_code, c.legal_basis, c.ordered_at, r.published \
             FROM (SELECT * FROM bus_consolidation WHERE {PARTY}) AS c \
             JOIN bus_resource r ON r.id = c.resource_id \
             WHERE ($4 = '' OR c.provider_code = $4) AND ($5 = '' OR c.consumer_code = $5)"
        );
        let code = |code: Option<OrganisationCode>| code.map(|code| code.to_string());
        let rows = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(code(sought.provider).unwrap_or_default())
            .bind(code(sought.centre).unwrap_or_default())
            .fetch_all(self.database.pool())
            .await?;

        let mut found = Vec::new();
        for row in &rows {
            let mut one = ordered(row)?;
            let flow = (one.resource_id.clone(), one.centre_code.clone());
            settle(&mut one, grants.get(&flow), subscriptions.get(&flow), present);
            let about: ResourceDescription = from_column(row, "published")?;
            let (cycle, seen) = (about.update_cycle(), seen.get(&one.resource_id));
            one.freshness = Some(freshness(cycle, seen, present.calendar, present.now));
            one.resource_name = about.name;
            if sought.holds(&one) {
                found.push(one);
            }
        }
        let totals = totals(&found);
        Ok((page.cut(found, place), totals))
    }

    /// The grants in force that allow push, by resource and consumer; the newest of each.
    async fn grants_to_centres(&self, now: Timestamp) -> Result<BTreeMap<Flow, Grant>, Error> {
        let rows = sqlx::query(
            "SELECT c.resource_id AS resource_id, c.consumer_code AS consumer_code, g.body AS body \
             FROM bus_grant g JOIN bus_consolidation c \
             ON c.resource_id = g.resource_id \
             AND (g.consumer_code = c.consumer_code OR g.consumer_code = '') \
             WHERE g.status = $1 AND g.ends_at > $2 ORDER BY g.sequence",
        )
        .bind(i64::from(i32::from(GrantStatus::Issued)))
        .bind(now.as_microsecond())
        .fetch_all(self.database.pool())
        .await?;
        let mut grants = BTreeMap::new();
        for row in &rows {
            let grant: Grant = from_column(row, "body")?;
            if begins(&grant)? > now {
                continue;
            }
            if grant.delivery_modes().any(|mode| mode == DeliveryMode::Push) {
                grants.insert((text(row, "resource_id")?, text(row, "consumer_code")?), grant);
            }
        }
        Ok(grants)
    }

    /// The open subscriptions of what is consolidated, by resource and consumer; the newest of each.
    async fn flows(&self) -> Result<BTreeMap<Flow, Subscription>, Error> {
        let rows = sqlx::query(
            "SELECT s.resource_id AS resource_id, s.consumer_code AS consumer_code, s.body AS body \
             FROM bus_subscription s JOIN bus_consolidation c \
             ON c.resource_id = s.resource_id AND c.consumer_code = s.consumer_code \
             WHERE s.status = $1 ORDER BY s.sequence",
        )
        .bind(i64::from(i32::from(SubscriptionStatus::Open)))
        .fetch_all(self.database.pool())
        .await?;
        let flow = |row: &AnyRow| {
            let key = (text(row, "resource_id")?, text(row, "consumer_code")?);
            Ok((key, from_column(row, "body")?))
        };
        rows.iter().map(flow).collect()
    }
}

/// When a grant begins to hold, by its signed terms: a renewal may be issued long before.
fn begins(grant: &Grant) -> Result<Timestamp, Error> {
    let signed = grant.signed_terms.clone().unwrap_or_default();
    let terms = GrantTerms::decode(signed.message.as_slice()).map_err(Error::unreadable)?;
    Ok(values::time("valid_from", terms.valid_from)?)
}

impl ConsolidationsSought {
    fn holds(&self, one: &Consolidation) -> bool {
        let in_region = self.region.is_none_or(|sought| {
            one.region_code.parse::<RegionCode>().is_ok_and(|region| sought.contains(&region))
        });
        let in_state = self.state == ConsolidationState::Unspecified || self.state == one.state();
        in_region && in_state
    }
}

fn ordered(row: &AnyRow) -> Result<Consolidation, Error> {
    let ordered_at = Timestamp::from_microsecond(row.try_get("ordered_at")?);
    Ok(Consolidation {
        resource_id: text(row, "resource_id")?,
        resource_code: text(row, "resource_code")?,
        provider_code: text(row, "provider_code")?,
        region_code: text(row, "region_code")?,
        centre_code: text(row, "consumer_code")?,
        legal_basis: text(row, "legal_basis")?,
        ordered_at: Some(values::time_to_wire(ordered_at.map_err(Error::unreadable)?)),
        ..Consolidation::default()
    })
}

/// Says what has come of it: the first thing that is missing.
fn settle(
    one: &mut Consolidation,
    grant: Option<&Grant>,
    subscription: Option<&Subscription>,
    present: Present<'_>,
) {
    if let Some(grant) = grant {
        one.grant_id.clone_from(&grant.id);
        one.purpose.clone_from(&grant.purpose);
    }
    if let Some(subscription) = subscription {
        one.subscription_id.clone_from(&subscription.id);
        one.problem.clone_from(&subscription.problem);
        one.problem_message.clone_from(&subscription.problem_message);
        one.last_delivered_at = subscription.last_delivered_at;
        one.reconciliation.clone_from(&subscription.last_reconciliation);
    }
    let is_served = match (one.provider_code.parse(), one.resource_id.parse()) {
        (Ok(provider), Ok(resource)) => present.relay.is_served(provider, resource),
        _ => false,
    };
    one.set_state(if grant.is_none() {
        ConsolidationState::NoGrant
    } else if subscription.is_none() {
        ConsolidationState::NoSubscription
    } else if !is_served {
        ConsolidationState::ProviderNotConnected
    } else if !one.problem.is_empty() {
        ConsolidationState::Failing
    } else if one.last_delivered_at.is_none() {
        ConsolidationState::NothingDelivered
    } else {
        match &one.reconciliation {
            None => ConsolidationState::NotCompared,
            Some(last) if last.equal => ConsolidationState::Equal,
            Some(_) => ConsolidationState::Unequal,
        }
    });
}

fn totals(all: &[Consolidation]) -> ConsolidationTotals {
    let count =
        |holds: fn(&Consolidation) -> bool| all.iter().filter(|one| holds(one)).count() as u64;
    ConsolidationTotals {
        resources: count(|_| true),
        equal: count(|one| one.state() == ConsolidationState::Equal),
        missing: count(|one| {
            one.last_delivered_at.is_none()
                || matches!(
                    one.state(),
                    ConsolidationState::NoGrant
                        | ConsolidationState::NoSubscription
                        | ConsolidationState::ProviderNotConnected
                )
        }),
        late: count(|one| {
            let late = FreshnessState::Late;
            one.freshness.as_ref().is_some_and(|freshness| freshness.state() == late)
        }),
        rows: all
            .iter()
            .filter_map(|one| one.reconciliation.as_ref()?.sink.as_ref())
            .map(|sink| sink.rows)
            .sum(),
    }
}

/// Its place in the list.
fn place(one: &Consolidation) -> String {
    format!("{} {} {}", one.region_code, one.provider_code, one.resource_code)
}
