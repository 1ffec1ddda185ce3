//! Why a command about a publication is not accepted.

use publicdata_types::{Denied, Digest};

/// Why a command about a publication was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing was proposed under this id.
    #[error("publication does not exist; propose it first")]
    Absent,
    /// The id is taken.
    #[error("publication exists already; propose other content with a new command id")]
    Exists,
    /// The catalogue does not open the resource.
    #[error("resource is not open to the public; open it in the catalogue first")]
    NotOpen,
    /// The content has no column.
    #[error("content has no column; send a CSV file with a header")]
    ColumnsMissing,
    /// The content has a column twice.
    #[error("content has column {column} twice")]
    ColumnRepeated {
        /// The column.
        column: String,
    },
    /// The catalogue does not open a column.
    #[error("column {column} is no item that the catalogue opens; leave it out, or open it there")]
    ColumnNotOpen {
        /// The column.
        column: String,
    },
    /// Nobody reviews what they proposed (R40.1).
    #[error("content was proposed by the same account; a second person reviews it")]
    ReviewerProposed,
    /// Nobody publishes what they reviewed (R40.1).
    #[error("content was reviewed by the same account; another person publishes it")]
    PublisherReviewed,
    /// A finding rests on something.
    #[error("basis is empty; say what the finding rests on")]
    BasisMissing,
    /// Something else was reviewed.
    #[error("review is of other content than was proposed, which has {proposed}")]
    OtherContent {
        /// The digest of what was proposed.
        proposed: Digest,
    },
    /// It was reviewed before.
    #[error("content was reviewed already; propose it anew for another review")]
    AlreadyReviewed,
    /// It was not reviewed yet (R40.1).
    #[error("content was not reviewed for secrecy; a second person reviews it first")]
    NotReviewed,
    /// The review rejected it (R40.1).
    #[error("content was rejected by the secrecy review; propose changed content")]
    Rejected,
    /// It was taken back.
    #[error("publication was withdrawn; propose the content anew")]
    Withdrawn,
    /// Whoever takes content back says why.
    #[error("reason is empty; say why the content is withdrawn")]
    ReasonMissing,
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "PUBLICATION_ABSENT",
            Self::Exists => "PUBLICATION_EXISTS",
            Self::NotOpen => "RESOURCE_NOT_OPEN",
            Self::ColumnsMissing => "COLUMNS_MISSING",
            Self::ColumnRepeated { .. } => "COLUMN_REPEATED",
            Self::ColumnNotOpen { .. } => "COLUMN_NOT_OPEN",
            Self::ReviewerProposed => "REVIEWER_PROPOSED",
            Self::PublisherReviewed => "PUBLISHER_REVIEWED",
            Self::BasisMissing => "BASIS_MISSING",
            Self::OtherContent { .. } => "OTHER_CONTENT_REVIEWED",
            Self::AlreadyReviewed => "ALREADY_REVIEWED",
            Self::NotReviewed => "NOT_REVIEWED",
            Self::Rejected => "REVIEW_REJECTED",
            Self::Withdrawn => "PUBLICATION_WITHDRAWN",
            Self::ReasonMissing => "REASON_MISSING",
            Self::Denied(denied) => denied.reason(),
        }
    }
}
