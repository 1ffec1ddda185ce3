//! What concerns one thing: an organisation, a resource, a grant, a transfer, a case number, whatever events name.

use std::collections::HashSet;

use serde_json::Value;

use super::Told;

/// Picks what concerns a thing from a replay that begins with the first event: what names it, what happened further to aggregates
/// that did, and what it did itself.
///
/// It remembers the subjects that named the thing.
#[derive(Clone, Debug)]
pub struct About {
    thing: String,
    subjects: HashSet<String>,
}

impl About {
    /// The thing's id, code or number, as it stands in events.
    #[must_use]
    pub fn new(thing: impl Into<String>) -> Self {
        Self { thing: thing.into(), subjects: HashSet::new() }
    }

    /// Whether what is told next concerns the thing.
    pub fn concerns(&mut self, told: &Told) -> bool {
        if self.subjects.contains(&told.subject) {
            return true;
        }
        let is_named = told.subject.split('.').any(|part| part == self.thing)
            || told.events.iter().any(|event| names(&event.fields, &self.thing));
        if is_named {
            self.subjects.insert(told.subject.clone());
        }
        is_named || told.actor.split('/').any(|part| part == self.thing)
    }
}

/// Whether a value is this text, or holds it anywhere.
fn names(value: &Value, thing: &str) -> bool {
    match value {
        Value::String(text) => text == thing,
        Value::Array(values) => values.iter().any(|value| names(value, thing)),
        Value::Object(fields) => fields.values().any(|value| names(value, thing)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
