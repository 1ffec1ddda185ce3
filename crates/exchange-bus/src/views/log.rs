//! Applications, grants, transfers and the archives of the log, from the stream EXCHANGE.

use std::collections::HashSet;

use async_trait::async_trait;
use prost::Name as _;
use prost_types::Any;
use publicdata_event_store::{self as event_store, Recorded, Subject};
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1::TransferRequested;
use publicdata_views::{ApplyError, View};
use sqlx::AnyConnection;

use super::series::Grants;
use super::subscriptions::Deliveries;
use super::transfers::Transfers;
use super::{EXCHANGE, archives, grants, series, subscriptions};

/// The view of our own events.
#[derive(Clone, Copy, Debug)]
pub struct Log;

/// A commit as its handlers need it.
pub(crate) struct Context<'a> {
    pub(crate) id: &'a str,
    pub(crate) sequence: i64,
    pub(crate) command_id: &'a str,
    pub(crate) at: Option<prost_types::Timestamp>,
}

#[async_trait]
impl View for Log {
    fn name(&self) -> &'static str {
        "bus_log"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[EXCHANGE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "bus_grant",
            "bus_transfer",
            "bus_subscription",
            "bus_delivery",
            "bus_series",
            "bus_log_archive",
            "bus_archived_use",
            "bus_archived_arrival",
        ]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        matches!(subject.aggregate(), "grant" | "transfer" | "subscription" | "log-archive")
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        self.apply_all(connection, &[recorded]).await
    }

    async fn apply_all(
        &self,
        connection: &mut AnyConnection,
        commits: &[&Recorded],
    ) -> Result<(), ApplyError> {
        let read = commits.iter().map(|recorded| Ok((*recorded, recorded.commit()?)));
        let commits: Result<Vec<_>, event_store::Error> = read.collect();
        let commits = commits.map_err(ApplyError::event)?;
        // Most are of transfers, and only there do many come at once.
        for run in commits.chunk_by(|a, b| is_of_transfer(a) && is_of_transfer(b)) {
            match run.first() {
                Some(first) if is_of_transfer(first) => apply_to_transfers(connection, run).await?,
                Some((recorded, commit)) => apply_to_others(connection, recorded, commit).await?,
                None => {}
            }
        }
        Ok(())
    }
}

fn is_of_transfer((recorded, _): &(&Recorded, Commit)) -> bool {
    recorded.subject.aggregate() == "transfer"
}

async fn apply_to_transfers(
    connection: &mut AnyConnection,
    commits: &[(&Recorded, Commit)],
) -> Result<(), ApplyError> {
    let mut ids = HashSet::new();
    let begins = |event: &Any| event.type_url == TransferRequested::type_url();
    let begun = commits.iter().filter(|(recorded, commit)| {
        let is_first = ids.insert(recorded.subject.id());
        is_first && !commit.events.first().is_some_and(begins)
    });
    let begun: Vec<&str> = begun.map(|(recorded, _)| recorded.subject.id()).collect();
    let mut transfers = Transfers::load(connection, &begun).await?;
    let mut deliveries = Deliveries::load(connection, &begun).await?;
    let mut grants = Grants::default();
    for (recorded, commit) in commits {
        let context = Context::of(recorded, commit)?;
        for event in &commit.events {
            let transfer = transfers.apply(&context, event)?;
            series::note_transfer(connection, &mut grants, event, transfer).await?;
            deliveries.note(connection, &context, event).await?;
        }
    }
    transfers.save(connection).await?;
    deliveries.save(connection).await
}

async fn apply_to_others(
    connection: &mut AnyConnection,
    recorded: &Recorded,
    commit: &Commit,
) -> Result<(), ApplyError> {
    let context = Context::of(recorded, commit)?;
    for event in &commit.events {
        match recorded.subject.aggregate() {
            "grant" => grants::apply(connection, &context, event).await?,
            "subscription" => subscriptions::apply(connection, &context, event).await?,
            "log-archive" => archives::apply(connection, recorded, event).await?,
            // Aggregates of a later version have views of their own.
            _ => {}
        }
    }
    Ok(())
}

impl<'a> Context<'a> {
    fn of(recorded: &'a Recorded, commit: &'a Commit) -> Result<Self, ApplyError> {
        Ok(Self {
            id: recorded.subject.id(),
            sequence: i64::try_from(recorded.sequence).map_err(ApplyError::event)?,
            command_id: &commit.command_id,
            at: commit.occurred_at,
        })
    }
}

#[cfg(test)]
mod tests;
