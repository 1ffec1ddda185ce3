//! What an auditor does with the log from outside: replay, verify, prove. Trusts nothing but the verifier key.

use futures::{Stream, TryStreamExt as _};
use jiff::Timestamp;
use prost::Message as _;
use publicdata_audit_domain::{Checkpoint, Verifier, checkpoint};
use publicdata_proto::audit::v1::audit_service_client::AuditServiceClient;
use publicdata_proto::audit::v1::get_inclusion_proof_request::Event;
use publicdata_proto::audit::v1::{
    GetCheckpointRequest, GetCoverageRequest, GetInclusionProofRequest, Leaf, ListWitnessesRequest,
    ReadEventsRequest, ReadEventsResponse, StreamCoverage, StreamPosition, WitnessStatus,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_types::Digest;
use tonic::{Status, Streaming};

use crate::events::Event as Logged;
use crate::replay::{Storyteller, Told};
use crate::time;

pub use archives::Released;
pub use evidence::GatherError;
pub use history::History;
pub use proof::{Proof, ProofError};
pub use tiles::{TileLog, TileReport, TilesError};
pub use verify::{Finding, Report, StreamReport, Verification};
pub use watcher::Watcher;

mod archives;
mod entries;
mod evidence;
mod history;
mod proof;
mod tiles;
mod verify;
mod watcher;

/// The largest answer: a payload of 1 MiB, which is what a message holds, and its leaf.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// A caller of the audit log. Clones share the connection.
#[derive(Clone, Debug)]
pub struct LogClient {
    calls: AuditServiceClient<Channel>,
}

/// Which events to replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only this stream; empty for all.
    pub stream: String,
    /// Only subjects that start so, such as `ev.exchange.grant.`; empty for all.
    pub subject_prefix: String,
    /// Not before this moment.
    pub from: Option<Timestamp>,
    /// Not after this moment.
    pub until: Option<Timestamp>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// By its place in the log, from 0.
    Index(u64),
    /// By its place in its stream.
    Position {
        /// The stream.
        stream: String,
        /// The sequence number.
        sequence: u64,
    },
}

impl From<Which> for Event {
    fn from(which: Which) -> Self {
        match which {
            Which::Index(index) => Self::Index(index),
            Which::Position { stream, sequence } => {
                Self::Position(StreamPosition { stream, sequence })
            }
        }
    }
}

