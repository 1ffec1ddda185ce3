//! Gathers evidence: events, and proofs of them all in the tree of one checkpoint (R46.2).

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use prost::Message as _;
use publicdata_audit_domain::{Checkpoint, Verifier, checkpoint, proof, tree};
use publicdata_proto::audit::v1::get_inclusion_proof_request::Event;
use publicdata_proto::audit::v1::{GetInclusionProofRequest, Leaf, ReadEventsResponse};
use publicdata_types::Digest;
use tonic::Status;

use super::{LogClient, Selection, Which, digests, told};
use crate::evidence::{EVENT_BYTES_MAX, EVENTS_MAX, Evidence, EvidenceError, Item, Statement};
use crate::replay::{About, Storyteller};
use crate::time;

/// How long to wait for the checkpoint that outsiders are shown to cover what was just logged.
const PATIENCE: Duration = Duration::from_secs(10);
/// Proofs that are asked for at once.
const PROOFS_AT_ONCE: usize = 8;

/// Why no evidence was gathered.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] Status),
    /// The log's checkpoint does not count.
    #[error("the log's checkpoint does not count")]
    Checkpoint(#[from] checkpoint::Doubt),
    /// The log's proof does not convince.
    #[error("the log does not prove that its leaf {index} is in the signed tree of {size} leaves")]
    Unproven {
        /// The place in the log.
        index: u64,
        /// The signed tree's size.
        size: u64,
    },
    /// The log tells an event by one call, and not by another.
    #[error("the log has leaf {index}, and does not tell its event")]
    Untold {
        /// The place in the log.
        index: u64,
    },
    /// Witnesses have not come so far.
    #[error(
        "leaf {index} is newer than the checkpoint of {size} leaves that outsiders are shown; ask again in a moment, or see \
         `publicdata audit witnesses`"
    )]
    NotShown {
        /// The place in the log.
        index: u64,
        /// The size of the tree that is shown.
        size: u64,
    },
    /// There is none, or too much.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

/// What one call says of an event and its place in the tree.
struct Placed {
    index: u64,
    leaf: Vec<u8>,
    hashes: Vec<Digest>,
}

/// What is to be read at once: events of one aggregate.
struct Span {
    from: Timestamp,
    until: Timestamp,
}

impl LogClient {
    /// Gathers evidence of the events at these places. A finding that lists its events by stream and sequence gives just these, and
    /// itself in the statement.
    ///
    /// # Errors
    /// A call failed, an event is not there, or the log does not prove what it says.
    pub async fn evidence_of(
        &self,
        verifier: &Verifier,
        places: &[Which],
        statement: Statement,
    ) -> Result<Evidence, GatherError> {
        if places.len() > EVENTS_MAX {
            return Err(EvidenceError::TooMuch.into());
        }
        let (note, signed) = self.shown(verifier).await?;
        let placed = self.place(&signed, places.iter().cloned().map(Event::from)).await?;
        let mut payloads = self.payloads(&placed).await?;
        // What was named twice is there once.
        let placed: BTreeMap<u64, Placed> =
            placed.into_iter().map(|placed| (placed.index, placed)).collect();
        let items = placed.into_values().map(|Placed { index, leaf, hashes }| {
            let payload = payloads.remove(&index).ok_or(GatherError::Untold { index })?;
            Ok(Item { index, leaf, payload: payload.into(), hashes })
        });
        let items: Vec<Item> = items.collect::<Result<_, GatherError>>()?;
        Ok(Evidence::new(statement, note, items)?)
    }

