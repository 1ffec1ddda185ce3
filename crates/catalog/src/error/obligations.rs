//! How what the rules for changes and obligations forbid is answered.

use publicdata_catalog_domain::{change, obligation};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;

pub(super) fn change_problem(rejection: &change::Rejection) -> Problem {
    use change::Rejection;

    let code = match rejection {
        Rejection::RecordedOtherwise | Rejection::NotRegistered { .. } => Code::FailedPrecondition,
        Rejection::TitleMissing
        | Rejection::TooLong { .. }
        | Rejection::NobodyAffected
        | Rejection::TooManyAffected { .. }
        | Rejection::NamedTwice { .. }
        | Rejection::FarOff { .. } => Code::InvalidArgument,
        Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

pub(super) fn obligation_problem(rejection: &obligation::Rejection) -> Problem {
    use obligation::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::NothingSaid
        | Rejection::TooLong { .. }
        | Rejection::TooManyNamed { .. }
        | Rejection::NotOwn { .. }
        | Rejection::ReasonMissing => Code::InvalidArgument,
        Rejection::OpenedOtherwise
        | Rejection::Unchanged { .. }
        | Rejection::MetByUpdate
        | Rejection::AlreadyMet
        | Rejection::AlreadyCancelled
        | Rejection::FollowsItsCause => Code::FailedPrecondition,
        Rejection::OwnObligation { .. } | Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}
