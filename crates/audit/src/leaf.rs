//! What the log says of an event: its leaf, encoded once.

use jiff::Timestamp;
use prost::Message as _;
use publicdata_event_store::Recorded;

pub use publicdata_archive::leaf::{difference, of};

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

#[cfg(test)]
mod tests;
