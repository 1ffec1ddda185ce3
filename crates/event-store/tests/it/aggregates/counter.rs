//! A counter that holds up to 100: enough of an aggregate to see what is decided on.

use prost_types::Any;
use publicdata_decider::Decider;
use publicdata_event_store::aggregates::{Codec, DecodeError};

pub(crate) const ADDED: &str = "type.googleapis.com/test.Added";
/// Of a version that readers may skip.
pub(crate) const NEWER: &str = "type.googleapis.com/test.Painted";
/// Not of this aggregate.
pub(crate) const UNREADABLE: &str = "type.googleapis.com/test.Unheard";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) total: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Add(pub(crate) i64);

pub(crate) struct Added(i64);

#[derive(Debug, thiserror::Error)]
#[error("counter holds 100 at most, and {total} already")]
pub(crate) struct Full {
    pub(crate) total: i64,
}

impl Decider for Counter {
    type Command = Add;
    type Event = Added;
    type Rejection = Full;

    fn decide(&self, Add(amount): Add) -> Result<Vec<Added>, Full> {
        match amount {
            0 => Ok(vec![]),
            amount if self.total + amount > 100 => Err(Full { total: self.total }),
            amount => Ok(vec![Added(amount)]),
        }
    }

    fn evolve(self, Added(amount): &Added) -> Self {
        Self { total: self.total + amount }
    }
}

#[derive(Debug)]
pub(crate) struct Counters;

impl Codec for Counters {
    type Aggregate = Counter;
    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "counter";

    fn encode(Added(amount): &Added) -> Any {
        wire(ADDED, *amount)
    }

    fn decode(any: &Any) -> Result<Option<Added>, DecodeError> {
        let cannot = |source| DecodeError { type_url: any.type_url.clone(), source };
        match &*any.type_url {
            ADDED => match <[u8; 8]>::try_from(&any.value[..]) {
                Ok(bytes) => Ok(Some(Added(i64::from_le_bytes(bytes)))),
                Err(error) => Err(cannot(error.into())),
            },
            NEWER => Ok(None),
            _ => Err(cannot("type is unknown".into())),
        }
    }
}

pub(crate) fn wire(type_url: &str, amount: i64) -> Any {
    Any { type_url: type_url.to_owned(), value: amount.to_le_bytes().to_vec() }
}
