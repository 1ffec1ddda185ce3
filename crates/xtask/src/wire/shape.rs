//! Messages and enums as lines of text: two shapes are equal if their lines are.

use std::collections::BTreeMap;
use std::fmt;

use prost_types::field_descriptor_proto::Label;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// A message, an enum, or the field or value of that number in it; sorted by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// Full name of the message or enum.
    of: String,
    number: Option<i32>,
}

/// What stands behind each name.
pub(super) type Shapes = BTreeMap<Name, String>;

/// Packages of our own; Google's well-known types are kept stable by others.
const OURS: &str = "publicdata";
/// Where requests and responses stand.
const SERVICE_FILE: &str = "service.proto";

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "{}.{number}", self.of),
            None => f.write_str(&self.of),
        }
    }
}

/// The shapes of what is stored or signed, and of all that it carries.
pub(super) fn durable(descriptors: &FileDescriptorSet) -> Shapes {
    let mut types = Types::default();
    let mut pending = Vec::new();
    for file in descriptors.file.iter().filter(|file| file.package().starts_with(OURS)) {
        let mut found = Types::default();
        for message in &file.message_type {
            found.add_message(file.package(), message);
        }
        for enumeration in &file.enum_type {
            found.enums.insert(qualified(file.package(), enumeration.name()), enumeration);
        }
        if !file.name().ends_with(SERVICE_FILE) {
            pending.extend(found.messages.keys().chain(found.enums.keys()).cloned());
        }
        types.messages.append(&mut found.messages);
        types.enums.append(&mut found.enums);
    }

    let mut shapes = Shapes::new();
    while let Some(name) = pending.pop() {
        let key = Name { of: name.clone(), number: None };
        if shapes.contains_key(&key) {
            continue;
        }
        if let Some(message) = types.messages.get(&name) {
            shapes.insert(key, "message".to_owned());
            for field in &message.field {
                let key = Name { of: name.clone(), number: Some(field.number()) };
                shapes.insert(key, field_shape(message, field));
                pending.push(field.type_name().trim_start_matches('.').to_owned());
            }
        } else if let Some(enumeration) = types.enums.get(&name) {
            shapes.insert(key, "enum".to_owned());
            for value in &enumeration.value {
                let key = Name { of: name.clone(), number: Some(value.number()) };
                shapes.insert(key, value.name().to_owned());
            }
        }
    }
    shapes
}

/// All messages and enums by their full names, nested ones too.
#[derive(Default)]
struct Types<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
    enums: BTreeMap<String, &'a EnumDescriptorProto>,
}

impl<'a> Types<'a> {
    fn add_message(&mut self, scope: &str, message: &'a DescriptorProto) {
        let name = qualified(scope, message.name());
        for nested in &message.nested_type {
            self.add_message(&name, nested);
        }
        for enumeration in &message.enum_type {
            self.enums.insert(qualified(&name, enumeration.name()), enumeration);
        }
        self.messages.insert(name, message);
    }
}

fn field_shape(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let presence = match field.oneof_index {
        _ if field.label() == Label::Repeated => "repeated ".to_owned(),
        _ if field.proto3_optional() => "optional ".to_owned(),
        None => String::new(),
        Some(index) => {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let oneof = message.oneof_decl.get(index).map_or("", |oneof| oneof.name());
            format!("oneof {oneof} ")
        }
    };
    let kind = match field.type_name().strip_prefix('.') {
        Some(name) => name.to_owned(),
        // TYPE_STRING
        None => field.r#type().as_str_name().replacen("TYPE_", "", 1).to_lowercase(),
    };
    format!("{presence}{kind} {}", field.name())
}

fn qualified(scope: &str, name: &str) -> String {
    format!("{scope}.{name}")
}
