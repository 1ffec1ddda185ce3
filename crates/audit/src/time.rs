//! Times on the wire and for people.

use jiff::Timestamp;
use jiff::tz::Offset;
pub(crate) use publicdata_archive::leaf::{from_proto, to_proto};

const CHINA_HOURS: i8 = 8;

/// A time as people in China read it.
#[must_use]
pub(crate) fn for_people(time: Timestamp) -> String {
    let local = Offset::constant(CHINA_HOURS).to_datetime(time);
    local.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
