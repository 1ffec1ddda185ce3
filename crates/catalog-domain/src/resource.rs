//! A catalogue entry is drafted by its provider, reviewed by the authority, and published; a
//! published entry is revised by a new draft over it (R12.3).

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::region::Level;
use publicdata_types::{Actor, Denied, OrganisationCode, RegionCode, ResourceCode};

use crate::description::{Description, Mistake};
use crate::leadership::{Leadership, NotWriter};

/// A catalogue entry, and where it stands in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Resource {
    /// Nothing was written yet.
    #[default]
    Absent,
    /// The provider is writing it.
    Draft(Entry),
    /// It waits for the authority.
    Submitted(Entry),
    /// The authority returned it for correction.
    Returned {
        /// The entry.
        entry: Entry,
        /// What must be corrected.
        reason: String,
    },
    /// What it says holds.
    Published(Entry),
}

/// What is known of an entry in every stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code assigned by the platform; it never changes (R12.2).
    pub code: ResourceCode,
    /// What was last written.
    pub description: Description,
    /// The provider's division when it wrote: the authority over it reviews.
    pub region: RegionCode,
    /// The version that was last published; 0 if none was.
    pub version: u32,
}

/// What can be asked of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few live at a time; a box would burden every match")]
pub enum Command {
    /// Writes a first draft, or a new one over an entry that is not under review.
    Draft {
        /// The code that the entry's classification assigned.
        code: ResourceCode,
        /// What the draft says.
        description: Description,
        /// Who writes the entries of its place in the classification (R16.1).
        leadership: Leadership,
        /// Who writes.
        by: Actor,
    },
    /// Hands the draft to the authority.
    Submit {
        /// Who writes the entries of its place in the classification (R16.1).
        leadership: Leadership,
        /// Who submits.
        by: Actor,
    },
    /// Returns the entry for correction.
    Return {
        /// What must be corrected.
        reason: String,
        /// Who reviewed.
        by: Actor,
    },
    /// Publishes what was submitted.
    Publish {
        /// The day of publication in China.
        on: Date,
        /// Who reviewed.
        by: Actor,
    },
}

/// What happened to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few live at a time; a box would burden every match")]
pub enum Event {
    /// The provider wrote a draft.
    Drafted {
        /// The entry's code.
        code: ResourceCode,
        /// What the draft says.
        description: Description,
        /// The provider's division when it wrote.
        region: RegionCode,
    },
    /// The provider handed its draft to the authority.
    Submitted,
    /// The authority returned it.
    Returned {
        /// What must be corrected.
        reason: String,
    },
    /// The authority published it: what was submitted holds from now on.
    Published {
        /// The version that now holds, from 1.
        version: u32,
        /// The day of publication in China.
        on: Date,
    },
}

/// Why a command about an entry was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing was drafted under this id.
    #[error("resource does not exist; draft it first")]
    Absent,
    /// The description has mistakes.
    #[error("description has mistakes: {}", list(.mistakes))]
    Invalid {
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// The code belongs to another place of the classification tree.
    #[error("code {code} does not lie in the classification that the description names")]
    CodeElsewhere {
        /// The code.
        code: ResourceCode,
    },
    /// An entry keeps its code, and so its classification.
    #[error("resource has code {code} for good; draft a new resource for another classification")]
    CodeChanged {
        /// The code that it has.
        code: ResourceCode,
    },
    /// An entry keeps its provider.
    #[error("resource is provided by {provider}; draft a new resource for another provider")]
    ProviderChanged {
        /// The provider that it has.
        provider: OrganisationCode,
    },
    /// While the authority reads, the provider does not write.
    #[error("resource is under review; wait until it is published or returned")]
    UnderReview,
    /// There is nothing new to submit.
    #[error("resource has no draft to submit; draft it anew first")]
    NoDraft,
    /// There is nothing to review.
    #[error("resource is not under review; its provider submits it first")]
    NotSubmitted,
    /// Whoever returns an entry says what to correct.
    #[error("reason is empty; say what must be corrected")]
    ReasonMissing,
    /// A district authority does not review its own entries.
    #[error(
        "authority {organisation} provides this resource itself; the authority above it reviews"
    )]
    OwnEntry {
        /// The authority.
        organisation: OrganisationCode,
    },
    /// Another organisation writes this entry.
    #[error(transparent)]
    NotWriter(NotWriter),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Decider for Resource {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Draft { code, description, leadership, by } => {
                self.draft(code, description, &leadership, &by)
            }
            Command::Submit { leadership, by } => self.submit(&leadership, &by),
            Command::Return { reason, by } => self.return_(reason, &by),
            Command::Publish { on, by } => self.publish(on, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (state, Event::Drafted { code, description, region }) => {
                let version = state.entry().map_or(0, |entry| entry.version);
                Self::Draft(Entry { code, description, region, version })
            }
            (Self::Draft(entry), Event::Submitted) => Self::Submitted(entry),
            (Self::Submitted(entry), Event::Returned { reason }) => {
                Self::Returned { entry, reason }
            }
            (Self::Submitted(entry), Event::Published { version, .. }) => {
                Self::Published(Entry { version, ..entry })
            }
            (state, _) => state,
        }
    }
}

