//! A publication is proposed by a provider, reviewed for secrecy by a second person, published, and
//! perhaps withdrawn.

use std::collections::BTreeSet;

use publicdata_decider::Decider;
use publicdata_types::{Actor, Digest, OrganisationCode, RegionCode, ResourceCode, ResourceId};

mod rejection;

pub use rejection::Rejection;

/// Content on its way to the public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Publication {
    /// Nothing was proposed.
    #[default]
    Absent,
    /// It waits for the secrecy review.
    Proposed(Proposal),
    /// The review passed.
    Reviewed {
        /// What was proposed.
        proposal: Proposal,
        /// What the review found.
        review: Review,
    },
    /// The review rejected it.
    Rejected {
        /// What was proposed.
        proposal: Proposal,
        /// What the review found.
        review: Review,
    },
    /// It is open to the public.
    Published {
        /// What was proposed.
        proposal: Proposal,
        /// What the review found.
        review: Review,
    },
    /// It was taken back.
    Withdrawn(Proposal),
}

/// What was proposed, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The resource that it is content of.
    pub resource: ResourceId,
    /// The resource's code.
    pub resource_code: ResourceCode,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// The content.
    pub content: Content,
    /// The SPIFFE id of who proposed.
    pub proposed_by: String,
}

/// What identifies and describes a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its rows, the header not counted.
    pub rows: u64,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

/// What a secrecy review found, and who reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// What it found.
    pub outcome: Outcome,
    /// What the finding rests on.
    pub basis: String,
    /// The SPIFFE id of who reviewed.
    pub reviewed_by: String,
    /// The digest of the content that was reviewed.
    pub digest: Digest,
}

/// The outcome of a secrecy review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 可以公开.
    Passed,
    /// 不予公开.
    Rejected,
}

/// A published catalogue entry as opening knows it, at the moment of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceFacts {
    /// Its id.
    pub id: ResourceId,
    /// Its code.
    pub code: ResourceCode,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// The items that may be opened; none if the resource may not be.
    pub open_items: BTreeSet<String>,
}

/// What can be asked of a publication. `region` is the provider's division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Proposes content for opening.
    Propose {
        /// The catalogue entry.
        resource: ResourceFacts,
        /// The content, as it arrived.
        content: Content,
        /// Who proposes.
        by: Actor,
    },
    /// Records the secrecy review.
    Review {
        /// What the review found.
        outcome: Outcome,
        /// What the finding rests on.
        basis: String,
        /// The digest of the content that was reviewed.
        digest: Digest,
        /// The provider's division.
        region: RegionCode,
        /// Who reviewed.
        by: Actor,
    },
    /// Opens the content to the public.
    Publish {
        /// The provider's division.
        region: RegionCode,
        /// Who publishes.
        by: Actor,
    },
    /// Takes the content back.
    Withdraw {
        /// Why.
        reason: String,
        /// The provider's division.
        region: RegionCode,
        /// Who takes it back.
        by: Actor,
    },
}

/// What happened to a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A provider proposed content.
    Proposed(Proposal),
    /// Someone else reviewed it for secrecy.
    SecrecyReviewed(Review),
    /// It was opened to the public.
    Published {
        /// The SPIFFE id of who published.
        published_by: String,
    },
    /// It was taken back.
    Withdrawn {
        /// Why.
        reason: String,
    },
}

impl Decider for Publication {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Propose { resource, content, by } => self.propose(&resource, content, by),
            Command::Review { outcome, basis, digest, region, by } => {
                self.may_take_part(&region, &by)?;
                self.review(Review { outcome, basis, reviewed_by: by.id, digest })
            }
            Command::Publish { region, by } => {
                self.may_take_part(&region, &by)?;
                self.publish(by.id)
            }
            Command::Withdraw { reason, region, by } => {
                self.may_take_part(&region, &by)?;
                self.withdraw(reason)
            }
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Proposed(proposal)) => Self::Proposed(proposal),
            (Self::Proposed(proposal), Event::SecrecyReviewed(review)) => match review.outcome {
                Outcome::Passed => Self::Reviewed { proposal, review },
                Outcome::Rejected => Self::Rejected { proposal, review },
            },
            (Self::Reviewed { proposal, review }, Event::Published { .. }) => {
                Self::Published { proposal, review }
            }
            (
                Self::Proposed(proposal)
                | Self::Reviewed { proposal, .. }
                | Self::Rejected { proposal, .. }
                | Self::Published { proposal, .. },
                Event::Withdrawn { .. },
            ) => Self::Withdrawn(proposal),
            (state, _) => state,
        }
    }
}

