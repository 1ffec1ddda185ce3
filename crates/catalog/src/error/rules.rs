//! How what the rules forbid is answered, aggregate by aggregate.

use std::collections::BTreeSet;

use publicdata_catalog_domain::description::Mistake;
use publicdata_catalog_domain::leadership::NotWriter;
use publicdata_catalog_domain::{
    assessment, change, classification, entity, library, obligation, organisation, resource,
    vocabulary,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;

use super::register;

pub(super) fn organisation(rejection: &organisation::Rejection) -> Problem {
    use organisation::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::AlreadyRegistered { .. }
        | Rejection::Closed { .. }
        | Rejection::OutlivesAgreement { .. }
        | Rejection::AuthorityExists { .. }
        | Rejection::SecurityOfficerMissing
        | Rejection::OtherSubject { .. }
        | Rejection::NeverValid { .. } => Code::FailedPrecondition,
        Rejection::FounderNotAuthority
        | Rejection::NameMissing
        | Rejection::RolesMissing
        | Rejection::SuccessorUnfit { .. }
        | Rejection::AgreementForNode => Code::InvalidArgument,
        Rejection::Text(mistake) => register::text(mistake),
        Rejection::SecurityOfficerRequired
        | Rejection::OwnAuthority
        | Rejection::AgreementOfOther { .. }
        | Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

pub(super) fn resource(rejection: &resource::Rejection) -> Problem {
    use resource::Rejection;

    let code = match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::Invalid { .. }
        | Rejection::CodeElsewhere { .. }
        | Rejection::CodeChanged { .. }
        | Rejection::ProviderChanged { .. }
        | Rejection::ReasonMissing
        | Rejection::ReasonTooLong { .. }
        | Rejection::CurrentInFuture { .. } => Code::InvalidArgument,
        Rejection::UnderReview
        | Rejection::NoDraft
        | Rejection::NotSubmitted
        | Rejection::NotPublished
        | Rejection::Withdrawn
        | Rejection::CurrentGoesBack { .. }
        | Rejection::NameAlike { .. }
        | Rejection::NotWriter(NotWriter::Vacant { .. }) => Code::FailedPrecondition,
        Rejection::OwnEntry { .. }
        | Rejection::SuspendedByAuthority { .. }
        | Rejection::SuspendedByProvider
        | Rejection::NotWriter(NotWriter::Led { .. } | NotWriter::Denied(_))
        | Rejection::Denied(_) => Code::PermissionDenied,
    };
    let problem = Problem::new(code, rejection.reason(), rejection.to_string());
    match rejection {
        Rejection::Invalid { mistakes } => located(problem, mistakes),
        Rejection::NameAlike { alike } => problem.with("alike", &alike.code),
        Rejection::Absent
        | Rejection::CodeElsewhere { .. }
        | Rejection::CodeChanged { .. }
        | Rejection::ProviderChanged { .. }
        | Rejection::UnderReview
        | Rejection::NoDraft
        | Rejection::NotSubmitted
        | Rejection::ReasonMissing
        | Rejection::ReasonTooLong { .. }
        | Rejection::NotPublished
        | Rejection::SuspendedByAuthority { .. }
        | Rejection::SuspendedByProvider
        | Rejection::Withdrawn
        | Rejection::CurrentInFuture { .. }
        | Rejection::CurrentGoesBack { .. }
        | Rejection::OwnEntry { .. }
        | Rejection::NotWriter(_)
        | Rejection::Denied(_) => problem,
    }
}

/// Where each mistake is, for programs: `mistakes[0].field` and `mistakes[0].reason`, in the order of the fields.
fn located(problem: Problem, mistakes: &[Mistake]) -> Problem {
    let problem = problem.with("mistakes", mistakes.len());
    let first = mistakes.iter().take(resource::MISTAKES_NAMED_MAX).enumerate();
    first.fold(problem, |problem, (index, mistake)| {
        problem
            .with(&format!("mistakes[{index}].field"), mistake.field())
            .with(&format!("mistakes[{index}].reason"), mistake.reason())
    })
}

pub(super) fn classification(rejection: &classification::Rejection) -> Problem {
    use classification::Rejection;

    let code = match rejection {
        Rejection::BuiltIn { .. } | Rejection::ParentUnknown { .. } => Code::FailedPrecondition,
        Rejection::NameMissing | Rejection::NameTooLong { .. } => Code::InvalidArgument,
        Rejection::DistrictAuthority | Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

pub(super) fn library(rejection: &library::Rejection) -> Problem {
    use library::Rejection;

    let code = match rejection {
        Rejection::Absent | Rejection::NoItem { .. } => Code::NotFound,
        Rejection::EstablishedOtherwise { .. }
        | Rejection::NotLeadDepartment { .. }
        | Rejection::CurrentAlready { .. } => Code::FailedPrecondition,
        Rejection::NotYet { .. } | Rejection::Text(_) => Code::InvalidArgument,
        Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

pub(super) fn assessment(rejection: &assessment::Rejection) -> Problem {
    use assessment::Rejection;

    let code = match rejection {
        Rejection::PeriodOpen { .. } | Rejection::NothingToPublish { .. } => {
            Code::FailedPrecondition
        }
        Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

pub(super) fn vocabulary(rejection: &vocabulary::Rejection) -> Problem {
    use vocabulary::Rejection;

    let code = match rejection {
        Rejection::TooFew { .. } | Rejection::TooMany { .. } | Rejection::Text(_) => {
            Code::InvalidArgument
        }
        Rejection::Unknown { .. } => Code::NotFound,
        Rejection::Denied(_) => Code::PermissionDenied,
    };
    Problem::new(code, rejection.reason(), rejection.to_string())
}

pub(super) fn change(rejection: &change::Rejection) -> Problem {
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

pub(super) fn entity(rejection: &entity::Rejection) -> Problem {
    use entity::{Counterpart, Rejection};

    let code = match rejection {
        Rejection::Claimed { .. }
        | Rejection::ToBeHad { .. }
        | Rejection::Unsettled { .. }
        | Rejection::NotLike
        | Rejection::OwnClaim => Code::FailedPrecondition,
        Rejection::NothingToClaim
        | Rejection::PlanItems { .. }
        | Rejection::PlanPeriod
        | Rejection::Text(_) => Code::InvalidArgument,
        Rejection::SourceAbsent | Rejection::ContestAbsent | Rejection::PlanAbsent => {
            Code::NotFound
        }
        Rejection::OwnMatter { .. } | Rejection::Denied(_) => Code::PermissionDenied,
    };
    let mut resources = BTreeSet::new();
    for like in rejection.likes() {
        match &like.counterpart {
            Counterpart::Shared { code, .. } | Counterpart::Source { code, .. } => {
                resources.insert(code.to_string());
            }
            Counterpart::Plan { .. } => {}
        }
    }
    let problem = Problem::new(code, rejection.reason(), rejection.to_string());
    match resources.is_empty() {
        true => problem,
        false => problem.with("resource_codes", Vec::from_iter(resources).join(" ")),
    }
}

pub(super) fn obligation(rejection: &obligation::Rejection) -> Problem {
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
