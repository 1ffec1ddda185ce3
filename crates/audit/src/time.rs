//! Times on the wire and for people.

use jiff::Timestamp;
use jiff::tz::Offset;

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;
const CHINA_HOURS: i8 = 8;

/// A time as protobuf writes it.
#[must_use]
pub(crate) fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    let nanoseconds = time.as_nanosecond();
    // A jiff timestamp spans 20,000 years: its seconds fit an i64, and what is left of a second an i32.
    let seconds = i64::try_from(nanoseconds.div_euclid(NANOSECONDS_PER_SECOND)).unwrap_or_default();
    let nanos = i32::try_from(nanoseconds.rem_euclid(NANOSECONDS_PER_SECOND)).unwrap_or_default();
    prost_types::Timestamp { seconds, nanos }
}

/// A time from protobuf, unless it is none.
#[must_use]
pub(crate) fn from_proto(time: &prost_types::Timestamp) -> Option<Timestamp> {
    // jiff also takes negative nanoseconds, protobuf does not.
    match time.nanos {
        0.. => Timestamp::new(time.seconds, time.nanos).ok(),
        _ => None,
    }
}

/// A time as people in China read it.
#[must_use]
pub(crate) fn for_people(time: Timestamp) -> String {
    let local = Offset::constant(CHINA_HOURS).to_datetime(time);
    local.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
