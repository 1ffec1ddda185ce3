//! How the register, and the agreements in it, answer what their rules forbid.

use publicdata_catalog_domain::text::TextMistake;
use publicdata_catalog_domain::{
    agreement, consolidation, network, recovery, security_record, system,
};
use publicdata_event_store::aggregates::ExecuteError;
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;

use super::Error;

/// A rejection's code, by its kind.
macro_rules! answered {
    ($domain:ident: $code:expr) => {
        impl From<$domain::Rejection> for Error {
            fn from(rejection: $domain::Rejection) -> Self {
                let code: fn(&$domain::Rejection) -> Code = $code;
                let code = code(&rejection);
                Problem::new(code, rejection.reason(), rejection.to_string()).into()
            }
        }

        impl From<ExecuteError<$domain::Rejection>> for Error {
            fn from(error: ExecuteError<$domain::Rejection>) -> Self {
                Self::execute(error, Self::from)
            }
        }
    };
}

answered!(system: |rejection| {
    use system::Rejection;
    match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::AlreadyRegistered | Rejection::Retired { .. } => Code::FailedPrecondition,
        Rejection::IntegratedElsewhere
        | Rejection::PlanOver { .. }
        | Rejection::ProtectionLevel { .. }
        | Rejection::TooManyNetworks { .. } => Code::InvalidArgument,
        Rejection::Text(mistake) => text(mistake),
        Rejection::Denied(_) => Code::PermissionDenied,
    }
});

answered!(network: |rejection| {
    use network::Rejection;
    match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::AlreadyAsked
        | Rejection::AlreadyAnswered
        | Rejection::NotAwaited
        | Rejection::AlreadyBuilt { .. }
        | Rejection::NotBuilt
        | Rejection::Over => Code::FailedPrecondition,
        Rejection::Text(mistake) => text(mistake),
        Rejection::OtherLevel { .. } | Rejection::OwnRequest { .. } | Rejection::Denied(_) => {
            Code::PermissionDenied
        }
    }
});

answered!(recovery: |rejection| {
    use recovery::Rejection;
    match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::RecoveryTime { .. } | Rejection::RecoveryPoint { .. } => Code::InvalidArgument,
        Rejection::Text(mistake) => text(mistake),
        Rejection::Denied(_) => Code::PermissionDenied,
    }
});

answered!(consolidation: |rejection| {
    use consolidation::Rejection;
    match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::CentreNoConsumer { .. } | Rejection::OwnResource => Code::FailedPrecondition,
        Rejection::Text(mistake) => text(mistake),
        Rejection::Denied(_) => Code::PermissionDenied,
    }
});

answered!(security_record: |rejection| {
    use security_record::Rejection;
    match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::AlreadyOpened | Rejection::AlreadyClosed => Code::FailedPrecondition,
        Rejection::DueBeforeBeginning { .. } | Rejection::NotBegun { .. } => Code::InvalidArgument,
        Rejection::Text(mistake) => text(mistake),
        Rejection::Denied(_) => Code::PermissionDenied,
    }
});

answered!(agreement: |rejection| {
    use agreement::Rejection;
    match rejection {
        Rejection::Absent => Code::NotFound,
        Rejection::AlreadyRegistered | Rejection::NotBegun { .. } | Rejection::Over { .. } => {
            Code::FailedPrecondition
        }
        Rejection::EndsBeforeBeginning { .. }
        | Rejection::AlreadyOver { .. }
        | Rejection::OwnProvider => Code::InvalidArgument,
        Rejection::Text(mistake) => text(mistake),
        Rejection::Denied(_) => Code::PermissionDenied,
    }
});

/// Whatever is wrong with a text, the request has to say another one.
pub(super) const fn text(mistake: &TextMistake) -> Code {
    match mistake {
        TextMistake::Empty { .. } | TextMistake::TooLong { .. } | TextMistake::Personal { .. } => {
            Code::InvalidArgument
        }
    }
}
