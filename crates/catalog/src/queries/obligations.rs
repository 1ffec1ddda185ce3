//! Changes and obligations as answers, and what the clock has to look at.

use jiff::civil::Date;
use publicdata_catalog_domain::obligation::Term;
use publicdata_proto::catalog::v1 as wire;
use publicdata_proto::common::v1::Deadline;
use publicdata_types::{Actor, ObligationId, OrganisationCode, Period, RegionCode};
use publicdata_views::Database;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{governed, parsed, unreadable, within};
use crate::codec::{time_to_wire, update_cycle_from_wire};

/// How many rows the clock looks at in one query.
pub(crate) const BATCH: i64 = 500;
const ANY: &str = "%";

/// Where an obligation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Met,
    Missed,
    Cancelled,
}

/// What is listed; every part narrows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) organisation: Option<OrganisationCode>,
    pub(crate) region: Option<RegionCode>,
    /// As the wire numbers it.
    pub(crate) kind: Option<i32>,
    pub(crate) state: Option<State>,
    pub(crate) due_before: Option<Date>,
    pub(crate) cause: String,
    /// Behind this place.
    pub(crate) after: Place,
    pub(crate) limit: u32,
}

/// A place in the order of obligations: by their last days, and those of one day by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) due_on: String,
    pub(crate) id: String,
}

/// Whose obligations somebody may see: its organisation's own, those of the region that it governs, all if it audits.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    own: String,
    regions: String,
}

/// An obligation that the clock has to look at.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) id: ObligationId,
    pub(crate) place: Place,
    /// The last commit about it, as far as the view has come.
    pub(crate) sequence: u64,
}

/// An obligation that was counted by another calendar.
#[derive(Clone, Debug)]
pub(crate) struct Stale {
    pub(crate) pending: Pending,
    pub(crate) counted_from: Date,
    pub(crate) term: Term,
    pub(crate) due_on: Date,
    pub(crate) provisional: bool,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Open, Self::Met, Self::Missed, Self::Cancelled];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) const fn to_wire(self) -> wire::ObligationState {
        match self {
            Self::Open => wire::ObligationState::Open,
            Self::Met => wire::ObligationState::Met,
            Self::Missed => wire::ObligationState::Missed,
            Self::Cancelled => wire::ObligationState::Cancelled,
        }
    }
}

impl Scope {
    pub(crate) fn of(actor: &Actor) -> Self {
        let regions = match actor.may_audit() {
            Ok(()) => ANY.to_owned(),
            Err(_) => governed(actor),
        };
        Self { own: actor.organisation.to_string(), regions }
    }
}

/// Obligations in the order of their last days.
pub(crate) async fn list(
    database: &Database,
    scope: &Scope,
    filter: &Filter,
) -> Result<Vec<wire::Obligation>, sqlx::Error> {
    let any = || ANY.to_owned();
    let (kind_min, kind_max) = filter.kind.map_or((0, i32::MAX), |kind| (kind, kind));
    let cause = match filter.cause.as_str() {
        "" => ANY,
        cause => cause,
    };
    let due_before = filter.due_before.unwrap_or(Date::MAX);
    let rows = sqlx::query(
        "SELECT * FROM catalog_obligation
         WHERE (organisation_code = $1 OR region_code LIKE $2)
             AND organisation_code LIKE $3 AND region_code LIKE $4 AND kind >= $5 AND kind <= $6
             AND state LIKE $7 AND due_on < $8 AND cause_id LIKE $9 AND (due_on, id) > ($10, $11)
         ORDER BY due_on, id LIMIT $12",
    )
    .bind(scope.own.as_str())
    .bind(scope.regions.as_str())
    .bind(filter.organisation.map_or_else(any, |code| code.to_string()))
    .bind(filter.region.as_ref().map_or_else(any, within))
    .bind(i64::from(kind_min))
    .bind(i64::from(kind_max))
    .bind(filter.state.map_or(ANY, State::as_str))
    .bind(due_before.to_string())
    .bind(cause)
    .bind(filter.after.due_on.as_str())
    .bind(filter.after.id.as_str())
    .bind(i64::from(filter.limit))
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(obligation).collect()
}

