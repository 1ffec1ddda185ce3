//! Why commands about an entity's sources and plans are not accepted.

use std::fmt;

use publicdata_types::{Denied, OrganisationCode, PlanId, ResourceCode, SharingType};

use crate::likeness::Why;
use crate::text::TextMistake;

/// An item that is thought to be the same datum as one that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Like {
    /// The title of the item that was asked for.
    pub item: String,
    /// The title of the item that is known.
    pub known: String,
    /// Where that one stands.
    pub counterpart: Counterpart,
    /// Why the two are thought to be the same.
    pub why: Why,
}

/// Where an item stands that another one is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counterpart {
    /// It is published, and to be had by sharing.
    Shared {
        /// What to apply for.
        code: ResourceCode,
        /// Who provides it.
        provider: OrganisationCode,
        /// How it is shared.
        sharing: SharingType,
    },
    /// Its provider is the source of it.
    Source {
        /// The resource.
        code: ResourceCode,
        /// Who provides it.
        provider: OrganisationCode,
    },
    /// Another organisation collects it.
    Plan {
        /// The plan.
        id: PlanId,
        /// Who collects.
        organisation: OrganisationCode,
    },
}

/// Why a command about an entity's register was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Others are the source.
    #[error("each datum has one source, and others claimed it first: {}; put it to the authority with a contest, or claim other items", list(.likes))]
    Claimed {
        /// What is thought to be the same.
        likes: Vec<Like>,
    },
    /// It is to be had already, or others collect it.
    #[error("what is to be had by sharing is not collected again: {}; or ask the authority for an exception", list(.likes))]
    ToBeHad {
        /// What is thought to be the same.
        likes: Vec<Like>,
    },
    /// Something looks the same, and a person has to say in what it differs.
    #[error("items look like others: {}; if they are other data, say in what they differ, else leave them out", list(.likes))]
    Unsettled {
        /// What looks the same.
        likes: Vec<Like>,
    },
    /// No item is claimed.
    #[error("no item is named; name at least one item of the resource")]
    NothingToClaim,
    /// A plan without items.
    #[error("plan names {found} items; name at least one, and at most {max}")]
    PlanItems {
        /// How many it names.
        found: usize,
        /// How many it may name.
        max: usize,
    },
    /// The last day lies before the first, or in the past.
    #[error("plan ends on its last day, which lies before its first day or before today")]
    PlanPeriod,
    /// There is no such claim.
    #[error("no such claim holds; look at the sources of the entity")]
    SourceAbsent,
    /// The two are not alike.
    #[error("the item is not like the claim that it contests; claim it instead")]
    NotLike,
    /// The claim is one's own.
    #[error("the claim is your own; release it instead")]
    OwnClaim,
    /// There is no such open contest.
    #[error("no such contest is open")]
    ContestAbsent,
    /// There is no such plan.
    #[error("no such plan is in force")]
    PlanAbsent,
    /// An authority does not decide its own matters.
    #[error("authority {organisation} is a party to this; the authority above it decides")]
    OwnMatter {
        /// The authority.
        organisation: OrganisationCode,
    },
    /// A text is empty or too long.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Claimed { .. } => "SOURCE_CLAIMED",
            Self::ToBeHad { .. } => "DATUM_TO_BE_HAD",
            Self::Unsettled { .. } => "LIKENESS_UNSETTLED",
            Self::NothingToClaim => "NOTHING_TO_CLAIM",
            Self::PlanItems { .. } => "PLAN_ITEMS",
            Self::PlanPeriod => "PLAN_PERIOD",
            Self::SourceAbsent => "SOURCE_ABSENT",
            Self::NotLike => "NOT_LIKE",
            Self::OwnClaim => "OWN_CLAIM",
            Self::ContestAbsent => "CONTEST_ABSENT",
            Self::PlanAbsent => "PLAN_ABSENT",
            Self::OwnMatter { .. } => "OWN_MATTER",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }

    /// What is thought to be the same, if that is why.
    #[must_use]
    pub fn likes(&self) -> &[Like] {
        match self {
            Self::Claimed { likes } | Self::ToBeHad { likes } | Self::Unsettled { likes } => likes,
            Self::NothingToClaim
            | Self::PlanItems { .. }
            | Self::PlanPeriod
            | Self::SourceAbsent
            | Self::NotLike
            | Self::OwnClaim
            | Self::ContestAbsent
            | Self::PlanAbsent
            | Self::OwnMatter { .. }
            | Self::Text(_)
            | Self::Denied(_) => &[],
        }
    }
}

/// Strong reasons refuse; weak ones do, unless somebody says in what the items differ.
pub(super) fn must_differ(
    likes: Vec<Like>,
    difference: &str,
    refused: impl FnOnce(Vec<Like>) -> Rejection,
) -> Result<(), Rejection> {
    let (strong, weak): (Vec<_>, Vec<_>) = likes.into_iter().partition(|like| like.why.refuses());
    match (strong.is_empty(), weak.is_empty() || !difference.is_empty()) {
        (false, _) => Err(refused(strong)),
        (true, false) => Err(Rejection::Unsettled { likes: weak }),
        (true, true) => Ok(()),
    }
}

impl fmt::Display for Like {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { item, known, counterpart, why } = self;
        match counterpart {
            Counterpart::Shared { code, provider, sharing } => {
                let how = match sharing {
                    SharingType::Unconditional => "fetch",
                    SharingType::Conditional => "apply for",
                    SharingType::NotShared => "ask for",
                };
                write!(f, "{item}: {how} {code}, item {known}, of {provider} ({why})")
            }
            Counterpart::Source { code, provider } => {
                write!(f, "{item}: {provider} is the source, with item {known} of {code} ({why})")
            }
            Counterpart::Plan { id, organisation } => {
                write!(f, "{item}: {organisation} collects {known} under plan {id} ({why})")
            }
        }
    }
}

const LISTED_MAX: usize = 10;

fn list(likes: &[Like]) -> String {
    let mut texts: Vec<String> = likes.iter().take(LISTED_MAX).map(Like::to_string).collect();
    if likes.len() > LISTED_MAX {
        texts.push(format!("and {} more", likes.len() - LISTED_MAX));
    }
    texts.join("; ")
}
