//! Applications, grants, transfers and the archives of the log, from the stream EXCHANGE.

use async_trait::async_trait;
use publicdata_event_store::{Recorded, Subject};
use publicdata_views::{ApplyError, View};
use sqlx::AnyConnection;

use super::{EXCHANGE, archives, grants, series, subscriptions, transfers};

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
        let commit = recorded.commit().map_err(ApplyError::event)?;
        let context = Context {
            id: recorded.subject.id(),
            sequence: i64::try_from(recorded.sequence).map_err(ApplyError::event)?,
            command_id: &commit.command_id,
            at: commit.occurred_at,
        };
        for event in &commit.events {
            match recorded.subject.aggregate() {
                "grant" => grants::apply(connection, &context, event).await?,
                "transfer" => {
                    transfers::apply(connection, &context, event).await?;
                    subscriptions::note_transfer(connection, &context, event).await?;
                    series::note_transfer(connection, &context, event).await?;
                }
                "subscription" => subscriptions::apply(connection, &context, event).await?,
                "log-archive" => archives::apply(connection, recorded, event).await?,
                // Aggregates of a later version have views of their own.
                _ => {}
            }
        }
        Ok(())
    }
}
