//! Agreements with service providers: commands to them, and what the service does of itself when one ends (R44.1).

use std::sync::Arc;
use std::time::Duration;

use publicdata_catalog_domain::agreement::{Agreement as Aggregate, Command, Cover};
use publicdata_event_store::aggregates::{Aggregates, Executed, Meta};
use publicdata_proto::catalog::v1::AgreementStatus;
use publicdata_service_kit::problem::chain;
use publicdata_types::{AgreementId, china_date};
use tokio_util::sync::CancellationToken;

use crate::codec;
use crate::error::Error;
use crate::grpc::Shared;
use crate::queries::register::elapsed_agreements;

/// Commands to agreements.
#[derive(Debug)]
pub(crate) struct AgreementDesk {
    pub(crate) aggregates: Aggregates<codec::Agreement>,
    pub(crate) shared: Arc<Shared>,
}

/// Notes agreements whose last day has passed.
pub(crate) struct Endings {
    pub(crate) desk: Arc<AgreementDesk>,
    /// Who acts: this service, as a SPIFFE id.
    pub(crate) service: String,
    /// How often the clock is looked at.
    pub(crate) every: Duration,
}

impl AgreementDesk {
    pub(crate) async fn execute(
        &self,
        id: &AgreementId,
        meta: &Meta,
        command: Command,
    ) -> Result<Executed<Aggregate>, Error> {
        let done = self.aggregates.execute(&id.to_string(), meta, command).await?;
        self.shared.until_seen(done.sequence).await;
        Ok(done)
    }

    /// What credentials may rest on now.
    pub(crate) async fn cover(&self, id: &AgreementId, meta: &Meta) -> Result<Cover, Error> {
        let (state, _) = self.aggregates.get(&id.to_string()).await?;
        Ok(state.cover(*id, meta.at)?)
    }
}

impl Endings {
    /// Looks at the clock again and again, until shutdown.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // What fails now has still ended at the next tick.
            if let Err(error) = self.note_endings().await {
                tracing::warn!(error = chain(&error), "cannot note agreements that ended");
            }
        }
    }

    async fn note_endings(&self) -> Result<(), Error> {
        let shared = &self.desk.shared;
        let now = shared.clock.now();
        let today = china_date(now);
        let in_force = AgreementStatus::InForce as i32;
        for (id, cause) in elapsed_agreements(&shared.database, in_force, today).await? {
            let meta = Meta {
                command_id: cause.derive("agreement-ended"),
                actor: self.service.clone(),
                at: now,
                traceparent: None,
            };
            self.desk.execute(&id, &meta, Command::End { on: today }).await?;
        }
        Ok(())
    }
}