impl LogClient {
    /// Calls the audit log over this channel.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        let calls = AuditServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Self { calls }
    }

    /// The newest checkpoint: a note, not verified.
    ///
    /// # Errors
    /// The call failed.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, Status> {
        self.signed(GetCheckpointRequest { offered: false }).await
    }

    /// The checkpoint that outsiders are shown, with what witnesses signed: a note, not verified.
    ///
    /// # Errors
    /// The call failed.
    pub async fn offered_checkpoint(&self) -> Result<Vec<u8>, Status> {
        self.signed(GetCheckpointRequest { offered: true }).await
    }

    /// How far each stream is in the log, and what is wrong, as the service says.
    ///
    /// # Errors
    /// The call failed.
    pub async fn coverage(&self) -> Result<Vec<StreamCoverage>, Status> {
        Ok(self.calls.clone().get_coverage(GetCoverageRequest {}).await?.into_inner().streams)
    }

    /// How it stands with the log's witnesses, as the service says.
    ///
    /// # Errors
    /// The call failed.
    pub async fn witnesses(&self) -> Result<Vec<WitnessStatus>, Status> {
        let answer = self.calls.clone().list_witnesses(ListWitnessesRequest {}).await?;
        Ok(answer.into_inner().witnesses)
    }

    async fn signed(&self, request: GetCheckpointRequest) -> Result<Vec<u8>, Status> {
        Ok(self.calls.clone().get_checkpoint(request).await?.into_inner().checkpoint)
    }

    /// Tells what events say, in the order of the log.
    ///
    /// # Errors
    /// The call failed; the stream ends with an error if it breaks off, or if an event is not as it was logged.
    pub async fn replay(
        &self,
        selection: Selection,
    ) -> Result<impl Stream<Item = Result<Told, Status>> + Send + use<>, Status> {
        let storyteller =
            Storyteller::new().map_err(|error| Status::internal(error.to_string()))?;
        let events = self.events(selection).await?;
        Ok(events.and_then(move |event| {
            let told = told(&storyteller, &event);
            async move { told }
        }))
    }

    /// Reads events as they were logged, in the order of the log.
    ///
    /// # Errors
    /// The call failed; the stream ends with an error if it breaks off, or if an event is not as it was logged.
    pub async fn logged(
        &self,
        selection: Selection,
    ) -> Result<impl Stream<Item = Result<Logged, Status>> + Send + use<>, Status> {
        let events = self.events(selection).await?;
        Ok(events.and_then(async |event| {
            checked(&event)?;
            let ReadEventsResponse { index, leaf, payload } = event;
            Ok(Logged { index, leaf, payload: payload.into() })
        }))
    }

    /// Proves that an event is in the log, by the newest checkpoint. The proof stands alone: it can be kept, and checked by
    /// anyone with the verifier key.
    ///
    /// # Errors
    /// The call failed, or what came is no proof.
    pub async fn prove(&self, verifier: &Verifier, which: Which) -> Result<Proof, ProofError> {
        let request = GetInclusionProofRequest { event: Some(which.into()), size: 0 };
        let answer = self.calls.clone().get_inclusion_proof(request).await?.into_inner();
        let proof = Proof {
            index: answer.index,
            leaf: hex::encode(answer.leaf),
            hashes: answer.hashes.iter().map(hex::encode).collect(),
            checkpoint: String::from_utf8(answer.checkpoint)
                .map_err(|_| ProofError::Doubt(checkpoint::Doubt::NotANote))?,
        };
        proof.check(verifier)?;
        Ok(proof)
    }

    async fn events(&self, selection: Selection) -> Result<Streaming<ReadEventsResponse>, Status> {
        let request = ReadEventsRequest {
            stream: selection.stream,
            subject_prefix: selection.subject_prefix,
            from: selection.from.map(time::to_proto),
            until: selection.until.map(time::to_proto),
        };
        Ok(self.calls.clone().read_events(request).await?.into_inner())
    }
}

/// The events are checked against their leaves here too: the service's word is not taken for it.
fn told(storyteller: &Storyteller, event: &ReadEventsResponse) -> Result<Told, Status> {
    Ok(storyteller.tell(event.index, &checked(event)?, &event.payload))
}

/// The leaf of an event that is as it was logged.
fn checked(event: &ReadEventsResponse) -> Result<Leaf, Status> {
    let leaf = Leaf::decode(event.leaf.as_slice())
        .map_err(|_| Status::data_loss(format!("leaf {} of the log is malformed", event.index)))?;
    if leaf.payload_sha256 != Digest::of(&event.payload).as_bytes() {
        let Leaf { stream, sequence, .. } = leaf;
        let message = format!("event {sequence} of stream {stream} is not what was logged");
        return Err(Status::data_loss(message));
    }
    Ok(leaf)
}

/// The hashes of a proof, unless one is none.
fn digests(hashes: &[Vec<u8>]) -> Option<Vec<Digest>> {
    hashes
        .iter()
        .map(|hash| <[u8; 32]>::try_from(hash.as_slice()).ok().map(Digest::from_bytes))
        .collect()
}

/// Indexes to sample, drawn from the root hash: nobody could know them before the tree was signed, and anybody can draw the
/// same ones again.
fn sampled(tree: &Checkpoint, samples: u32) -> Vec<u64> {
    if tree.size == 0 {
        return Vec::new();
    }
    let mut indexes: Vec<u64> = (0..samples)
        .map(|sample| {
            let mut seed = tree.hash.as_bytes().to_vec();
            seed.extend_from_slice(&sample.to_be_bytes());
            let drawn = Digest::of(seed);
            let drawn =
                drawn.as_bytes().iter().take(8).fold(0, |n, byte| n << 8 | u64::from(*byte));
            drawn % tree.size
        })
        .collect();
    indexes.sort_unstable();
    indexes.dedup();
    indexes
}
