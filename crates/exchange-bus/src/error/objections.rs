//! Rejections of tickets and disputes, as a caller is told of them.

use publicdata_exchange_domain::{dispute, ticket};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;

pub(super) fn ticket(rejection: &ticket::Rejection) -> Problem {
    use ticket::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::FoundLater { .. }
        | Rejection::ItemNotDelivered { .. }
        | Rejection::ItemsMissing
        | Rejection::TooManyReferences { .. }
        | Rejection::CorrectedLater => Code::InvalidArgument,
        Rejection::Exists
        | Rejection::AlreadyUpheld
        | Rejection::AlreadyRejected
        | Rejection::AlreadyWithdrawn => Code::FailedPrecondition,
        Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

pub(super) fn dispute(rejection: &dispute::Rejection) -> Problem {
    use dispute::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::Exists
        | Rejection::NoOtherParty
        | Rejection::MatterOpen { .. }
        | Rejection::NotDue { .. }
        | Rejection::Closed { .. }
        | Rejection::NoProposal
        | Rejection::OwnProposal
        | Rejection::OtherProposal { .. } => Code::FailedPrecondition,
        Rejection::NotAParty | Rejection::Denied(_) => Code::PermissionDenied,
    };
    let problem = Problem::new(code, rejection.reason(), rejection.to_string());
    match rejection {
        Rejection::NotDue { stage } | Rejection::Closed { stage } => {
            problem.with("due", stage.due())
        }
        Rejection::OtherProposal { stands, .. } => problem.with("proposal_number", stands),
        Rejection::Absent
        | Rejection::Exists
        | Rejection::NotAParty
        | Rejection::NoOtherParty
        | Rejection::MatterOpen { .. }
        | Rejection::NoProposal
        | Rejection::OwnProposal
        | Rejection::Denied(_) => problem,
    }
}
