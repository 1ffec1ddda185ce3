//! An entry as readers see it: folded from its events, whether into rows of the view or as of a past moment.

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_catalog_domain::description::Description;
use publicdata_catalog_domain::resource::{Event, Update};
use publicdata_types::{Actor, OrganisationCode, RegionCode, ResourceCode, ResourceId};

/// An entry, with what was last written and what was published.
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
    pub(crate) standing: Standing,
    /// What was last said of the data.
    pub(crate) update: Option<Update>,
    pub(crate) updated_at: Timestamp,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) version: u32,
    pub(crate) on: Date,
    pub(crate) at: Timestamp,
    pub(crate) description: Description,
    /// When what everybody sees last changed.
    pub(crate) changed_at: Timestamp,
}

/// Whether what was published is in use, whatever is being written over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    InUse,
    Suspended { reason: String },
    Withdrawn { reason: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Draft,
    Submitted,
    Returned,
    Published,
    Suspended,
    Withdrawn,
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
            let (status, return_reason) = (Status::Draft, String::new());
            let (published, standing, update) = match entry {
                Some(entry) => (entry.published, entry.standing, entry.update),
                None => (None, Standing::InUse, None),
            };
            let updated_at = at;
            return Ok(Self {
                id,
                code,
                region,
                status,
                description,
                return_reason,
                published,
                standing,
                update,
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
                let (description, changed_at) = (entry.description.clone(), at);
                entry.published = Some(Published { version, on, at, description, changed_at });
                entry.status = entry.standing.status();
            }
            Event::Suspended { reason, .. } => {
                entry.change_standing(Standing::Suspended { reason }, at)
            }
            Event::Resumed => entry.change_standing(Standing::InUse, at),
            Event::Withdrawn { reason } => {
                entry.change_standing(Standing::Withdrawn { reason }, at);
                entry.status = Status::Withdrawn;
            }
            Event::Updated(update) => {
                entry.update = Some(update);
                entry.seen_to_change(at);
            }
        }
        Ok(entry)
    }

    /// A draft that is under way goes on.
    fn change_standing(&mut self, standing: Standing, at: Timestamp) {
        if self.status == self.standing.status() {
            self.status = standing.status();
        }
        self.standing = standing;
        self.seen_to_change(at);
    }

    fn seen_to_change(&mut self, at: Timestamp) {
        if let Some(published) = &mut self.published {
            published.changed_at = at;
        }
    }

    /// What `reader` may see of it: all, or what was published, or nothing.
    pub(crate) fn seen_by(self, reader: Reader<'_>) -> Option<Self> {
        match reader.sees_drafts(&self.description.provider, &self.region) {
            true => Some(self),
            false => self.held(),
        }
    }

    /// What was published of it, as everybody sees it.
    pub(crate) fn held(self) -> Option<Self> {
        let published = self.published.clone()?;
        Some(Self {
            status: self.standing.status(),
            description: published.description,
            return_reason: String::new(),
            updated_at: published.changed_at,
            ..self
        })
    }

    /// Whether what was published is in use; `None` if nothing was published, and nothing withdrawn.
    pub(crate) fn standing_status(&self) -> Option<Status> {
        match (&self.published, &self.standing) {
            (None, Standing::InUse | Standing::Suspended { .. }) => None,
            (Some(_), _) | (None, Standing::Withdrawn { .. }) => Some(self.standing.status()),
        }
    }

    pub(crate) fn version(&self) -> u32 {
        self.published.as_ref().map_or(0, |published| published.version)
    }
}

impl Standing {
    /// What the status of an entry is that nobody writes over.
    const fn status(&self) -> Status {
        match self {
            Self::InUse => Status::Published,
            Self::Suspended { .. } => Status::Suspended,
            Self::Withdrawn { .. } => Status::Withdrawn,
        }
    }

    /// Why it is not in use; empty if it is.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::InUse => "",
            Self::Suspended { reason } | Self::Withdrawn { reason } => reason,
        }
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
    pub(crate) const ALL: [Self; 6] = [
        Self::Draft,
        Self::Submitted,
        Self::Returned,
        Self::Published,
        Self::Suspended,
        Self::Withdrawn,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Returned => "returned",
            Self::Published => "published",
            Self::Suspended => "suspended",
            Self::Withdrawn => "withdrawn",
        }
    }
}
