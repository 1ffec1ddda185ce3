//! How the row of archives of a stream is stored, by the stream's name.

use prost_types::Any;
use publicdata_audit_domain::archive::{Archives, Event};
use publicdata_event_store::aggregates::{Codec, DecodeError, from_any, to_any};
use publicdata_proto::audit::v1::{StreamArchived, StreamSourceReleased};

use crate::seal;

/// The archives of each stream, as the audit service stores them.
#[derive(Clone, Copy, Debug)]
pub struct StreamArchives;

impl Codec for StreamArchives {
    type Aggregate = Archives;

    const SERVICE: &'static str = "audit";
    const AGGREGATE: &'static str = "stream-archive";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Archived(archive) => to_any(&seal::to_wire(archive)),
            Event::Released(release) => to_any(&seal::release_to_wire(release)),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(archived) = from_any::<StreamArchived>(any) {
            seal::from_wire(archived?).map(Event::Archived)
        } else if let Some(released) = from_any::<StreamSourceReleased>(any) {
            seal::release_from_wire(released?).map(Event::Released)
        } else {
            let unknown = "its type is unknown; this program is older than the event";
            return Err(DecodeError::new(any, unknown));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

#[cfg(test)]
mod tests;
