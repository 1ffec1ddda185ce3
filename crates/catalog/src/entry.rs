//! An entry as readers see it: folded from its events, whether into rows of the view or as of a past moment.

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_catalog_domain::description::Description;
use publicdata_catalog_domain::resource::Event;
use publicdata_types::{Actor, OrganisationCode, RegionCode, ResourceCode, ResourceId};

/// An entry, with what was last written and what holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: ResourceId,
    pub(crate) code: ResourceCode,
    pub(crate) region: RegionCode,
    pub(crate) status: Status,
    pub(crate) description: Description,
    /// Why it was returned; empty if it was not.
    pub(crate) return_reason: String,
    pub(crate) published: Option<Published>,
    pub(crate) updated_at: Timestamp,
}

/// What holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) version: u32,
    pub(crate) on: Date,
    pub(crate) at: Timestamp,
    pub(crate) description: Description,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Draft,
    Submitted,
    Returned,
    Published,
}

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reader<'a> {
    /// Somebody of an organisation, or a node of it.
    Actor(&'a Actor),
    /// One of the platform's services: it sees what was published.
    Service,
}

/// An event that comes before the first draft.
#[derive(Debug, thiserror::Error)]
#[error("entry {id} has an event before its first draft")]
pub(crate) struct NotDrafted {
    id: ResourceId,
}

impl Entry {
    /// The entry after `event`, which happened to it at `at`.
    pub(crate) fn evolve(
        entry: Option<Self>,
        id: ResourceId,
        event: Event,
        at: Timestamp,
    ) -> Result<Self, NotDrafted> {
        if let Event::Drafted { code, description, region } = event {
            let published = entry.and_then(|entry| entry.published);
            let (status, return_reason) = (Status::Draft, String::new());
            let updated_at = at;
            return Ok(Self {
                id,
                code,
                region,
                status,
                description,
                return_reason,
                published,
                updated_at,
            });
        }

        let mut entry = entry.ok_or(NotDrafted { id })?;
        entry.updated_at = at;
        match event {
            Event::Drafted { .. } => {}
            Event::Submitted => entry.status = Status::Submitted,
            Event::Returned { reason } => {
                entry.status = Status::Returned;
                entry.return_reason = reason;
            }
            Event::Published { version, on } => {
                let description = entry.description.clone();
                entry.status = Status::Published;
                entry.published = Some(Published { version, on, at, description });
            }
        }
        Ok(entry)
    }

    /// What `reader` may see of it: all, or what was published, or nothing.
    pub(crate) fn seen_by(self, reader: Reader<'_>) -> Option<Self> {
        if reader.sees_drafts(&self.description.provider, &self.region) {
            return Some(self);
        }
        let published = self.published.clone()?;
        Some(Self {
            status: Status::Published,
            description: published.description,
            return_reason: String::new(),
            updated_at: published.at,
            ..self
        })
    }

    pub(crate) fn version(&self) -> u32 {
        self.published.as_ref().map_or(0, |published| published.version)
    }
}

impl Reader<'_> {
    /// R13.1: the provider itself, and the authority over its region.
    pub(crate) fn sees_drafts(self, provider: &OrganisationCode, region: &RegionCode) -> bool {
        match self {
            Self::Actor(actor) => {
                actor.may_act_for(provider).is_ok() || actor.is_authority_over(region)
            }
            Self::Service => false,
        }
    }
}

impl Status {
    pub(crate) const ALL: [Self; 4] =
        [Self::Draft, Self::Submitted, Self::Returned, Self::Published];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Returned => "returned",
            Self::Published => "published",
        }
    }
}
