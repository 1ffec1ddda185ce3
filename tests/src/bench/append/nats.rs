//! Writers of a JetStream that syncs each write: through the store, and without it.

use anyhow::ensure;
use publicdata_catalog::codec::Resource;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::jetstream::JetStreamStore;
use publicdata_event_store::testing::raw::Raw;
use publicdata_event_store::{EventStore as _, NewCommit, Subject};
use uuid::Uuid;

use super::Writer;
use crate::bench::entry;
use crate::bench::server::Server;

const OURS: &str = "catalog";
const PLAIN: &str = "plain";

/// Makes a stream for each side.
pub(super) async fn prepare(server: &Server) -> anyhow::Result<()> {
    for service in [OURS, PLAIN] {
        let subjects = [format!("ev.{service}.>")];
        server.store.ensure_stream(&service.to_ascii_uppercase(), &subjects, 1).await?;
    }
    Ok(())
}

/// Every append left one commit.
pub(super) async fn verify_ours(server: &Server, appended: u64) -> anyhow::Result<()> {
    verify(server, OURS, appended).await
}

/// The same of those without the store.
pub(super) async fn verify_plain(server: &Server, appended: u64) -> anyhow::Result<()> {
    verify(server, PLAIN, appended).await
}

async fn verify(server: &Server, service: &str, appended: u64) -> anyhow::Result<()> {
    let stored = server.store.last_sequence(&service.to_ascii_uppercase()).await?;
    ensure!(stored == appended, "{stored} commits stand where {appended} were appended");
    Ok(())
}

/// An aggregate that one writer writes to.
struct Aggregate {
    subject: Subject,
    last: u64,
    /// What is appended, each time as another command.
    commit: NewCommit,
}

impl Aggregate {
    fn new(service: &str) -> anyhow::Result<Self> {
        let subject = Subject::new(service, Resource::AGGREGATE, &Uuid::new_v4().to_string())?;
        Ok(Self { subject, last: 0, commit: entry::commit()? })
    }

    fn next(&self) -> NewCommit {
        NewCommit { command_id: entry::new_command_id(), ..self.commit.clone() }
    }
}

pub(super) struct Ours {
    store: JetStreamStore,
    aggregate: Aggregate,
}

impl Ours {
    pub(super) fn new(server: &Server) -> anyhow::Result<Self> {
        Ok(Self { store: server.store.clone(), aggregate: Aggregate::new(OURS)? })
    }
}

impl Writer for Ours {
    async fn append(&mut self) -> anyhow::Result<()> {
        let Aggregate { subject, last, .. } = &self.aggregate;
        let appended = self.store.append(subject, *last, self.aggregate.next()).await?;
        ensure!(!appended.repeated, "an append was taken for a repeated one");
        self.aggregate.last = appended.sequence;
        Ok(())
    }
}

/// Sends what the store sends, and nothing else.
pub(super) struct Plain {
    raw: Raw,
    aggregate: Aggregate,
}

impl Plain {
    pub(super) fn new(server: &Server) -> anyhow::Result<Self> {
        Ok(Self { raw: server.raw.clone(), aggregate: Aggregate::new(PLAIN)? })
    }
}

impl Writer for Plain {
    async fn append(&mut self) -> anyhow::Result<()> {
        let Aggregate { subject, last, .. } = &self.aggregate;
        let appended = self.raw.append(subject, *last, self.aggregate.next()).await;
        self.aggregate.last = appended.map_err(anyhow::Error::from_boxed)?;
        Ok(())
    }
}

/// How many commits a batch has.
pub(super) const BATCHED: usize = 64;

/// Sends what the store sends for as many writers, in one batch after the other, each to as many aggregates.
pub(super) struct Batches {
    raw: Raw,
    aggregates: Vec<Aggregate>,
}

impl Batches {
    pub(super) fn new(server: &Server) -> anyhow::Result<Self> {
        let aggregates = (0..BATCHED).map(|_| Aggregate::new(PLAIN)).collect::<Result<_, _>>()?;
        Ok(Self { raw: server.raw.clone(), aggregates })
    }
}

impl Writer for Batches {
    const AT_ONCE: u32 = BATCHED as u32;

    async fn append(&mut self) -> anyhow::Result<()> {
        let commit = |aggregate: &Aggregate| {
            (aggregate.subject.clone(), Some(aggregate.last), aggregate.next())
        };
        let commits = self.aggregates.iter().map(commit).collect();
        let batch = Uuid::new_v4().simple().to_string();
        let last = self.raw.append_all(&batch, commits).await.map_err(anyhow::Error::from_boxed)?;
        for (aggregate, sequence) in self.aggregates.iter_mut().rev().zip((1..=last).rev()) {
            aggregate.last = sequence;
        }
        Ok(())
    }
}
