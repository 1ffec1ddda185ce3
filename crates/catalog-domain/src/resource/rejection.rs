//! Why commands about entries are not accepted.

use jiff::civil::Date;
use publicdata_types::{Denied, OrganisationCode, RegionCode, ResourceCode};

use crate::description::{Alike, Mistake};
use crate::leadership::NotWriter;

/// How many mistakes a refusal names one by one.
pub const MISTAKES_NAMED_MAX: usize = 20;

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
    /// Whoever returns, suspends or withdraws an entry says why.
    #[error("reason is empty or a placeholder; say why, and what is to be done")]
    ReasonMissing,
    /// A reason is a few sentences.
    #[error("reason has {found} characters, at most {max} are allowed")]
    ReasonTooLong {
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// Nothing of the entry holds yet.
    #[error("resource was never published; only what was published is suspended or updated")]
    NotPublished,
    /// What an authority took out of use, an authority puts back.
    #[error(
        "the authority of region {region} suspended this resource; it alone, or one above it, \
         ends that"
    )]
    SuspendedByAuthority {
        /// The authority's region.
        region: RegionCode,
    },
    /// An authority does not end what the provider decided.
    #[error("the provider suspended this resource itself, and ends that itself")]
    SuspendedByProvider,
    /// A withdrawn entry stays as it is.
    #[error("resource was withdrawn for good; draft a new one, which gets a code of its own")]
    Withdrawn,
    /// Data are not current as of a day to come.
    #[error("data cannot be current as of {current_on}; today is {today}")]
    CurrentInFuture {
        /// The day that was named.
        current_on: Date,
        /// The day in China.
        today: Date,
    },
    /// An update does not take data back.
    #[error("data are current as of {known} already; an update does not go back")]
    CurrentGoesBack {
        /// The day that the data are current as of.
        known: Date,
    },
    /// Another entry has been published under a name like this one's since it was drafted.
    #[error(
        "name is that of {}, {}, but for spaces, punctuation, width or case; return it to be \
         named otherwise", .alike.code, .alike.name
    )]
    NameAlike {
        /// The other entry.
        alike: Alike,
    },
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
            Self::ReasonTooLong { .. } => "REASON_TOO_LONG",
            Self::NotPublished => "NOT_PUBLISHED",
            Self::SuspendedByAuthority { .. } => "SUSPENDED_BY_AUTHORITY",
            Self::SuspendedByProvider => "SUSPENDED_BY_PROVIDER",
            Self::Withdrawn => "WITHDRAWN",
            Self::CurrentInFuture { .. } => "CURRENT_IN_FUTURE",
            Self::CurrentGoesBack { .. } => "CURRENT_GOES_BACK",
            Self::NameAlike { .. } => "NAME_ALIKE",
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

/// An answer has no place for a thousand mistakes: the first ones are named, and the rest are counted.
fn list(mistakes: &[Mistake]) -> String {
    let named = mistakes.iter().take(MISTAKES_NAMED_MAX);
    let mut texts: Vec<String> = named.map(Mistake::to_string).collect();
    match mistakes.len().saturating_sub(MISTAKES_NAMED_MAX) {
        0 => {}
        more => texts.push(format!("and {more} more")),
    }
    texts.join("; ")
}