impl Publication {
    /// What was proposed, in whatever stage it is.
    #[must_use]
    pub fn proposal(&self) -> Option<&Proposal> {
        match self {
            Self::Absent => None,
            Self::Proposed(proposal)
            | Self::Reviewed { proposal, .. }
            | Self::Rejected { proposal, .. }
            | Self::Published { proposal, .. }
            | Self::Withdrawn(proposal) => Some(proposal),
        }
    }

    /// The provider's own people take part, and those of the authority over it.
    fn may_take_part(&self, region: &RegionCode, by: &Actor) -> Result<(), Rejection> {
        let proposal = self.proposal().ok_or(Rejection::Absent)?;
        if by.may_write_for(&proposal.provider).is_err() {
            by.may_govern(region)?;
        }
        Ok(())
    }

    fn propose(
        &self,
        resource: &ResourceFacts,
        content: Content,
        by: Actor,
    ) -> Result<Vec<Event>, Rejection> {
        by.may_write_for(&resource.provider)?;
        if resource.open_items.is_empty() {
            return Err(Rejection::NotOpen);
        }
        check_columns(resource, &content)?;

        let proposal = Proposal {
            resource: resource.id,
            resource_code: resource.code.clone(),
            provider: resource.provider,
            content,
            proposed_by: by.id,
        };
        match self.proposal() {
            None => Ok(vec![Event::Proposed(proposal)]),
            Some(known) if *known == proposal => Ok(vec![]),
            Some(_) => Err(Rejection::Exists),
        }
    }

    fn review(&self, review: Review) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Proposed(proposal) if proposal.proposed_by == review.reviewed_by => {
                Err(Rejection::ReviewerProposed)
            }
            Self::Proposed(_) if review.basis.trim().is_empty() => Err(Rejection::BasisMissing),
            Self::Proposed(proposal) if proposal.content.digest != review.digest => {
                Err(Rejection::OtherContent { proposed: proposal.content.digest })
            }
            Self::Proposed(_) => Ok(vec![Event::SecrecyReviewed(review)]),
            Self::Reviewed { review: known, .. }
            | Self::Rejected { review: known, .. }
            | Self::Published { review: known, .. }
                if *known == review =>
            {
                Ok(vec![])
            }
            Self::Reviewed { .. } | Self::Rejected { .. } | Self::Published { .. } => {
                Err(Rejection::AlreadyReviewed)
            }
            Self::Withdrawn(_) => Err(Rejection::Withdrawn),
        }
    }

    fn publish(&self, published_by: String) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Proposed(_) => Err(Rejection::NotReviewed),
            Self::Rejected { .. } => Err(Rejection::Rejected),
            Self::Reviewed { review, .. } if review.reviewed_by == published_by => {
                Err(Rejection::PublisherReviewed)
            }
            Self::Reviewed { .. } => Ok(vec![Event::Published { published_by }]),
            Self::Published { .. } => Ok(vec![]),
            Self::Withdrawn(_) => Err(Rejection::Withdrawn),
        }
    }

    fn withdraw(&self, reason: String) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Withdrawn(_) => Ok(vec![]),
            Self::Proposed(_)
            | Self::Reviewed { .. }
            | Self::Rejected { .. }
            | Self::Published { .. } => {
                if reason.trim().is_empty() {
                    return Err(Rejection::ReasonMissing);
                }
                Ok(vec![Event::Withdrawn { reason }])
            }
        }
    }
}

fn check_columns(resource: &ResourceFacts, content: &Content) -> Result<(), Rejection> {
    if content.columns.is_empty() {
        return Err(Rejection::ColumnsMissing);
    }
    let mut seen = BTreeSet::new();
    for column in &content.columns {
        if !resource.open_items.contains(column) {
            return Err(Rejection::ColumnNotOpen { column: column.clone() });
        }
        if !seen.insert(column) {
            return Err(Rejection::ColumnRepeated { column: column.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
