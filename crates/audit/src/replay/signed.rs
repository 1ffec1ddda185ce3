//! Opens what was signed: those fields hold a message as bytes, and only their documentation says which.

use std::borrow::Cow;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Value};

/// The fields of events that hold a message as bytes, or as a `SignedMessage`, and that message's name. The event types that
/// are not in here are told without opening anything.
const HOLDS: &[(&str, &str)] = &[
    ("publicdata.exchange.v1.GrantIssued.grant", "publicdata.exchange.v1.GrantTerms"),
    ("publicdata.exchange.v1.TransferRequested.request", "publicdata.exchange.v1.TransferRequest"),
    ("publicdata.exchange.v1.TransferResumed.request", "publicdata.exchange.v1.TransferRequest"),
    ("publicdata.exchange.v1.TransferCompleted.receipt", "publicdata.exchange.v1.Receipt"),
    (
        "publicdata.exchange.v1.SubscriptionReconciled.statement",
        "publicdata.exchange.v1.SinkStatement",
    ),
    ("publicdata.exchange.v1.LogArchiveSealed.archive", "publicdata.exchange.v1.LogArchive"),
];

/// The messages within an event's signed fields.
pub(crate) fn open(
    descriptors: &DescriptorPool,
    event: &DynamicMessage,
) -> Vec<(FieldDescriptor, DynamicMessage)> {
    let mut opened = Vec::new();
    for (field, value) in event.fields() {
        let Some((_, name)) = HOLDS.iter().find(|(holder, _)| *holder == field.full_name()) else {
            continue;
        };
        let inner = match value.as_message() {
            Some(signed) => signed.get_field_by_name("message"),
            None => Some(Cow::Borrowed(value)),
        };
        let descriptor = descriptors.get_message_by_name(name);
        let message = inner.as_deref().and_then(Value::as_bytes).zip(descriptor);
        if let Some(Ok(message)) =
            message.map(|(bytes, descriptor)| DynamicMessage::decode(descriptor, bytes.clone()))
        {
            opened.push((field, message));
        }
    }
    opened
}
