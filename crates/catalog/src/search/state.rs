//! An entry as the index stores it.

use prost::Message as _;
use publicdata_catalog_domain::resource::Update;
use publicdata_proto::catalog::v1::{IndexedEntry, IndexedPublication, ResourceStatus};

use crate::codec::{
    FieldError, description_from_wire, description_to_wire, parse, status_from_request,
    status_to_wire, time_from_wire, time_to_wire,
};
use crate::entry::{Entry, Published, Standing, Status};

/// An entry that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit(pub(crate) State);

/// An entry, and its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) entry: Entry,
    /// The position of its first commit: no two entries have the same, and none ever changes.
    pub(crate) number: u64,
}

/// Stored bytes are no entry.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    /// They are no message.
    #[error("a stored entry is no message")]
    Message(#[from] prost::DecodeError),
    /// A field is wrong.
    #[error("a stored entry is damaged")]
    Field(#[from] FieldError),
}

// === impl Hit ===

impl Hit {
    /// The entry's code.
    #[must_use]
    pub fn code(&self) -> String {
        self.0.entry.code.to_string()
    }
}

// === impl State ===

impl State {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { entry, number } = self;
        let published = entry.published.as_ref().map(|published| IndexedPublication {
            version: published.version,
            published_on: published.on.to_string(),
            published_at: Some(time_to_wire(published.at)),
            description: (published.description != entry.description)
                .then(|| description_to_wire(&published.description)),
            changed_at: Some(time_to_wire(published.changed_at)),
        });
        let standing = match entry.standing {
            Standing::InUse => ResourceStatus::Unspecified,
            Standing::Suspended { .. } => ResourceStatus::Suspended,
            Standing::Withdrawn { .. } => ResourceStatus::Withdrawn,
        };
        let update = entry.update;
        let indexed = IndexedEntry {
            id: entry.id.to_string(),
            code: entry.code.to_string(),
            region_code: entry.region.to_string(),
            status: status_to_wire(entry.status).into(),
            description: Some(description_to_wire(&entry.description)),
            return_reason: entry.return_reason.clone(),
            updated_at: Some(time_to_wire(entry.updated_at)),
            published,
            number: *number,
            standing: standing.into(),
            standing_reason: entry.standing.reason().to_owned(),
            current_on: update.map(|update| update.current_on.to_string()).unwrap_or_default(),
            rows: update.and_then(|update| update.rows).unwrap_or_default(),
        };
        indexed.encode_to_vec()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let indexed = IndexedEntry::decode(bytes)?;
        let description = description_from_wire(indexed.description.unwrap_or_default())?;
        let published = match indexed.published {
            Some(published) => Some(Published {
                version: published.version,
                on: parse("published_on", &published.published_on)?,
                at: time_from_wire("published_at", published.published_at)?,
                description: match published.description {
                    Some(description) => description_from_wire(description)?,
                    None => description.clone(),
                },
                changed_at: time_from_wire("changed_at", published.changed_at)?,
            }),
            None => None,
        };
        let reason = indexed.standing_reason;
        let standing = match status_from_request("standing", indexed.standing)? {
            Some(Status::Suspended) => Standing::Suspended { reason },
            Some(Status::Withdrawn) => Standing::Withdrawn { reason },
            _ => Standing::InUse,
        };
        let update = match indexed.current_on.as_str() {
            "" => None,
            on => {
                let rows = (indexed.rows > 0).then_some(indexed.rows);
                Some(Update { current_on: parse("current_on", on)?, rows })
            }
        };
        let status = status_from_request("status", indexed.status)?;
        let entry = Entry {
            id: parse("id", &indexed.id)?,
            code: parse("code", &indexed.code)?,
            region: parse("region_code", &indexed.region_code)?,
            status: status.ok_or_else(|| FieldError::new("status", "an entry has a status"))?,
            description,
            return_reason: indexed.return_reason,
            published,
            standing,
            update,
            updated_at: time_from_wire("updated_at", indexed.updated_at)?,
        };
        Ok(Self { entry, number: indexed.number })
    }
}
