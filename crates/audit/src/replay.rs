//! The story of events, from events alone: each is decoded by its descriptor, so that a new event type needs no code here.

use std::fmt;

use jiff::Timestamp;
use prost::Message as _;
use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, SerializeOptions};
use publicdata_proto::audit::v1::Leaf;
use publicdata_proto::event::v1::Commit;
use serde::Serialize;
use serde_json::{Value, json};

use crate::time;

mod about;
mod sentence;
pub(crate) mod signed;

pub use about::About;

/// Tells what events say.
#[derive(Clone, Debug)]
pub struct Storyteller {
    descriptors: DescriptorPool,
}

/// What one commit says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// The place in the log, from 0.
    pub index: u64,
    /// The event stream.
    pub stream: String,
    /// The place in it.
    pub sequence: u64,
    /// The aggregate that it happened to.
    pub subject: String,
    /// When the store received it.
    pub recorded_at: Option<Timestamp>,
    /// When the service decided.
    pub occurred_at: Option<Timestamp>,
    /// Who acted, as a SPIFFE id.
    pub actor: String,
    /// The command that caused it.
    pub command_id: String,
    /// What happened.
    pub events: Vec<ToldEvent>,
}

/// What one event says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToldEvent {
    /// The event's full name, such as `publicdata.catalog.v1.ResourcePublished`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// One line for people.
    pub sentence: String,
    /// All of it, in protobuf's JSON form; signed messages within are opened.
    pub fields: Value,
}

impl Storyteller {
    /// Knows every event that this build knows.
    ///
    /// # Errors
    /// The build's descriptors are damaged.
    pub fn new() -> Result<Self, DescriptorError> {
        Ok(Self { descriptors: DescriptorPool::decode(publicdata_proto::DESCRIPTORS)? })
    }

    /// Tells what a logged commit says. Never fails: what can't be understood is told by its name and size.
    #[must_use]
    pub fn tell(&self, index: u64, leaf: &Leaf, payload: &[u8]) -> Told {
        let commit = Commit::decode(payload);
        let events = match &commit {
            Ok(commit) => commit.events.iter().map(|event| self.event(event)).collect(),
            Err(_) => vec![unknown("payload that is no commit", payload)],
        };
        let commit = commit.unwrap_or_default();
        Told {
            index,
            stream: leaf.stream.clone(),
            sequence: leaf.sequence,
            subject: leaf.subject.clone(),
            recorded_at: leaf.recorded_at.as_ref().and_then(time::from_proto),
            occurred_at: commit.occurred_at.as_ref().and_then(time::from_proto),
            actor: commit.actor,
            command_id: commit.command_id,
            events,
        }
    }

    fn event(&self, event: &prost_types::Any) -> ToldEvent {
        let name = event.type_url.rsplit('/').next().unwrap_or_default();
        let Some(descriptor) = self.descriptors.get_message_by_name(name) else {
            return unknown(name, &event.value);
        };
        let Ok(message) = DynamicMessage::decode(descriptor, event.value.as_slice()) else {
            return unknown(name, &event.value);
        };

        let opened = signed::open(&self.descriptors, &message);
        let mut fields = to_json(&message);
        if let Value::Object(map) = &mut fields {
            for (field, inner) in &opened {
                map.insert(field.json_name().to_owned(), to_json(inner));
            }
        }
        ToldEvent { type_name: name.to_owned(), sentence: sentence::of(&message, &opened), fields }
    }
}

impl fmt::Display for Told {
    /// A line an event: when, where, to what, what, by whom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.occurred_at.or(self.recorded_at).map(time::for_people).unwrap_or_default();
        let aggregate = self.subject.splitn(3, '.').nth(2).unwrap_or(&self.subject);
        for (line, event) in self.events.iter().enumerate() {
            if line > 0 {
                writeln!(f)?;
            }
            let Self { stream, sequence, actor, .. } = self;
            write!(f, "{at}  {stream} {sequence}  {aggregate}  {}  (by {actor})", event.sentence)?;
        }
        Ok(())
    }
}

/// Kept whole, so that whoever does know the type can read it.
fn unknown(name: &str, bytes: &[u8]) -> ToldEvent {
    ToldEvent {
        type_name: name.to_owned(),
        sentence: format!("{name}, of a type that is not known here, {} bytes", bytes.len()),
        fields: json!({ "unknown_bytes": hex::encode(bytes) }),
    }
}

fn to_json(message: &DynamicMessage) -> Value {
    let options = SerializeOptions::new();
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        // Such as a time beyond the year 9999: nothing that a service writes.
        .unwrap_or_else(|error| json!({ "unreadable": error.to_string() }))
}

#[cfg(test)]
mod tests;
