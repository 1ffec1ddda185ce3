//! From a proposal to the public: what the handlers of `PublicationService` do.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::{Aggregates, Executed, Meta};
use publicdata_open_data_domain::publication::{
    Command, Content, Outcome, Proposal, Publication, Rejection, ResourceFacts,
};
use publicdata_types::{Actor, Digest, PublicationId, RegionCode, ResourceId};
use tokio::sync::Semaphore;

use crate::blobs::{Blobs, Received};
use crate::codec::Publications;
use crate::content;
use crate::entry::Entry;
use crate::error::Error;
use crate::queries::Queries;
use crate::views::{CATALOG, OPENDATA, Views};

/// How many may send content at a time. Each may fill the disk up to the limit of one file.
const UPLOADS_MAX: usize = 8;
/// How long a call waits for a view.
const VIEW_TIMEOUT: Duration = Duration::from_secs(5);

/// Decides on publications.
#[derive(Debug)]
pub(crate) struct Publishing {
    aggregates: Aggregates<Publications>,
    store: Store,
    queries: Queries,
    views: Views,
    blobs: Arc<Blobs>,
    uploads: Semaphore,
}

/// A proposal that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposed {
    pub(crate) id: PublicationId,
    pub(crate) digest: Digest,
    pub(crate) rows: u64,
    pub(crate) sequence: u64,
}

/// What a secrecy review says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    pub(crate) basis: String,
    pub(crate) digest: Digest,
}

impl Publishing {
    pub(crate) fn new(store: Store, queries: Queries, views: Views, blobs: Arc<Blobs>) -> Self {
        let aggregates = Aggregates::new(Arc::clone(&store));
        Self { aggregates, store, queries, views, blobs, uploads: Semaphore::new(UPLOADS_MAX) }
    }

    /// Takes content in, and proposes it. The publication's id is the command's, so that a repeated command finds it.
    pub(crate) async fn propose(
        &self,
        meta: &Meta,
        resource: ResourceId,
        chunks: impl Stream<Item = Result<Vec<u8>, Error>>,
        by: Actor,
    ) -> Result<Proposed, Error> {
        let id = PublicationId::from_uuid(*meta.command_id.as_uuid());
        let (state, _) = self.aggregates.get(&id.to_string()).await?;
        let (resource, content) = match state.proposal() {
            Some(known) if known.resource == resource && known.proposed_by == by.id => {
                let digest = self.receive(chunks).await?.digest;
                (facts_of(known), Content { digest, ..known.content.clone() })
            }
            Some(_) => return Err(Error::CommandReused),
            None => self.take(resource, chunks, &by).await?,
        };

        let digest = content.digest;
        let command = Command::Propose { resource, content, by };
        let executed = self.aggregates.execute(&id.to_string(), meta, command).await?;
        let kept = executed.state.proposal().map(|proposal| &proposal.content);
        match kept {
            Some(kept) if kept.digest == digest => {
                self.until_seen(executed.sequence).await?;
                Ok(Proposed { id, digest, rows: kept.rows, sequence: executed.sequence })
            }
            Some(_) | None => Err(Error::CommandReused),
        }
    }

    /// Records the secrecy review (R40.1).
    pub(crate) async fn review(
        &self,
        meta: &Meta,
        id: PublicationId,
        finding: Finding,
        by: Actor,
    ) -> Result<u64, Error> {
        let (_, region) = self.known_to(id, &by).await?;
        let Finding { outcome, basis, digest } = finding;
        let command = Command::Review { outcome, basis, digest, region, by };
        self.execute(meta, id, command, |state| {
            matches!(state, Publication::Reviewed { .. } | Publication::Rejected { .. })
        })
        .await
    }

    /// Opens content to the public, provided that it is what was reviewed, and that the catalogue still opens it.
    pub(crate) async fn publish(
        &self,
        meta: &Meta,
        id: PublicationId,
        by: Actor,
    ) -> Result<(u64, Proposal), Error> {
        let (state, region) = self.known_to(id, &by).await?;
        if let Publication::Reviewed { proposal, .. } = &state {
            self.catch_up().await?;
            let entry = self.queries.entry_in_use(proposal.resource).await?;
            let entry = entry.ok_or(Error::ResourceUnknown)?;
            still_open(&entry, &proposal.content.columns)?;
            self.blobs.verified(&proposal.content.digest).await?;
        }

        let proposal = state.proposal().cloned().ok_or(Error::PublicationUnknown)?;
        let command = Command::Publish { region, by };
        let is_published = |state: &Publication| matches!(state, Publication::Published { .. });
        let sequence = self.execute(meta, id, command, is_published).await?;
        Ok((sequence, proposal))
    }

    /// Takes content back.
    pub(crate) async fn withdraw(
        &self,
        meta: &Meta,
        id: PublicationId,
        reason: String,
        by: Actor,
    ) -> Result<u64, Error> {
        let (_, region) = self.known_to(id, &by).await?;
        let command = Command::Withdraw { reason, region, by };
        self.execute(meta, id, command, |state| matches!(state, Publication::Withdrawn(_))).await
    }

