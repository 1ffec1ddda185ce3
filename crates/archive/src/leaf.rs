//! What the audit log says of an event: its leaf.

use jiff::Timestamp;
use publicdata_event_store::Recorded;
use publicdata_proto::audit::v1::Leaf;
use publicdata_types::Digest;

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;

/// What the log says of this event.
#[must_use]
pub fn of(recorded: &Recorded) -> Leaf {
    Leaf {
        stream: recorded.stream.clone(),
        sequence: recorded.sequence,
        recorded_at: Some(to_proto(recorded.recorded_at)),
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

/// A time as protobuf writes it.
#[must_use]
pub fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    let nanoseconds = time.as_nanosecond();
    // A jiff timestamp spans 20,000 years: its seconds fit an i64, and what is left of a second an i32.
    let seconds = i64::try_from(nanoseconds.div_euclid(NANOSECONDS_PER_SECOND)).unwrap_or_default();
    let nanos = i32::try_from(nanoseconds.rem_euclid(NANOSECONDS_PER_SECOND)).unwrap_or_default();
    prost_types::Timestamp { seconds, nanos }
}

/// A time from protobuf, unless it is none.
#[must_use]
pub fn from_proto(time: &prost_types::Timestamp) -> Option<Timestamp> {
    // jiff also takes negative nanoseconds, protobuf does not.
    match time.nanos {
        0.. => Timestamp::new(time.seconds, time.nanos).ok(),
        _ => None,
    }
}
