//! Segments: events that follow one another in the log, in a sealed file.

use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use prost::Message as _;
use publicdata_audit::leaf;
use publicdata_event_store::Recorded;
use publicdata_proto::audit::v1::Leaf;
use publicdata_proto::recovery::v1::{Segment, SegmentEntry};
use serde::{Deserialize, Serialize};

use crate::place::{Place, SEGMENTS};
use crate::seal::{self, Sealed};
use crate::{Error, Identities, Recipients, time};

/// How much goes into one segment, at most; a single event may go beyond.
pub(crate) const BYTES_MAX: usize = 8 << 20;
pub(crate) const EVENTS_MAX: usize = 50_000;
/// What is unpacked of a segment, at most: whoever can write to the place could make one that never ends.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// A segment, in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentFile {
    /// The place of its first event in the log, from 0.
    pub first_index: u64,
    /// How many events it has.
    pub events: u64,
    /// Where it is.
    pub sealed: Sealed,
}

/// An event on its way into a segment.
pub(crate) fn entry(leaf: Vec<u8>, recorded: &Recorded) -> SegmentEntry {
    SegmentEntry {
        leaf,
        payload: recorded.payload.to_vec(),
        traceparent: recorded.traceparent.clone().unwrap_or_default(),
    }
}

/// Writes a segment.
pub(crate) fn write(
    place: &Place,
    segment: &Segment,
    recipients: &Recipients,
) -> Result<SegmentFile, Error> {
    let (first_index, events) = (segment.first_index, segment.entries.len() as u64);
    let path = format!("{SEGMENTS}/{first_index:012}-{:012}.age", first_index + events);
    let plain = segment.encode_to_vec();
    let (bytes, sha256) =
        place.write(&path, |file| seal::seal(plain.as_slice(), file, recipients))?;
    Ok(SegmentFile { first_index, events, sealed: Sealed { path, bytes, sha256 } })
}

/// Reads a segment: checks that it is the one that was written, and that it is what the manifest says.
pub(crate) fn read(
    folder: &Path,
    origin: &str,
    file: &SegmentFile,
    identities: &Identities,
    recipients: &[String],
) -> Result<Vec<SegmentEntry>, Error> {
    let path = folder.join(&file.sealed.path);
    let mut plain = Vec::new();
    seal::open(folder, &file.sealed, identities, recipients)?
        .take(UNPACKED_BYTES_MAX)
        .read_to_end(&mut plain)
        .map_err(|error| Error::damaged(&path, format!("it cannot be unpacked: {error}")))?;
    let segment = Segment::decode(plain.as_slice())
        .map_err(|_| Error::damaged(&path, "what it holds is no segment"))?;
    let found = (segment.first_index, segment.entries.len() as u64);
    if segment.origin != origin || found != (file.first_index, file.events) {
        let what = format!(
            "it holds {} events of {} from {} on, where {} of {origin} from {} on belong",
            found.1, segment.origin, found.0, file.events, file.first_index
        );
        return Err(Error::damaged(&path, what));
    }
    Ok(segment.entries)
}

/// The event as it stood in its stream, if leaf and payload belong together.
pub(crate) fn recorded(entry: SegmentEntry) -> Option<Recorded> {
    let SegmentEntry { leaf: bytes, payload, traceparent } = entry;
    let leaf = Leaf::decode(bytes.as_slice()).ok()?;
    let recorded = Recorded {
        stream: leaf.stream,
        sequence: leaf.sequence,
        subject: leaf.subject.parse().ok()?,
        recorded_at: time::from_proto(leaf.recorded_at.as_ref()?)?,
        message_id: leaf.message_id,
        traceparent: Some(traceparent).filter(|trace| !trace.is_empty()),
        payload: Bytes::from(payload),
    };
    let is_same = leaf::of(&recorded).encode_to_vec() == bytes;
    is_same.then_some(recorded)
}