impl Resource {
    /// The entry, in whatever stage.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Absent => None,
            Self::Draft(entry)
            | Self::Submitted(entry)
            | Self::Returned { entry, .. }
            | Self::Published(entry) => Some(entry),
        }
    }

    fn draft(
        &self,
        code: ResourceCode,
        description: Description,
        leadership: &Leadership,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        leadership.may_write(&description.provider, by)?;

        match self {
            Self::Absent if code.classification != description.classification => {
                return Err(Rejection::CodeElsewhere { code });
            }
            Self::Absent => {}
            Self::Submitted(entry) => {
                by.may_write_for(&entry.description.provider)?;
                return Err(Rejection::UnderReview);
            }
            Self::Draft(entry) | Self::Published(entry) | Self::Returned { entry, .. } => {
                check_revision(entry, &code, &description, leadership)?;
            }
        }
        let mistakes = description.mistakes();
        if !mistakes.is_empty() {
            return Err(Rejection::Invalid { mistakes });
        }

        // A retried draft is no error, and a published entry is not revised to what it says.
        let unchanged = matches!(self, Self::Draft(entry) | Self::Published(entry)
            if entry.description == description && entry.region == by.region);
        if unchanged {
            return Ok(vec![]);
        }
        Ok(vec![Event::Drafted { code, description, region: by.region }])
    }

    fn submit(&self, leadership: &Leadership, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let entry = self.entry().ok_or(Rejection::Absent)?;
        leadership.may_write(&entry.description.provider, by)?;

        match self {
            Self::Draft(_) => Ok(vec![Event::Submitted]),
            Self::Submitted(_) => Ok(vec![]),
            Self::Absent | Self::Returned { .. } | Self::Published(_) => Err(Rejection::NoDraft),
        }
    }

    fn return_(&self, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        may_review(self.entry().ok_or(Rejection::Absent)?, by)?;

        match self {
            Self::Submitted(_) if reason.trim().is_empty() => Err(Rejection::ReasonMissing),
            Self::Submitted(_) => Ok(vec![Event::Returned { reason }]),
            Self::Returned { reason: known, .. } if *known == reason => Ok(vec![]),
            Self::Absent | Self::Draft(_) | Self::Returned { .. } | Self::Published(_) => {
                Err(Rejection::NotSubmitted)
            }
        }
    }

    fn publish(&self, on: Date, by: &Actor) -> Result<Vec<Event>, Rejection> {
        may_review(self.entry().ok_or(Rejection::Absent)?, by)?;

        match self {
            Self::Submitted(entry) => Ok(vec![Event::Published { version: entry.version + 1, on }]),
            Self::Published(_) => Ok(vec![]),
            Self::Absent | Self::Draft(_) | Self::Returned { .. } => Err(Rejection::NotSubmitted),
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "RESOURCE_ABSENT",
            Self::Invalid { .. } => "DESCRIPTION_INVALID",
            Self::CodeElsewhere { .. } => "CODE_ELSEWHERE",
            Self::CodeChanged { .. } => "CODE_CHANGED",
            Self::ProviderChanged { .. } => "PROVIDER_CHANGED",
            Self::UnderReview => "UNDER_REVIEW",
            Self::NoDraft => "NO_DRAFT",
            Self::NotSubmitted => "NOT_SUBMITTED",
            Self::ReasonMissing => "REASON_MISSING",
            Self::OwnEntry { .. } => "OWN_ENTRY",
            Self::NotWriter(refused) => refused.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}

impl From<NotWriter> for Rejection {
    fn from(refused: NotWriter) -> Self {
        match refused {
            NotWriter::Denied(denied) => Self::Denied(denied),
            NotWriter::Led { .. } | NotWriter::Vacant { .. } => Self::NotWriter(refused),
        }
    }
}

fn check_revision(
    entry: &Entry,
    code: &ResourceCode,
    description: &Description,
    leadership: &Leadership,
) -> Result<(), Rejection> {
    let provider = entry.description.provider;
    if description.provider != provider && !leadership.passes_to(&description.provider) {
        return Err(Rejection::ProviderChanged { provider });
    }
    if *code != entry.code || description.classification != entry.code.classification {
        return Err(Rejection::CodeChanged { code: entry.code.clone() });
    }
    Ok(())
}

/// The authority over the provider's region reviews. A district authority leaves its own entries to
/// the city; the city's authority has none above it on the platform and reviews its own.
fn may_review(entry: &Entry, by: &Actor) -> Result<(), Rejection> {
    by.may_govern(&entry.region)?;
    if by.organisation == entry.description.provider && by.region.level() == Level::County {
        return Err(Rejection::OwnEntry { organisation: by.organisation });
    }
    Ok(())
}

fn list(mistakes: &[Mistake]) -> String {
    let texts: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests;
