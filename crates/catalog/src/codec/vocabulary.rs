//! Events of vocabularies.

use prost_types::Any;
use publicdata_catalog_domain::vocabulary::{self, Event};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::{from_any, to_any, unknown};

/// How vocabularies are stored: one of entities, one of items.
#[derive(Debug)]
pub struct Vocabulary;

impl Codec for Vocabulary {
    type Aggregate = vocabulary::Vocabulary;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "vocabulary";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Declared { terms } => to_any(&wire::SynonymsDeclared { terms: terms.clone() }),
            Event::Withdrawn { term, reason } => {
                to_any(&wire::SynonymWithdrawn { term: term.clone(), reason: reason.clone() })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        if let Some(declared) = from_any::<wire::SynonymsDeclared>(any) {
            return declared.map(|declared| Some(Event::Declared { terms: declared.terms }));
        }
        let Some(withdrawn) = from_any::<wire::SynonymWithdrawn>(any) else {
            return Err(unknown(any));
        };
        let wire::SynonymWithdrawn { term, reason } = withdrawn?;
        Ok(Some(Event::Withdrawn { term, reason }))
    }
}
