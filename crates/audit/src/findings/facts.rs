//! What rules see of an event.

use cel::Context;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use publicdata_audit_domain::finding::Position;
use publicdata_proto::audit::v1::Leaf;
use publicdata_proto::event::v1::Commit;
use publicdata_types::china_date;
use serde_json::{Map, Value};

use super::rules::program;
use crate::replay::signed;
use crate::time;

const CHINA: Offset = Offset::constant(8);

/// A logged commit, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) position: Position,
    /// The subject of the thing.
    pub(crate) subject: String,
    /// When the service decided; when the store received it, if it does not say.
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) events: Vec<Fact>,
}

/// An event of it.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    /// Its full name.
    pub(crate) type_name: String,
    /// All its fields, also those that are at their default, by the names of the contract.
    pub(crate) fields: Map<String, Value>,
}

impl Facts {
    /// Takes a logged commit apart, as far as `wanted` wants its events, by the kind of thing and the event's full name; `None` if it is
    /// no commit.
    pub(crate) fn read(
        descriptors: &DescriptorPool,
        leaf: &[u8],
        payload: &[u8],
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Option<Self> {
        let (leaf, commit) = (Leaf::decode(leaf).ok()?, Commit::decode(payload).ok()?);
        let received = leaf.recorded_at.as_ref().and_then(time::from_proto);
        let at = commit.occurred_at.as_ref().and_then(time::from_proto).or(received)?;
        let events = commit.events.iter().filter_map(|event| -> Option<Fact> {
            let type_name = event.type_url.rsplit('/').next().unwrap_or_default();
            if !wanted(kind_of(&leaf.subject), type_name) {
                return None;
            }
            let descriptor = descriptors.get_message_by_name(type_name)?;
            let message = DynamicMessage::decode(descriptor, event.value.as_slice()).ok()?;
            let fields = fields(descriptors, &message)?;
            Some(Fact { type_name: type_name.to_owned(), fields })
        });
        let events = events.collect();
        Some(Self {
            position: Position { stream: leaf.stream, sequence: leaf.sequence },
            subject: leaf.subject,
            at,
            actor: commit.actor,
            events,
        })
    }

    /// The day, as people in China have it.
    pub(crate) fn day(&self) -> Date {
        china_date(self.at)
    }

    /// The kind of thing: service and aggregate, such as `catalog.resource`.
    pub(crate) fn kind(&self) -> &str {
        kind_of(&self.subject)
    }

    /// The thing's id.
    pub(crate) fn id(&self) -> &str {
        self.subject.rsplit('.').next().unwrap_or_default()
    }

    /// What expressions can name, for one of the events.
    pub(crate) fn context(
        &self,
        fact: &Fact,
        thing: &Map<String, Value>,
        before: &Map<String, Value>,
    ) -> Context<'static, 'static> {
        let mut context = Context::default();
        let object = |fields: &Map<String, Value>| program::value(&Value::Object(fields.clone()));
        context.add_variable_from_value("event", object(&fact.fields));
        context.add_variable_from_value("thing", object(thing));
        context.add_variable_from_value("before", object(before));
        context.add_variable_from_value("id", self.id().to_owned());
        context.add_variable_from_value("actor", self.actor.clone());
        context.add_variable_from_value("hour", i64::from(CHINA.to_datetime(self.at).hour()));
        context
    }
}

fn kind_of(subject: &str) -> &str {
    let kind = subject.strip_prefix("ev.").unwrap_or(subject);
    kind.rsplit_once('.').map_or(kind, |(kind, _)| kind)
}

fn fields(descriptors: &DescriptorPool, message: &DynamicMessage) -> Option<Map<String, Value>> {
    let mut fields = json(message)?;
    for (field, inner) in signed::open(descriptors, message) {
        fields.insert(field.name().to_owned(), Value::Object(json(&inner)?));
    }
    Some(fields)
}

fn json(message: &DynamicMessage) -> Option<Map<String, Value>> {
    let options = SerializeOptions::new()
        .skip_default_fields(false)
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false);
    match message.serialize_with_options(serde_json::value::Serializer, &options) {
        Ok(Value::Object(fields)) => Some(fields),
        Ok(_) | Err(_) => None,
    }
}
