//! Verification tickets, corrections and disputes, from the stream EXCHANGE.
//!
//! A view of its own, and not a part of [`Log`](super::Log): it is small where that one holds every transfer there ever was, so
//! it is rebuilt on its own in a moment; and it tells when it has changed, so that what nodes are told follows from it.

use std::sync::Arc;

use async_trait::async_trait;
use publicdata_event_store::{Recorded, Subject};
use publicdata_views::{ApplyError, View};
use sqlx::AnyConnection;
use tokio::sync::Notify;

use super::{EXCHANGE, disputes, tickets};

/// The view of objections.
#[derive(Clone, Debug, Default)]
pub struct Objections {
    changed: Arc<Notify>,
}

/// A commit as its handlers need it.
pub(super) struct Context<'a> {
    pub(super) id: &'a str,
    pub(super) sequence: i64,
    pub(super) command_id: &'a str,
    pub(super) actor: &'a str,
    pub(super) at: Option<prost_types::Timestamp>,
}

impl Objections {
    /// Waits until the tables may have changed since this was last asked.
    pub async fn until_changed(&self) {
        self.changed.notified().await;
    }
}

#[async_trait]
impl View for Objections {
    fn name(&self) -> &'static str {
        "bus_objections"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[EXCHANGE]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["bus_ticket", "bus_correction", "bus_dispute"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        matches!(subject.aggregate(), "ticket" | "dispute")
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
            actor: &commit.actor,
            at: commit.occurred_at,
        };
        for event in &commit.events {
            match recorded.subject.aggregate() {
                "ticket" => tickets::apply(connection, &context, event).await?,
                "dispute" => disputes::apply(connection, &context, event).await?,
                // What is of no concern.
                _ => {}
            }
        }
        Ok(())
    }

    fn changed(&self) {
        self.changed.notify_one();
    }
}
