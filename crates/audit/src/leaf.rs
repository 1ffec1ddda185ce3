//! What the log says of an event: its leaf, encoded once.

use jiff::Timestamp;
use prost::Message as _;
use publicdata_event_store::Recorded;
use publicdata_proto::audit::v1::Leaf;
use publicdata_types::Digest;

use crate::time;

/// An event on its way into the log. It no longer holds the payload: a backlog of entries stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event stream.
    pub stream: String,
    /// The place in it.
    pub sequence: u64,
    /// The subject.
    pub subject: String,
    /// The message id.
    pub message_id: String,
    /// When the store received it.
    pub recorded_at: Timestamp,
    /// The trace that the event belongs to.
    pub traceparent: Option<String>,
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
}

impl From<&Recorded> for Entry {
    fn from(recorded: &Recorded) -> Self {
        Self {
            stream: recorded.stream.clone(),
            sequence: recorded.sequence,
            subject: recorded.subject.to_string(),
            message_id: recorded.message_id.clone(),
            recorded_at: recorded.recorded_at,
            traceparent: recorded.traceparent.clone(),
            leaf: of(recorded).encode_to_vec(),
        }
    }
}

/// What the log says of this event.
#[must_use]
pub fn of(recorded: &Recorded) -> Leaf {
    Leaf {
        stream: recorded.stream.clone(),
        sequence: recorded.sequence,
        recorded_at: Some(time::to_proto(recorded.recorded_at)),
        subject: recorded.subject.to_string(),
        message_id: recorded.message_id.clone(),
        payload_sha256: Digest::of(&recorded.payload).as_bytes().to_vec(),
    }
}

/// What of the event is no longer as the log recorded it, if anything is.
#[must_use]
pub fn difference(logged: &Leaf, found: &Leaf) -> Option<&'static str> {
    if logged.payload_sha256 != found.payload_sha256 {
        return Some("payload");
    }
    if logged.subject != found.subject {
        return Some("subject");
    }
    if logged.message_id != found.message_id {
        return Some("message id");
    }
    if logged.recorded_at != found.recorded_at {
        return Some("time of receipt");
    }
    if (&logged.stream, logged.sequence) != (&found.stream, found.sequence) {
        return Some("place in the stream");
    }
    None
}

#[cfg(test)]
mod tests;