/// The obligation, if somebody with this scope may see it.
pub(crate) async fn by_id(
    database: &Database,
    scope: &Scope,
    id: &ObligationId,
) -> Result<Option<wire::Obligation>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT * FROM catalog_obligation
         WHERE id = $1 AND (organisation_code = $2 OR region_code LIKE $3)",
    )
    .bind(id.to_string())
    .bind(scope.own.as_str())
    .bind(scope.regions.as_str())
    .fetch_optional(database.pool())
    .await?;
    row.as_ref().map(obligation).transpose()
}

/// Changes, the last recorded first: those of the scope's regions, and those that affect somebody in it.
pub(crate) async fn changes(
    database: &Database,
    scope: &Scope,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<(u64, wire::Change)>, sqlx::Error> {
    let before = before.and_then(|sequence| i64::try_from(sequence).ok()).unwrap_or(i64::MAX);
    let rows = sqlx::query(
        "SELECT * FROM catalog_change AS change
         WHERE sequence < $1 AND (region_code LIKE $3 OR EXISTS (
             SELECT 1 FROM catalog_change_organisation AS affected
             WHERE affected.change_id = change.id
                 AND (affected.organisation_code = $2 OR affected.region_code LIKE $3)
         ))
         ORDER BY sequence DESC LIMIT $4",
    )
    .bind(before)
    .bind(scope.own.as_str())
    .bind(scope.regions.as_str())
    .bind(i64::from(limit))
    .fetch_all(database.pool())
    .await?;
    let mut changes = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut change = change(row)?;
        change.organisation_codes = affected(database, scope, &change.id).await?;
        changes.push((unsigned(row, "sequence")?, change));
    }
    Ok(changes)
}

async fn affected(
    database: &Database,
    scope: &Scope,
    change_id: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT organisation_code FROM catalog_change_organisation
         WHERE change_id = $1 AND (organisation_code = $2 OR region_code LIKE $3)
         ORDER BY organisation_code",
    )
    .bind(change_id)
    .bind(scope.own.as_str())
    .bind(scope.regions.as_str())
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Obligations of which a warning is due, after those that were looked at.
pub(crate) async fn unwarned(
    database: &Database,
    warn_until: Date,
    after: &Place,
) -> Result<Vec<Pending>, sqlx::Error> {
    due(database, "warned = 0 AND due_on <= $1", warn_until, after).await
}

/// Obligations whose last day has passed, after those that were looked at.
pub(crate) async fn elapsed(
    database: &Database,
    today: Date,
    after: &Place,
) -> Result<Vec<Pending>, sqlx::Error> {
    due(database, "provisional = 0 AND due_on < $1", today, after).await
}

/// How many obligations wait for holidays to be announced, with their last day behind them.
pub(crate) async fn waiting(database: &Database, today: Date) -> Result<u64, sqlx::Error> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS waiting FROM catalog_obligation
         WHERE state = 'open' AND provisional = 1 AND due_on < $1",
    )
    .bind(today.to_string())
    .fetch_one(database.pool())
    .await?;
    unsigned(&row, "waiting")
}

async fn due(
    database: &Database,
    condition: &str,
    day: Date,
    after: &Place,
) -> Result<Vec<Pending>, sqlx::Error> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT id, due_on, sequence FROM catalog_obligation
         WHERE state = 'open' AND {condition} AND (due_on, id) > ($2, $3)
         ORDER BY due_on, id LIMIT $4"
    )))
    .bind(day.to_string())
    .bind(after.due_on.as_str())
    .bind(after.id.as_str())
    .bind(BATCH)
    .fetch_all(database.pool())
    .await?;
    rows.iter().map(pending).collect()
}

/// Obligations that were counted by another calendar than `version`, and changed after the commit `after`.
pub(crate) async fn stale(
    database: &Database,
    version: &str,
    after: u64,
) -> Result<Vec<Stale>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT * FROM catalog_obligation
         WHERE state = 'open' AND sequence > $1 AND working_days > 0 AND calendar_version <> $2
         ORDER BY sequence LIMIT $3",
    )
    .bind(i64::try_from(after).unwrap_or(i64::MAX))
    .bind(version)
    .bind(BATCH)
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Stale {
                pending: pending(row)?,
                counted_from: parsed(row, "counted_from")?,
                term: term(row)?,
                due_on: parsed(row, "due_on")?,
                provisional: row.try_get::<i64, _>("provisional")? != 0,
            })
        })
        .collect()
}

