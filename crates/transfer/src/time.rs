//! Moments on the wire.

use jiff::Timestamp;

/// As protobuf has it.
#[must_use]
pub fn to_wire(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// None if it is missing, or beyond the years -9999 to 9999.
#[must_use]
pub fn from_wire(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let at = at?;
    Timestamp::new(at.seconds, at.nanos).ok()
}
