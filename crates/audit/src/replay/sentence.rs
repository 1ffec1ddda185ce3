//! One line for people, made of names and values alone.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

use crate::time;

const TEXT_CHARS_MAX: usize = 60;
const LIST_ITEMS_MAX: usize = 8;
const BYTES_SHOWN: usize = 8;

/// The event's name in words, then each field that has something to say.
pub(super) fn of(event: &DynamicMessage, opened: &[(FieldDescriptor, DynamicMessage)]) -> String {
    let name = words_of_type(event.descriptor().name());
    let mut parts = Vec::new();
    for (field, value) in event.fields() {
        match opened.iter().find(|(holder, _)| *holder == field) {
            Some((_, inner)) => parts.extend(inner.fields().filter_map(part)),
            None => parts.extend(part((field, value))),
        }
    }
    // What is signed repeats some of what stands beside it.
    let mut seen = Vec::new();
    parts.retain(|part| {
        !seen.contains(part) && {
            seen.push(part.clone());
            true
        }
    });

    match parts.is_empty() {
        true => name,
        false => format!("{name}: {}", parts.join(", ")),
    }
}

fn part((field, value): (FieldDescriptor, &Value)) -> Option<String> {
    let value = text(&field.kind(), value)?;
    Some(format!("{} {value}", field.name().replace('_', " ")))
}

/// A value in words; nothing for a message that has no name.
fn text(kind: &Kind, value: &Value) -> Option<String> {
    match value {
        Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        Value::I32(number) => Some(number.to_string()),
        Value::I64(number) => Some(number.to_string()),
        Value::U32(number) => Some(number.to_string()),
        Value::U64(number) => Some(number.to_string()),
        Value::F32(number) => Some(number.to_string()),
        Value::F64(number) => Some(number.to_string()),
        Value::String(text) => Some(shortened(text)),
        Value::Bytes(bytes) => Some(bytes_text(bytes)),
        Value::EnumNumber(number) => Some(enum_text(kind, *number)),
        Value::Message(message) => message_text(message),
        Value::List(items) => list_text(kind, items),
        Value::Map(entries) => Some(format!("{} entries", entries.len())),
    }
}

fn shortened(text: &str) -> String {
    // A line stays one line, whatever somebody wrote into an event.
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match plain.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &plain[..end]),
        None => plain,
    }
}

fn bytes_text(bytes: &[u8]) -> String {
    match bytes.get(..BYTES_SHOWN) {
        Some(first) if bytes.len() > BYTES_SHOWN => {
            format!("{}… ({} bytes)", hex::encode(first), bytes.len())
        }
        Some(_) | None => hex::encode(bytes),
    }
}

/// The value's name without its type's: `ROLE_PROVIDER` of `Role` becomes `provider`.
fn enum_text(kind: &Kind, number: i32) -> String {
    let Some(kind) = kind.as_enum() else { return number.to_string() };
    let Some(value) = kind.get_value(number) else { return number.to_string() };
    let prefix = format!("{}_", words_of_type(kind.name()).to_uppercase().replace(' ', "_"));
    let name = value.name().strip_prefix(&prefix).unwrap_or_else(|| value.name());
    name.to_lowercase().replace('_', " ")
}

fn message_text(message: &DynamicMessage) -> Option<String> {
    if message.descriptor().full_name() == "google.protobuf.Timestamp" {
        let time: prost_types::Timestamp = message.transcode_to().ok()?;
        return time::from_proto(&time).map(time::for_people);
    }
    let named = ["name", "title", "due_on", "consumer_code"].into_iter().find_map(|name| {
        let value = message.get_field_by_name(name)?;
        value.as_str().map(shortened)
    });
    named.filter(|name| !name.is_empty())
}

fn list_text(kind: &Kind, items: &[Value]) -> Option<String> {
    let texts: Vec<String> =
        items.iter().take(LIST_ITEMS_MAX).filter_map(|item| text(kind, item)).collect();
    if texts.is_empty() {
        return Some(format!("({} items)", items.len()));
    }
    let more = items.len() - texts.len();
    let list = texts.join("/");
    match more {
        0 => Some(list),
        more => Some(format!("{list} and {more} more")),
    }
}

/// `ResourcePublished` becomes `resource published`.
fn words_of_type(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