/// How far a follower has come; 0 if it never began.
pub(crate) async fn followed(database: &Database, name: &str) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT sequence FROM catalog_follower WHERE name = $1")
        .bind(name)
        .fetch_optional(database.pool())
        .await?;
    row.map_or(Ok(0), |row| unsigned(&row, "sequence"))
}

/// Notes how far a follower has come; it never goes back.
pub(crate) async fn note_followed(
    database: &Database,
    name: &str,
    sequence: u64,
) -> Result<(), sqlx::Error> {
    let mut transaction = database.begin().await?;
    sqlx::query(
        "INSERT INTO catalog_follower (name, sequence) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence
         WHERE catalog_follower.sequence < excluded.sequence",
    )
    .bind(name)
    .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
    .execute(transaction.connection())
    .await?;
    transaction.commit().await
}

fn change(row: &AnyRow) -> Result<wire::Change, sqlx::Error> {
    let recorded_at = jiff::Timestamp::from_microsecond(row.try_get("recorded_at")?)
        .map_err(|source| unreadable("recorded_at", source))?;
    Ok(wire::Change {
        id: row.try_get("id")?,
        kind: number(row, "kind")?,
        title: row.try_get("title")?,
        description: row.try_get("description")?,
        effective_on: row.try_get("effective_on")?,
        region_code: row.try_get("region_code")?,
        organisation_codes: Vec::new(),
        recorded_at: Some(time_to_wire(recorded_at)),
    })
}

fn obligation(row: &AnyRow) -> Result<wire::Obligation, sqlx::Error> {
    let state: &str = row.try_get("state")?;
    let state = State::ALL.into_iter().find(|known| known.as_str() == state);
    let state = state.ok_or_else(|| unreadable("state", "no such state"))?;
    let resources: &str = row.try_get("resource_ids")?;
    Ok(wire::Obligation {
        id: row.try_get("id")?,
        kind: number(row, "kind")?,
        organisation_code: row.try_get("organisation_code")?,
        organisation_name: String::new(),
        region_code: row.try_get("region_code")?,
        cause_id: row.try_get("cause_id")?,
        subject: row.try_get("subject")?,
        state: state.to_wire().into(),
        counted_from: row.try_get("counted_from")?,
        working_days: u32::try_from(number(row, "working_days")?).unwrap_or_default(),
        update_cycle: number(row, "update_cycle")?,
        deadline: Some(Deadline {
            due_on: row.try_get("due_on")?,
            rule: row.try_get("rule")?,
            calendar_version: row.try_get("calendar_version")?,
            provisional: row.try_get::<i64, _>("provisional")? != 0,
        }),
        warned: row.try_get::<i64, _>("warned")? != 0,
        met_on: row.try_get("met_on")?,
        late: row.try_get::<i64, _>("late")? != 0,
        resource_ids: resources.split_whitespace().map(ToOwned::to_owned).collect(),
        note: row.try_get("note")?,
        cancel_reason: row.try_get("cancel_reason")?,
        opened_on: row.try_get("opened_on")?,
    })
}

fn term(row: &AnyRow) -> Result<Term, sqlx::Error> {
    let cycle = update_cycle_from_wire(number(row, "update_cycle")?);
    let working_days = u32::try_from(number(row, "working_days")?).unwrap_or_default();
    Ok(match cycle.and_then(Period::of) {
        Some(period) => Term::Every(period),
        None => Term::WorkingDays(working_days),
    })
}

fn pending(row: &AnyRow) -> Result<Pending, sqlx::Error> {
    Ok(Pending {
        id: parsed(row, "id")?,
        place: Place { due_on: row.try_get("due_on")?, id: row.try_get("id")? },
        sequence: unsigned(row, "sequence")?,
    })
}

fn number(row: &AnyRow, column: &str) -> Result<i32, sqlx::Error> {
    i32::try_from(row.try_get::<i64, _>(column)?).map_err(|source| unreadable(column, source))
}

fn unsigned(row: &AnyRow, column: &str) -> Result<u64, sqlx::Error> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|source| unreadable(column, source))
}
