//! What an ending means: for the log, and for the consumer's node.

use publicdata_exchange_domain::transfer::{Cause, Command, Refuser};
use publicdata_proto::exchange::v1::DeliveryFailure;
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;

use crate::error::Error;
use crate::relay::{Ending, PeerEnd, Stop};

/// A failure's text is for people, and short.
const MESSAGE_CHARS_MAX: usize = 500;
const REASON_CHARS_MAX: usize = 64;
/// Why a transfer is stopped.
const GRANT_REVOKED: &str = "GRANT_REVOKED";
/// Where a problem says how the attempt stands in the log of the bus that told it: so the bus of another tier, which tells its own
/// consumer the same, records the same (R24.1). The words are those of [`labels`].
const RECORDED: &str = "recorded";
const REFUSED: &str = "refused";
const INTERRUPTED: &str = "interrupted";
const STOPPED: &str = "stopped";

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
    let Outcome { command, problem } = unmarked(ending)?;
    let problem = recorded(problem, labels(&command).0);
    Some(Outcome { command, problem })
}

/// What a caller is told about an attempt that was refused, which is on record.
pub fn refused(error: Error) -> Error {
    Error::Told(recorded(error.problem(), REFUSED))
}

fn recorded(problem: Problem, how: &str) -> Problem {
    problem.with(RECORDED, how)
}

fn unmarked(ending: Ending) -> Option<Outcome> {
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
        Command::Refuse { cause, .. } => (REFUSED, cause.reason.clone()),
        Command::Interrupt { cause } => (INTERRUPTED, cause.reason.clone()),
        Command::Stop { reason } => (STOPPED, reason.clone()),
        Command::Complete(_) => ("completed", String::new()),
    }
}

fn interrupted(code: Code, reason: &'static str, message: &str) -> Outcome {
    let command = Command::Interrupt { cause: cause(reason, message) };
    Outcome { command, problem: Problem::new(code, reason, message) }
}

/// What the bus of another tier says: it has decided, and what it recorded is recorded here.
fn ended_by_peer(end: PeerEnd) -> Outcome {
    let PeerEnd { code, reason, message, metadata } = end;
    let cause = told(&reason, &message);
    let command = match metadata.get(RECORDED).map(String::as_str) {
        Some(REFUSED) => Command::Refuse { refuser: Refuser::PeerBus, cause },
        Some(STOPPED) => Command::Stop { reason: cause.reason },
        Some(INTERRUPTED) => Command::Interrupt { cause },
        // It recorded nothing, is out of reach, or does not say: what it advises tells whether asking again helps.
        Some(_) | None => match code {
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
        },
    };
    let mut problem = Problem::new(code, "FAILED", message);
    problem.reason = reason.into();
    problem.metadata = metadata;
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

#[cfg(test)]
mod tests;
