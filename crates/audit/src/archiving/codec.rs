//! How the row of archives of a stream is stored, by the stream's name.

use prost_types::Any;
use publicdata_archive::seal;
use publicdata_audit_domain::archive::{Archives, Event};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::audit::v1::StreamArchived;

use crate::findings::codec::{from_any, to_any, unreadable};

/// The archives of each stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamArchives;

impl Codec for StreamArchives {
    type Aggregate = Archives;

    const SERVICE: &'static str = "audit";
    const AGGREGATE: &'static str = "stream-archive";

    fn encode(event: &Event) -> Any {
        let Event::Archived(archive) = event;
        to_any(&seal::to_wire(archive))
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let Some(archived) = from_any::<StreamArchived>(any) else {
            let unknown = "its type is unknown; this program is older than the event";
            return Err(unreadable(any, unknown));
        };
        let archive = seal::from_wire(archived?).map_err(|error| unreadable(any, error))?;
        Ok(Some(Event::Archived(archive)))
    }
}

#[cfg(test)]
mod tests;
