//! Times on the wire.

use jiff::Timestamp;

pub(crate) fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
    let mut time = prost_types::Timestamp { seconds, nanos };
    // Before 1970, jiff's fraction is negative; protobuf's never is.
    time.normalize();
    time
}

/// A time from protobuf, unless it is none.
pub(crate) fn from_proto(time: &prost_types::Timestamp) -> Option<Timestamp> {
    match time.nanos {
        0.. => Timestamp::new(time.seconds, time.nanos).ok(),
        _ => None,
    }
}

/// Whole milliseconds from one time to a later one; 0 if it is none.
pub(crate) fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or_default()
}
