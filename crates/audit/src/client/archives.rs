//! The archives of streams, as an auditor looks at them (R23.2).

use futures::TryStreamExt as _;
use jiff::Timestamp;
use prost::Message as _;
use publicdata_archive::{Proven, StreamArchives};
use publicdata_audit_domain::archive::{Archive as Seal, Event, Release};
use publicdata_audit_domain::checkpoint::Doubt;
use publicdata_audit_domain::{Checkpoint, Verifier};
use publicdata_event_store::aggregates::Codec as _;
use publicdata_proto::audit::v1::{GetConsistencyProofRequest, Leaf};
use publicdata_proto::event::v1::Commit;
use publicdata_service_kit::problem::chain;
use tonic::Status;

use super::{LogClient, Selection, digests};
use crate::findings::AUDIT;
use crate::time;

/// What an event says of archives, with its place in the log and its time of receipt.
struct Said {
    index: u64,
    leaf: Leaf,
    recorded_at: Option<Timestamp>,
    what: Event,
}

/// How far a stream was released from its archives.
#[derive(Clone, Debug, PartialEq)]
pub struct Released {
    /// The place of the event in the log.
    pub index: u64,
    /// Its leaf: what is proven has to be of this.
    pub leaf: Leaf,
    /// When the store received the event.
    pub recorded_at: Timestamp,
    /// What it says.
    pub release: Release,
}

impl LogClient {
    /// The seals of all archives of a stream, or of every stream if it is empty, each with the place of its event in the log: events say which
    /// archives there are. In the order in which they were sealed. That the log's service has left none out at the end,
    /// [`verify`](Self::verify) tells.
    ///
    /// # Errors
    /// The call failed, or an event is not as it was logged.
    pub async fn archives(&self, stream: &str) -> Result<Vec<(u64, Seal)>, Status> {
        let seal = |said: Said| match said.what {
            Event::Archived(seal) => Some((said.index, seal)),
            Event::Released(_) => None,
        };
        let mut seals: Vec<_> =
            self.said_of_archives().await?.into_iter().filter_map(seal).collect();
        seals.retain(|(_, seal)| stream.is_empty() || seal.stream == stream);
        Ok(seals)
    }

    /// How far `stream` was released from its archives in the end, if it was.
    ///
    /// # Errors
    /// The call failed, or an event is not as it was logged.
    pub async fn released(&self, stream: &str) -> Result<Option<Released>, Status> {
        let release = |said: Said| match said.what {
            Event::Released(release) if release.stream == stream => {
                let recorded_at = said.recorded_at?;
                Some(Released { index: said.index, leaf: said.leaf, recorded_at, release })
            }
            Event::Released(_) | Event::Archived(_) => None,
        };
        Ok(self.said_of_archives().await?.into_iter().filter_map(release).next_back())
    }

    async fn said_of_archives(&self) -> Result<Vec<Said>, Status> {
        let subject_prefix =
            format!("ev.{}.{}.", StreamArchives::SERVICE, StreamArchives::AGGREGATE);
        let selection =
            Selection { stream: AUDIT.to_owned(), subject_prefix, ..Selection::default() };
        let mut events = std::pin::pin!(self.logged(selection).await?);
        let mut all = Vec::new();
        while let Some(event) = events.try_next().await? {
            let damaged = |what: String| {
                Status::data_loss(format!("event {} of the log: {what}", event.index))
            };
            let leaf =
                Leaf::decode(event.leaf.as_slice()).map_err(|error| damaged(error.to_string()))?;
            let recorded_at = leaf.recorded_at.as_ref().and_then(time::from_proto);
            let said = said(&event.payload).map_err(damaged)?;
            let index = event.index;
            let said = said.into_iter();
            all.extend(said.map(|what| Said { index, leaf: leaf.clone(), recorded_at, what }));
        }
        Ok(all)
    }

    /// Makes sure that the log, as it is now, continues the tree that an archive was held against.
    ///
    /// # Errors
    /// The call failed.
    pub async fn continues(
        &self,
        verifier: &Verifier,
        checkpoint: &str,
        proven: &Proven,
    ) -> Result<Result<Checkpoint, Doubt>, Status> {
        let request = GetConsistencyProofRequest { old_size: proven.log.size, new_size: 0 };
        let answer = self.calls.clone().get_consistency_proof(request).await?.into_inner();
        let hashes = digests(&answer.hashes).unwrap_or_default();
        Ok(verifier.consistency(checkpoint.as_bytes(), &answer.checkpoint, &hashes))
    }
}

fn said(payload: &[u8]) -> Result<Vec<Event>, String> {
    let commit = Commit::decode(payload).map_err(|error| error.to_string())?;
    let events = commit.events.iter().map(StreamArchives::decode);
    events.filter_map(|event| event.map_err(|error| chain(&error)).transpose()).collect()
}
