//! Entries as JSON: an array, or one object a line, in protobuf's JSON form.

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::catalog::v1::ResourceDescription;
use serde_json::Value;

use crate::place::{Place, Record};

/// Files that are larger are refused.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Why JSON cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("file cannot be read")]
    Io(#[from] io::Error),
    /// It is too large.
    #[error("file has more than {FILE_BYTES_MAX} bytes; divide it")]
    TooLarge,
    /// It is no JSON, or a value does not fit its field.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The message does not decode, or its descriptor is missing: a fault of the build.
    #[error("message {0} cannot be described")]
    Message(String),
}

/// Reads the entries of a file: descriptions alone, or entries as an export holds them.
///
/// # Errors
/// The file cannot be read, or is no JSON as a whole. An entry that does not fit is a record with a mistake.
pub fn read(path: &Path) -> Result<Vec<Record>, Error> {
    let length = std::fs::metadata(path)?.len();
    if length > FILE_BYTES_MAX {
        return Err(Error::TooLarge);
    }
    parse(&std::fs::read_to_string(path)?)
}

/// As [`read`], of a text.
///
/// # Errors
/// The text is no JSON as a whole.
pub fn parse(text: &str) -> Result<Vec<Record>, Error> {
    let text = text.trim_start_matches('\u{feff}');
    let mut records = Vec::new();
    if text.trim_start().starts_with('[') {
        let entries: Vec<Value> = serde_json::from_str(text)?;
        for (number, entry) in (1..).zip(entries) {
            records.push(record(number, entry));
        }
        return Ok(records);
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let (mut offset, mut line) = (0, 1);
    while let Some(entry) = values.next() {
        let entry = entry?;
        let begin = offset + (text[offset..].len() - text[offset..].trim_start().len());
        line += u32::try_from(text[offset..begin].matches('\n').count()).unwrap_or_default();
        records.push(record(line, entry));
        line += u32::try_from(text[begin..values.byte_offset()].matches('\n').count())
            .unwrap_or_default();
        offset = values.byte_offset();
    }
    Ok(records)
}

fn record(number: u32, mut entry: Value) -> Record {
    let place = Place::row("", number);
    let mut record = Record { place: place.clone(), ..Record::default() };
    if let Some(description) = entry.get_mut("description").filter(|inner| inner.is_object()) {
        let description = description.take();
        let code = entry.get("code").and_then(Value::as_str);
        record.code = code.unwrap_or_default().to_owned();
        entry = description;
    }
    match from_value::<ResourceDescription>(entry) {
        Ok(description) => record.description = description,
        Err(error) => {
            let message = format!("entry is no description: {error}");
            record.mistake(place, "description", message);
        }
    }
    record
}

/// A message in protobuf's JSON form.
///
/// # Errors
/// The descriptors lack the message.
pub fn to_value<M: Message + Name>(message: &M) -> Result<Value, Error> {
    let fault = || Error::Message(M::full_name());
    let mut dynamic = DynamicMessage::new(descriptor(&M::full_name()).ok_or_else(fault)?);
    dynamic.transcode_from(message).map_err(|_| fault())?;
    let options = SerializeOptions::new().skip_default_fields(false);
    Ok(dynamic.serialize_with_options(serde_json::value::Serializer, &options)?)
}

/// A message from protobuf's JSON form; unknown fields are refused, by name.
///
/// # Errors
/// The JSON does not fit the message.
pub fn from_value<M: Message + Name + Default>(value: Value) -> Result<M, Error> {
    let fault = || Error::Message(M::full_name());
    let descriptor = descriptor(&M::full_name()).ok_or_else(fault)?;
    let dynamic = DynamicMessage::deserialize(descriptor, value)?;
    dynamic.transcode_to().map_err(|_| fault())
}

fn descriptor(name: &str) -> Option<MessageDescriptor> {
    static POOL: OnceLock<Option<DescriptorPool>> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(DESCRIPTORS).ok())
        .as_ref()?
        .get_message_by_name(name)
}

#[cfg(test)]
mod tests;
