//! The seal of an archive as the stream AUDIT has it, and a file held against it; and what was released of the archive's source.

use publicdata_audit_domain::archive::{Archive as Seal, Release};
use publicdata_audit_domain::proof::Root;
use publicdata_proto::audit::v1::{StreamArchived, StreamSourceReleased};
use publicdata_types::Digest;

use crate::unpack::Proven;
use crate::{Fault, LAYOUT, leaf, pack};

/// A field of a seal or a release that does not hold what it must.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` of an event about archives is wrong")]
pub struct SealError {
    /// The field.
    pub field: &'static str,
}

/// The event that says so.
#[must_use]
pub fn to_wire(seal: &Seal) -> StreamArchived {
    StreamArchived {
        stream: seal.stream.clone(),
        first_sequence: seal.first_sequence,
        last_sequence: seal.last_sequence,
        earliest_recorded_at: Some(leaf::to_proto(seal.earliest_recorded_at)),
        latest_recorded_at: Some(leaf::to_proto(seal.latest_recorded_at)),
        path: seal.path.clone(),
        bytes: seal.bytes,
        sha256: seal.digest.as_bytes().to_vec(),
        log_size: seal.log.size,
        log_root: seal.log.hash.as_bytes().to_vec(),
        layout: seal.layout,
    }
}

/// What the event says.
///
/// # Errors
/// A field holds what it must not.
pub fn from_wire(wire: StreamArchived) -> Result<Seal, SealError> {
    let digest = |field, bytes: &[u8]| {
        bytes.try_into().map(Digest::from_bytes).map_err(|_| SealError { field })
    };
    let time = |field, time: Option<prost_types::Timestamp>| {
        time.as_ref().and_then(leaf::from_proto).ok_or(SealError { field })
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if wire.stream.is_empty() || !wire.stream.chars().all(is_plain) {
        return Err(SealError { field: "stream" });
    }
    // Whoever reads the file reads no other than the one that was sealed, wherever the seal comes from.
    let sealed = digest("sha256", &wire.sha256)?;
    if wire.path != pack::path(&wire.stream, wire.first_sequence, wire.last_sequence, &sealed) {
        return Err(SealError { field: "path" });
    }
    Ok(Seal {
        first_sequence: wire.first_sequence,
        last_sequence: wire.last_sequence,
        earliest_recorded_at: time("earliest_recorded_at", wire.earliest_recorded_at)?,
        latest_recorded_at: time("latest_recorded_at", wire.latest_recorded_at)?,
        digest: sealed,
        log: Root { size: wire.log_size, hash: digest("log_root", &wire.log_root)? },
        stream: wire.stream,
        path: wire.path,
        bytes: wire.bytes,
        layout: wire.layout,
    })
}

/// The event that says so.
#[must_use]
pub fn release_to_wire(release: &Release) -> StreamSourceReleased {
    StreamSourceReleased {
        stream: release.stream.clone(),
        last_sequence: release.last_sequence,
        latest_recorded_at: Some(leaf::to_proto(release.latest_recorded_at)),
        author_code: release.author.to_string(),
    }
}

/// What the event says.
///
/// # Errors
/// A field holds what it must not.
pub fn release_from_wire(wire: StreamSourceReleased) -> Result<Release, SealError> {
    let latest = wire.latest_recorded_at.as_ref().and_then(leaf::from_proto);
    let author = wire.author_code.parse();
    Ok(Release {
        stream: wire.stream,
        last_sequence: wire.last_sequence,
        latest_recorded_at: latest.ok_or(SealError { field: "latest_recorded_at" })?,
        author: author.map_err(|_| SealError { field: "author_code" })?,
    })
}

/// Holds what a file was proven to hold against its seal.
///
/// # Errors
/// They differ.
pub fn compare(seal: &Seal, proven: &Proven) -> Result<(), Fault> {
    let Proven { extent, log } = proven;
    let between = |first: &dyn ToString, last: &dyn ToString| {
        format!("{} to {}", first.to_string(), last.to_string())
    };
    let events = between(&extent.first_sequence, &extent.last_sequence);
    let times = between(&extent.earliest_recorded_at, &extent.latest_recorded_at);
    let sealed_times = between(&seal.earliest_recorded_at, &seal.latest_recorded_at);
    for (what, found, sealed) in [
        ("stream", extent.stream.clone(), seal.stream.clone()),
        ("events", events, between(&seal.first_sequence, &seal.last_sequence)),
        ("times", times, sealed_times),
        ("layout", LAYOUT.to_string(), seal.layout.to_string()),
        ("the log's size", log.size.to_string(), seal.log.size.to_string()),
        ("the log's root", log.hash.to_string(), seal.log.hash.to_string()),
    ] {
        if found != sealed {
            return Err(Fault::Otherwise { what, found, sealed });
        }
    }
    Ok(())
}