    /// Gathers evidence of what concerns one thing, as a replay tells it: what names it, what happened further to that, and what it
    /// did.
    ///
    /// # Errors
    /// A call failed, an event is not as it was logged, there is none or too much, or the log does not prove what it says.
    pub async fn evidence_about(
        &self,
        verifier: &Verifier,
        thing: &str,
        (from, until): (Option<Timestamp>, Option<Timestamp>),
        statement: Statement,
    ) -> Result<Evidence, GatherError> {
        let storyteller =
            Storyteller::new().map_err(|error| Status::internal(error.to_string()))?;
        let mut about = About::new(thing);
        let mut chosen: BTreeMap<u64, ReadEventsResponse> = BTreeMap::new();
        let mut bytes = 0;
        // What concerns a thing may have named it long before.
        let mut events = self.events(Selection { until, ..Selection::default() }).await?;
        while let Some(event) = events.try_next().await? {
            let told = told(&storyteller, &event)?;
            if !about.concerns(&told) || told.recorded_at < from {
                continue;
            }
            bytes += event.payload.len();
            if chosen.len() >= EVENTS_MAX || bytes > EVENT_BYTES_MAX {
                return Err(EvidenceError::TooMuch.into());
            }
            chosen.insert(event.index, event);
        }

        let (note, signed) = self.shown(verifier).await?;
        let indexes: Vec<Event> = chosen.keys().map(|index| Event::Index(*index)).collect();
        let placed = self.place(&signed, indexes).await?;
        let items = placed.into_iter().map(|Placed { index, leaf, hashes }| {
            let event = chosen.remove(&index).filter(|event| event.leaf == leaf);
            let event = event.ok_or(GatherError::Untold { index })?;
            Ok(Item { index, leaf, payload: event.payload.into(), hashes })
        });
        let items: Vec<Item> = items.collect::<Result<_, GatherError>>()?;
        Ok(Evidence::new(statement, note, items)?)
    }

    /// The checkpoint that outsiders are shown, with its cosignatures, once it covers what is logged now.
    async fn shown(&self, verifier: &Verifier) -> Result<(String, Checkpoint), GatherError> {
        let newest = self.checkpoint().await?;
        let note = self.settled_offer(verifier, &newest, PATIENCE).await?;
        let signed = verifier.checkpoint(&note)?;
        let note = String::from_utf8(note).map_err(|_| checkpoint::Doubt::NotANote)?;
        Ok((note, signed))
    }

    /// Has events proven in this tree, and checks each proof.
    async fn place(
        &self,
        signed: &Checkpoint,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Vec<Placed>, GatherError> {
        let size = signed.size;
        let asked = events.into_iter().map(|event| async move {
            let index = match &event {
                Event::Index(index) => Some(*index),
                Event::Position(_) => None,
            };
            if let Some(index) = index.filter(|index| *index >= size) {
                return Err(GatherError::NotShown { index, size });
            }
            let request = GetInclusionProofRequest { event: Some(event), size };
            let answer = self.calls.clone().get_inclusion_proof(request).await?.into_inner();
            let found = answer.index;
            let unproven = || GatherError::Unproven { index: found, size };
            let hashes = digests(&answer.hashes).ok_or_else(unproven)?;
            if index.is_some_and(|index| index != found) {
                return Err(unproven());
            }
            let hash = tree::leaf_hash(&answer.leaf);
            proof::check_inclusion(signed, found, &hash, &hashes).map_err(|_| unproven())?;
            Ok(Placed { index: found, leaf: answer.leaf, hashes })
        });
        stream::iter(asked).buffered(PROOFS_AT_ONCE).try_collect().await
    }

    /// The events' payloads, by their places in the log.
    async fn payloads(&self, placed: &[Placed]) -> Result<BTreeMap<u64, Vec<u8>>, GatherError> {
        let mut spans: BTreeMap<(String, String), Span> = BTreeMap::new();
        let mut wanted: BTreeMap<u64, &[u8]> = BTreeMap::new();
        for Placed { index, leaf: bytes, .. } in placed {
            let malformed = EvidenceError::Leaf { index: *index };
            let leaf = Leaf::decode(bytes.as_slice()).map_err(|_| malformed)?;
            let at = leaf.recorded_at.as_ref().and_then(time::from_proto).unwrap_or_default();
            let span = spans.entry((leaf.stream, leaf.subject));
            let span = span.or_insert(Span { from: at, until: at });
            (span.from, span.until) = (span.from.min(at), span.until.max(at));
            wanted.insert(*index, bytes);
        }
        let mut payloads = BTreeMap::new();
        for ((stream, subject_prefix), Span { from, until }) in spans {
            let (from, until) = (Some(from), Some(until));
            let selection = Selection { stream, subject_prefix, from, until };
            let mut events = self.events(selection).await?;
            while let Some(event) = events.try_next().await? {
                if wanted.get(&event.index).is_some_and(|leaf| *leaf == event.leaf) {
                    super::checked(&event)?;
                    payloads.insert(event.index, event.payload);
                }
            }
        }
        Ok(payloads)
    }
}
