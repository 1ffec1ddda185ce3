//! Why a use is refused.

use jiff::Timestamp;
use publicdata_types::{DeliveryMode, OrganisationCode};

use crate::limits::RatePeriod;

/// Why a use is not within a grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such grant, or not yet.
    #[error("no such grant; apply for the resource, or name the grant that you were given")]
    NotGranted,
    /// The grant is somebody else's. What it gives is not said.
    #[error("grant is not given to organisation {consumer}")]
    OtherConsumer {
        /// Who asked.
        consumer: OrganisationCode,
    },
    /// The grant was revoked.
    #[error("grant was revoked; apply anew")]
    Revoked,
    /// The grant does not hold yet.
    #[error("grant holds from {from}")]
    NotYetValid {
        /// From when it holds.
        from: Timestamp,
    },
    /// The grant does not hold any more.
    #[error("grant ended at {until}; apply anew")]
    Expired {
        /// When it ended.
        until: Timestamp,
    },
    /// The use names no purpose.
    #[error("no purpose is named; each use carries its purpose")]
    PurposeMissing,
    /// The use is for something else.
    #[error("purpose differs from the one granted; name that one, or apply for this one")]
    PurposeDiffers,
    /// The data may not be delivered this way.
    #[error("grant does not allow delivery by {mode}")]
    ModeNotGranted {
        /// The way.
        mode: DeliveryMode,
    },
    /// A proof is asked for, and no case.
    #[error("no case number is named; a proof is for the case that an applicant brought")]
    CaseNumberMissing,
    /// The use names no field.
    #[error("no field is named; name at least one of those granted")]
    FieldsMissing,
    /// The use names a field twice.
    #[error("field {field} is named twice")]
    FieldRepeated {
        /// The field.
        field: String,
    },
    /// The use names a field that was not granted.
    #[error("field {field} is outside the grant; leave it out, or apply for it")]
    FieldOutsideGrant {
        /// The field.
        field: String,
    },
    /// The grant was used as often as it may be.
    #[error("grant allows {transfers} transfers in any {period}; the next one may begin at {next}")]
    RateExceeded {
        /// How many it allows.
        transfers: u32,
        /// Within what span.
        period: RatePeriod,
        /// When there is room for one again.
        next: Timestamp,
    },
    /// All rows that the grant allows were delivered.
    #[error("all {rows_max} rows that the grant allows were delivered; apply anew")]
    VolumeExhausted {
        /// How many it allows.
        rows_max: u64,
    },
}

impl Refusal {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotGranted => "GRANT_UNKNOWN",
            Self::OtherConsumer { .. } => "WRONG_CONSUMER",
            Self::Revoked => "GRANT_REVOKED",
            Self::NotYetValid { .. } => "GRANT_NOT_YET_VALID",
            Self::Expired { .. } => "GRANT_EXPIRED",
            Self::PurposeMissing => "PURPOSE_MISSING",
            Self::PurposeDiffers => "PURPOSE_DIFFERS",
            Self::ModeNotGranted { .. } => "MODE_NOT_GRANTED",
            Self::CaseNumberMissing => "CASE_NUMBER_MISSING",
            Self::FieldsMissing => "FIELDS_MISSING",
            Self::FieldRepeated { .. } => "FIELD_REPEATED",
            Self::FieldOutsideGrant { .. } => "FIELD_OUTSIDE_GRANT",
            Self::RateExceeded { .. } => "RATE_EXCEEDED",
            Self::VolumeExhausted { .. } => "VOLUME_EXHAUSTED",
        }
    }
}
