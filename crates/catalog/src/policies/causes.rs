//! Follows the catalogue's own events, and does what follows from them: a change of law opens obligations, a publication asks
//! for updates, an update meets what it was asked for (R14.1, R12.4, R20.1).

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use publicdata_catalog_domain::change::{Event, Record};
use publicdata_catalog_domain::obligation::{CATALOGUE_UPDATE_WITHIN, Cause, Term};
use publicdata_catalog_domain::schedule::Opening;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{BoxError, Recorded};
use publicdata_service_kit::problem::chain;
use publicdata_types::{ChangeId, CommandId, china_date};
use tokio_util::sync::CancellationToken;

use crate::codec::{self, FieldError, parse, time_from_wire};
use crate::error::Error;
use crate::obligations::{Desk, history};
use crate::queries::obligations as queries;
use crate::views::STREAM;

/// Names the position in its table: a follower that is renamed starts over.
const NAME: &str = "obligations";
/// How many commits are taken at a time, while catching up. Live, it is as many as there are: one.
const BATCH_MAX: usize = 500;
/// After how many commits from which nothing followed the position is noted all the same. After a crash they are read again.
const UNNOTED_MAX: u64 = 1_000;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The follower. What it does, it may do twice: each command is known by its id, and says nothing the second time. So the
/// position is noted after the fact, and a follower that was killed in between, or starts over, does no harm.
#[derive(Debug)]
pub(crate) struct Causes {
    pub(crate) desk: Arc<Desk>,
}

impl Causes {
    /// Follows, until shutdown.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut pause = PAUSE_MIN;
        loop {
            let began = self.position().await.unwrap_or_default();
            let followed = tokio::select! {
                () = shutdown.cancelled() => return,
                followed = self.follow() => followed,
            };
            if self.position().await.unwrap_or_default() != began {
                pause = PAUSE_MIN;
            }
            if let Err(error) = followed {
                tracing::warn!(
                    error = chain(&error),
                    "obligations wait, and are followed up later"
                );
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = PAUSE_MAX.min(pause * 2),
            }
        }
    }

    /// Follows until something goes wrong.
    async fn follow(&self) -> Result<(), Error> {
        let store = &self.desk.shared.store;
        let mut noted = self.position().await?;
        let failed = |error: publicdata_event_store::Error| Error::Load(error.into());
        let commits = store.subscribe(STREAM, noted + 1).await.map_err(failed)?;
        let mut batches = commits.ready_chunks(BATCH_MAX);
        while let Some(batch) = batches.next().await {
            let (mut last, mut acted) = (noted, false);
            for recorded in batch {
                let recorded = recorded.map_err(failed)?;
                acted |= self.take_up(&recorded).await?;
                last = recorded.sequence;
            }
            if acted || last >= noted + UNNOTED_MAX {
                queries::note_followed(&self.desk.shared.database, NAME, last).await?;
                noted = last;
            }
        }
        Ok(())
    }

    async fn position(&self) -> Result<u64, Error> {
        Ok(queries::followed(&self.desk.shared.database, NAME).await?)
    }

    /// Does what follows from a commit, and says whether anything did.
    async fn take_up(&self, recorded: &Recorded) -> Result<bool, Error> {
        let store = &self.desk.shared.store;
        let actions = match recorded.subject.aggregate() {
            codec::Change::AGGREGATE => return self.open_all(recorded).await,
            history::RESOURCE => history::resource_actions(store, recorded).await?,
            history::LIBRARY => history::library_actions(store, recorded).await?,
            _ => return Ok(false),
        };
        let cause: CommandId = recorded.command_id().map_err(|error| Error::Load(error.into()))?;
        let acted = !actions.is_empty();
        for action in actions {
            self.desk.carry_out(cause, action).await?;
        }
        Ok(acted)
    }

    /// R14.1: a change opens an obligation on each organisation that it names.
    async fn open_all(&self, recorded: &Recorded) -> Result<bool, Error> {
        let commit = recorded.commit().map_err(|error| Error::Load(error.into()))?;
        let opened_on = china_date(time_from_wire("occurred_at", commit.occurred_at)?);
        let id: ChangeId = parse("change_id", recorded.subject.id())?;
        for any in &commit.events {
            let event = codec::Change::decode(any);
            let event = event.map_err(|error| FieldError::new("events", BoxError::from(error)))?;
            let Some(Event::Recorded { record, .. }) = event else { continue };
            let Record { title, effective_on, affected, .. } = record;
            for affected in affected {
                let organisation = affected.organisation;
                let cause = CommandId::from_uuid(*id.as_uuid());
                let obligation = history::obligation_id(cause, organisation.as_str());
                let opening = Opening {
                    organisation,
                    cause: Cause::Change(id),
                    subject: title.clone(),
                    counted_from: effective_on,
                    opened_on,
                    term: Term::WorkingDays(CATALOGUE_UPDATE_WITHIN),
                };
                self.desk.open(&obligation, opening, affected.region).await?;
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
