//! What an ending means: for the log, and for the consumer's node.

use publicdata_exchange_domain::transfer::{Cause, Command, Refuser};
use publicdata_proto::exchange::v1::DeliveryFailure;
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;

use crate::relay::{Ending, PeerEnd, Stop};

/// A failure's text is for people, and short.
const MESSAGE_CHARS_MAX: usize = 500;
const REASON_CHARS_MAX: usize = 64;
/// Why a transfer is stopped.
const GRANT_REVOKED: &str = "GRANT_REVOKED";

/// What follows from an ending other than success.
#[derive(Debug)]
pub struct Outcome {
    /// What is recorded.
    pub command: Command,
    /// What the consumer's node is told.
    pub problem: Problem,
}

/// What follows from an ending; nothing yet if everything was delivered.
#[must_use]
pub fn of(ending: Ending) -> Option<Outcome> {
    match ending {
        Ending::Delivered => None,
        Ending::Failed(failure) => Some(failed(failure)),
        Ending::ProviderLost => Some(interrupted(
            Code::Unavailable,
            "PROVIDER_NODE_LOST",
            "the connection to the provider's node was lost; resume the transfer",
        )),
        Ending::Peer(end) => Some(ended_by_peer(end)),
        Ending::ProviderStalled => Some(interrupted(
            Code::Unavailable,
            "PROVIDER_STALLED",
            "the provider's node sent nothing for too long; resume the transfer",
        )),
        Ending::ProviderViolated(what) => Some(interrupted(
            Code::Internal,
            "PROTOCOL_VIOLATED",
            &format!("the provider's node sent {what}; tell the operator of the node"),
        )),
        Ending::ConsumerGone => Some(interrupted(
            Code::Unavailable,
            "CONSUMER_GONE",
            "the consumer's node went away; resume the transfer",
        )),
        Ending::ConsumerStalled => Some(interrupted(
            Code::Unavailable,
            "CONSUMER_STALLED",
            "the consumer's node read nothing for too long; resume the transfer",
        )),
        Ending::Stopped(Stop::Superseded) => Some(interrupted(
            Code::Conflict,
            "SUPERSEDED",
            "the consumer's node asked for the same transfer again",
        )),
        Ending::Stopped(Stop::ShuttingDown) => Some(interrupted(
            Code::Unavailable,
            "BUS_STOPPING",
            "the bus is shutting down; resume the transfer",
        )),
        Ending::Stopped(Stop::Revoked) => Some(Outcome {
            command: Command::Stop { reason: GRANT_REVOKED.to_owned() },
            problem: Problem::new(
                Code::PermissionDenied,
                GRANT_REVOKED,
                "grant was revoked; apply anew",
            ),
        }),
    }
}

/// Why a transfer did not go on.
pub fn cause(reason: &str, message: impl std::fmt::Display) -> Cause {
    Cause { reason: reason.to_owned(), message: message.to_string() }
}

/// The same in the words of another, who is not trusted to be brief.
pub fn told(reason: &str, message: &str) -> Cause {
    Cause {
        reason: reason.chars().take(REASON_CHARS_MAX).collect(),
        message: message.chars().take(MESSAGE_CHARS_MAX).collect(),
    }
}

/// How an outcome is counted.
#[must_use]
pub fn labels(command: &Command) -> (&'static str, String) {
    match command {
        Command::Request(_) | Command::Resume { .. } => ("running", String::new()),
        Command::Refuse { cause, .. } => ("refused", cause.reason.clone()),
        Command::Interrupt { cause } => ("interrupted", cause.reason.clone()),
        Command::Stop { reason } => ("stopped", reason.clone()),
        Command::Complete(_) => ("completed", String::new()),
    }
}

fn interrupted(code: Code, reason: &'static str, message: &str) -> Outcome {
    let command = Command::Interrupt { cause: cause(reason, message) };
    Outcome { command, problem: Problem::new(code, reason, message) }
}

/// What the bus of another tier says: it has decided, and recorded the same.
fn ended_by_peer(end: PeerEnd) -> Outcome {
    let PeerEnd { code, reason, message } = end;
    let cause = told(&reason, &message);
    let command = match code {
        Code::PermissionDenied if reason == GRANT_REVOKED => Command::Stop { reason: cause.reason },
        Code::PermissionDenied | Code::NotFound | Code::InvalidArgument => {
            Command::Refuse { refuser: Refuser::PeerBus, cause }
        }
        Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::Conflict
        | Code::Unavailable
        | Code::ResourceExhausted
        | Code::DataLoss
        | Code::Internal => Command::Interrupt { cause },
    };
    let mut problem = Problem::new(code, "FAILED", message);
    problem.reason = reason.into();
    Outcome { command, problem }
}

/// The provider's node says why; whoever runs it is not trusted to be brief.
fn failed(failure: DeliveryFailure) -> Outcome {
    let reason = match failure.reason.as_str() {
        "" => "FAILED",
        reason => reason,
    };
    let cause = told(reason, &failure.message);
    let Cause { reason, message } = cause.clone();

    let (code, command) = match failure.refused {
        true => (Code::PermissionDenied, Command::Refuse { refuser: Refuser::ProviderNode, cause }),
        false => (Code::FailedPrecondition, Command::Interrupt { cause }),
    };
    let mut problem = Problem::new(code, "FAILED", message);
    problem.reason = reason.into();
    Outcome { command, problem }
}
