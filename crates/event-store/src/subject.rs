//! The name of an aggregate, which is the NATS subject of its commits.

use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "ev";
const PART_BYTES_MAX: usize = 64;

/// One aggregate: `ev.<service>.<aggregate>.<id>`.
///
/// ```
/// use publicdata_event_store::Subject;
///
/// let subject = Subject::new("catalog", "organisation", "11310000MB2F30284X")?;
/// assert_eq!(subject.to_string(), "ev.catalog.organisation.11310000MB2F30284X");
/// assert_eq!(subject.stream(), "CATALOG");
/// assert_eq!("ev.catalog.organisation.11310000MB2F30284X".parse(), Ok(subject));
/// # Ok::<(), publicdata_event_store::SubjectError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    text: String,
    service_end: usize,
    aggregate_end: usize,
}

impl Subject {
    /// Names the aggregate `id` of kind `aggregate` of `service`.
    ///
    /// # Errors
    /// If a part is no plain word of letters, digits, `-` and `_`: no part can hold a wildcard, or end another.
    pub fn new(service: &str, aggregate: &str, id: &str) -> Result<Self, SubjectError> {
        for (what, part) in [("service", service), ("aggregate", aggregate), ("id", id)] {
            if !is_word(part) {
                return Err(SubjectError::Part { what, part: part.to_owned() });
            }
        }
        let service_end = PREFIX.len() + 1 + service.len();
        let aggregate_end = service_end + 1 + aggregate.len();
        Ok(Self {
            text: format!("{PREFIX}.{service}.{aggregate}.{id}"),
            service_end,
            aggregate_end,
        })
    }

    /// The service that owns the aggregate.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.text[PREFIX.len() + 1..self.service_end]
    }

    /// The kind of aggregate.
    #[must_use]
    pub fn aggregate(&self) -> &str {
        &self.text[self.service_end + 1..self.aggregate_end]
    }

    /// Which one of its kind.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.text[self.aggregate_end + 1..]
    }

    /// The whole subject.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The stream that holds the commits of the service: its name in capitals.
    #[must_use]
    pub fn stream(&self) -> String {
        self.service().to_ascii_uppercase()
    }
}

/// The pattern of every subject of `service`, for the stream that holds them.
#[must_use]
pub(crate) fn all_of(service: &str) -> String {
    format!("{PREFIX}.{}.>", service.to_ascii_lowercase())
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let parts: Vec<&str> = text.split('.').collect();
        match parts[..] {
            [PREFIX, service, aggregate, id] => Self::new(service, aggregate, id),
            _ => Err(SubjectError::Shape { text: text.to_owned() }),
        }
    }
}

/// A text that names no aggregate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// It has not the four parts.
    #[error("subject {text:?} is not ev.<service>.<aggregate>.<id>")]
    Shape {
        /// The text.
        text: String,
    },
    /// A part holds what it must not.
    #[error("{what} {part:?} is not 1 to {PART_BYTES_MAX} letters, digits, '-' or '_'")]
    Part {
        /// Which part.
        what: &'static str,
        /// Its text.
        part: String,
    },
}

fn is_word(part: &str) -> bool {
    let fits = (1..=PART_BYTES_MAX).contains(&part.len());
    fits && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests;
