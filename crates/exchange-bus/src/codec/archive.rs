//! Events of the aggregate `log-archive`.

use prost::{Message as _, Name as _};
use prost_types::Any;
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_exchange_domain::archive::{Archive, Archives, Event};
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{LogArchive, LogArchiveExpired, LogArchiveSealed, LogTrimmed};
use publicdata_types::Digest;

use super::grant::{open, seal};
use super::{FieldError, from_any, to_any, unreadable, values};

/// The id of the row of archives: there is one.
pub const TRANSFERS: &str = "transfers";

/// How the row of archives is stored.
#[derive(Clone, Copy, Debug)]
pub struct LogArchives;

impl Codec for LogArchives {
    type Aggregate = Archives;

    const SERVICE: &'static str = "exchange";
    const AGGREGATE: &'static str = "log-archive";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Sealed(archive) => to_any(&LogArchiveSealed { archive: open(&archive.signed) }),
            Event::Trimmed { number } => to_any(&LogTrimmed { number: *number }),
            Event::Expired { number } => to_any(&LogArchiveExpired { number: *number }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = match any.type_url.as_str() {
            url if url == LogArchiveSealed::type_url() => {
                let LogArchiveSealed { archive } = from_any(any)?;
                let signed = archive.ok_or_else(|| FieldError::missing("archive"));
                let signed = signed.map_err(unreadable(any))?;
                Event::Sealed(archive_of(&signed).map_err(unreadable(any))?)
            }
            url if url == LogTrimmed::type_url() => {
                let LogTrimmed { number } = from_any(any)?;
                Event::Trimmed { number }
            }
            url if url == LogArchiveExpired::type_url() => {
                let LogArchiveExpired { number } = from_any(any)?;
                Event::Expired { number }
            }
            _ => return Err(unreadable(any)("no event of the log's archives")),
        };
        Ok(Some(event))
    }
}

/// What a seal says.
///
/// # Errors
/// Names the field that does not hold what it has to.
pub fn read(signed: &SignedMessage) -> Result<LogArchive, FieldError> {
    LogArchive::decode(signed.message.as_slice()).map_err(FieldError::of("archive"))
}

/// The archive that the bus has signed.
///
/// # Errors
/// Names the field that does not hold what it has to.
pub fn archive_of(signed: &SignedMessage) -> Result<Archive, FieldError> {
    let archive = read(signed)?;
    Ok(Archive {
        number: archive.number,
        from: values::time("archive.from", archive.from)?,
        until: values::time("archive.until", archive.until)?,
        after_sequence: archive.after_sequence,
        last_sequence: archive.last_sequence,
        digest: digest(&archive)?,
        signed: seal(signed),
    })
}

/// The digest of an archive's file.
///
/// # Errors
/// It is no SHA-256.
pub fn digest(archive: &LogArchive) -> Result<Digest, FieldError> {
    let bytes: Result<[u8; 32], _> = archive.sha256.as_slice().try_into();
    bytes.map(Digest::from_bytes).map_err(|_| FieldError::missing("archive.sha256"))
}