    /// Waits until this process's view of publications holds everything that was acknowledged before the call.
    pub(crate) async fn catch_up_publications(&self) -> Result<(), Error> {
        self.until_seen(self.store.last_sequence(OPENDATA).await?).await
    }

    /// Carries out a command; `is_done` tells the state that it leads to from that of another command with the same id.
    async fn execute(
        &self,
        meta: &Meta,
        id: PublicationId,
        command: Command,
        is_done: impl Fn(&Publication) -> bool,
    ) -> Result<u64, Error> {
        let executed = self.aggregates.execute(&id.to_string(), meta, command).await?;
        let Executed { sequence, state, repeated } = executed;
        if repeated && !is_done(&state) {
            return Err(Error::CommandReused);
        }
        self.until_seen(sequence).await?;
        Ok(sequence)
    }

    /// Takes in content of a catalogue entry that may be opened, and keeps it if it is good.
    async fn take(
        &self,
        resource: ResourceId,
        chunks: impl Stream<Item = Result<Vec<u8>, Error>>,
        by: &Actor,
    ) -> Result<(ResourceFacts, Content), Error> {
        // The entry may have been published, or closed, a moment ago.
        self.catch_up().await?;
        let entry = self.queries.entry_in_use(resource).await?.ok_or(Error::ResourceUnknown)?;
        // The rules say so again; but whoever is refused need not send the content first.
        by.may_write_for(&entry.provider)?;
        let facts = entry.facts();
        if facts.open_items.is_empty() {
            return Err(Rejection::NotOpen.into());
        }

        let received = self.receive(chunks).await?;
        let (file, items) = (received.open().map_err(Error::Folder)?, entry.items);
        let checked = tokio::task::spawn_blocking(move || content::check(file, &items));
        let checked = checked.await.map_err(Error::unreadable)??;
        let content = Content {
            digest: received.digest,
            bytes: received.bytes,
            rows: checked.rows,
            columns: checked.columns,
        };
        self.blobs.keep(received).await?;
        Ok((facts, content))
    }

    async fn receive(
        &self,
        chunks: impl Stream<Item = Result<Vec<u8>, Error>>,
    ) -> Result<Received, Error> {
        let _place = self.uploads.try_acquire().map_err(|_| Error::UploadsFull)?;
        let mut incoming = self.blobs.receive().await?;
        let mut chunks = std::pin::pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            incoming.write(&chunk?).await?;
        }
        Ok(incoming.finish().await?)
    }

    /// The publication and its provider's division. Whoever may not see it cannot tell it from one that does not exist (H3).
    async fn known_to(
        &self,
        id: PublicationId,
        by: &Actor,
    ) -> Result<(Publication, RegionCode), Error> {
        let (state, _) = self.aggregates.get(&id.to_string()).await?;
        let proposal = state.proposal().ok_or(Error::PublicationUnknown)?;
        let region = self.region_of(proposal.resource).await?;
        let seen = matches!(state, Publication::Published { .. })
            || by.may_act_for(&proposal.provider).is_ok()
            || by.is_authority_over(&region)
            || by.may_audit().is_ok();
        match seen {
            true => Ok((state, region)),
            false => Err(Error::PublicationUnknown),
        }
    }

    async fn region_of(&self, resource: ResourceId) -> Result<RegionCode, Error> {
        if let Some(entry) = self.queries.entry(resource).await? {
            return Ok(entry.region);
        }
        // It was published when content of it was proposed, so the view only lags.
        self.catch_up().await?;
        Ok(self.queries.entry(resource).await?.ok_or(Error::ResourceUnknown)?.region)
    }

    /// Waits until the view of entries holds everything that was acknowledged before the call.
    async fn catch_up(&self) -> Result<(), Error> {
        let last = self.store.last_sequence(CATALOG).await?;
        Ok(self.views.resources.wait_for(CATALOG, last, VIEW_TIMEOUT).await?)
    }

    /// Waits until this process's view holds a commit, so that whoever wrote it can read it, and the public too.
    async fn until_seen(&self, sequence: u64) -> Result<(), Error> {
        Ok(self.views.publications.wait_for(OPENDATA, sequence, VIEW_TIMEOUT).await?)
    }
}

/// The catalogue may have changed since the proposal.
fn still_open(entry: &Entry, columns: &[String]) -> Result<(), Rejection> {
    let open = entry.facts().open_items;
    if open.is_empty() {
        return Err(Rejection::NotOpen);
    }
    match columns.iter().find(|column| !open.contains(*column)) {
        Some(column) => Err(Rejection::ColumnNotOpen { column: column.clone() }),
        None => Ok(()),
    }
}

/// The facts that an accepted proposal was decided on, as far as they matter to its repetition.
fn facts_of(proposal: &Proposal) -> ResourceFacts {
    ResourceFacts {
        id: proposal.resource,
        code: proposal.resource_code.clone(),
        provider: proposal.provider,
        open_items: proposal.content.columns.iter().cloned().collect(),
    }
}
