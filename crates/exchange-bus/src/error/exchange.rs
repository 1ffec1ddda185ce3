//! Transfers, what they are deliveries of, and uses that are not within a grant.

use publicdata_exchange_domain::{Refusal, subscription, transfer};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;

pub(super) fn transfer(rejection: &transfer::Rejection) -> Problem {
    use transfer::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::Exists
        | Rejection::Refused
        | Rejection::Stopped
        | Rejection::Completed
        | Rejection::RequestDiffers { .. }
        | Rejection::ReceiptDiffers { .. } => Code::FailedPrecondition,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

pub(super) fn subscription(rejection: &subscription::Rejection) -> Problem {
    use subscription::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::Ended => Code::FailedPrecondition,
        Rejection::NameMissing | Rejection::ReasonMissing => Code::InvalidArgument,
        Rejection::OtherNode | Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

/// Says to programs when they may ask again, where that is known.
pub(super) fn refused(refusal: &Refusal) -> Problem {
    let problem = Problem::new(Code::PermissionDenied, refusal.reason(), refusal.to_string());
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are not about a moment")]
    match refusal {
        Refusal::RateExceeded { next, .. } => problem.with("next_at", next),
        Refusal::NotYetValid { from } => problem.with("next_at", from),
        _ => problem,
    }
}
