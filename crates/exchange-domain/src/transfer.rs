//! A transfer is one attempt to fetch data under a grant: requested, then refused, or delivered,
//! perhaps with interruptions (R23.2).

use publicdata_decider::Decider;
use publicdata_types::{DeliveryMode, Digest, GrantId, OrganisationCode, ResourceCode, ResourceId};

use crate::{Query, SignedBytes};

/// An attempt to fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    /// Nobody asked.
    #[default]
    Absent,
    /// Frames are flowing, or are about to.
    Running(Request),
    /// It broke off, and may be resumed.
    Interrupted(Request),
    /// It was refused.
    Refused(Request),
    /// It was stopped because its grant ended.
    Stopped(Request),
    /// Both nodes signed for it.
    Completed(Receipt),
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The grant that was named.
    pub grant: GrantId,
    /// What the grant is for, if there is such a grant.
    pub source: Option<Source>,
    /// Who asked.
    pub consumer: OrganisationCode,
    /// The consumer's node, as a SPIFFE id.
    pub consumer_node: String,
    /// The account or system that asked at the node, as a SPIFFE id.
    pub requested_by: String,
    /// The fields wanted, in order.
    pub fields: Vec<String>,
    /// The purpose named.
    pub purpose: String,
    /// The case that it is for; may be empty.
    pub case_number: String,
    /// How it is to be delivered.
    pub mode: DeliveryMode,
    /// What is asked of a data service, if one is asked.
    pub query: Option<Query>,
    /// Which way it goes, if not from this bus's node to this bus's node.
    pub way: Way,
    /// The same as the consumer's node signed it, for this attempt.
    pub signed: SignedBytes,
}

/// The buses of other tiers that a transfer goes by (市县分级交换, R24.1), as SPIFFE ids: none, unless its parties are of two tiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The bus that passed the request on; none if the consumer's node asked this bus itself.
    pub requested_through: Option<String>,
    /// The bus that the request is passed on to; none if the provider's nodes are this bus's own.
    pub served_through: Option<String>,
}

/// Where data comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The resource.
    pub resource: ResourceId,
    /// Its code.
    pub resource_code: ResourceCode,
    /// Who provides it.
    pub provider: OrganisationCode,
}

/// Who refuses a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refuser {
    /// The exchange bus.
    ExchangeBus,
    /// The provider's node.
    ProviderNode,
    /// The bus of another tier, or the provider's node behind it.
    PeerBus,
}

/// Why a transfer did not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Stable, in capitals, such as `FIELD_OUTSIDE_GRANT`.
    pub reason: String,
    /// The same for people, without data.
    pub message: String,
}

/// What was delivered, as both nodes signed it. The signatures were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The grant.
    pub grant: GrantId,
    /// Who provided.
    pub provider: OrganisationCode,
    /// Who received.
    pub consumer: OrganisationCode,
    /// The fields delivered, in order.
    pub fields: Vec<String>,
    /// The purpose.
    pub purpose: String,
    /// Rows delivered.
    pub rows: u64,
    /// Rows that were not delivered because they break a rule of their items (R17.2).
    pub rejected_rows: u64,
    /// Bytes of all frames, before sealing.
    pub bytes: u64,
    /// Number of frames.
    pub frames: u64,
    /// Digest over the frames, before sealing.
    pub digest: Digest,
    /// The bytes that both nodes signed.
    pub signed: SignedBytes,
    /// The signature of the provider's node over them.
    pub provider_signature: SignedBytes,
    /// The signature of the consumer's node over them.
    pub consumer_signature: SignedBytes,
}

/// What can be asked of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Records that data is asked for, before anything is decided about it.
    Request(Request),
    /// Records that the request is refused.
    Refuse {
        /// Who refuses.
        refuser: Refuser,
        /// Why.
        cause: Cause,
    },
    /// Goes on with a delivery that broke off, whether or not that was noticed.
    Resume {
        /// The same request, signed anew.
        request: Request,
        /// How many frames the consumer's node has.
        received_frames: u64,
    },
    /// Records that the delivery broke off.
    Interrupt {
        /// Why.
        cause: Cause,
    },
    /// Stops the delivery because its grant ended.
    Stop {
        /// Why, in capitals.
        reason: String,
    },
    /// Records what was delivered.
    Complete(Receipt),
}

/// What happened to a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A consumer's node asked for data.
    Requested(Request),
    /// The request was refused.
    Refused {
        /// Who refused.
        refuser: Refuser,
        /// Why.
        cause: Cause,
    },
    /// A delivery that had broken off goes on.
    Resumed {
        /// How many frames the consumer's node had.
        received_frames: u64,
        /// The request, signed anew.
        signed: SignedBytes,
    },
    /// The delivery broke off.
    Interrupted {
        /// Why.
        cause: Cause,
    },
    /// The delivery was stopped because its grant ended.
    Stopped {
        /// Why, in capitals.
        reason: String,
    },
    /// The delivery ended with a receipt.
    Completed(Receipt),
}

/// Why a command about a transfer was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody asked under this id.
    #[error("transfer does not exist; request it first")]
    Absent,
    /// The id is taken.
    #[error("transfer id is in use; make a new one for another request")]
    Exists,
    /// It was refused.
    #[error("transfer was refused; make a new request")]
    Refused,
    /// It was stopped.
    #[error("transfer was stopped because its grant ended; apply anew")]
    Stopped,
    /// It is complete.
    #[error("transfer is complete; make a new request to fetch again")]
    Completed,
    /// Another request is resumed under its id.
    #[error("transfer was requested with another {what}; resume it by the same request")]
    RequestDiffers {
        /// What differs.
        what: &'static str,
    },
    /// The receipt is for something else.
    #[error("receipt names another {what} than the transfer")]
    ReceiptDiffers {
        /// What differs.
        what: &'static str,
    },
}

impl Decider for Transfer {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match (self, command) {
            (Self::Absent, Command::Request(request)) => Ok(vec![Event::Requested(request)]),
            (Self::Absent, _) => Err(Rejection::Absent),
            (
                Self::Running(known)
                | Self::Interrupted(known)
                | Self::Refused(known)
                | Self::Stopped(known),
                Command::Request(request),
            ) if *known == request => Ok(vec![]),
            (_, Command::Request(_)) => Err(Rejection::Exists),

            (Self::Completed(known), Command::Complete(receipt)) if *known == receipt => Ok(vec![]),
            (Self::Completed(_), _) => Err(Rejection::Completed),
            (Self::Refused(_), Command::Refuse { .. }) => Ok(vec![]),
            (Self::Refused(_), _) => Err(Rejection::Refused),

            // A receipt signed by both nodes proves that the delivery was over before it was stopped,
            // and the log says what happened.
            (
                Self::Running(request) | Self::Interrupted(request) | Self::Stopped(request),
                Command::Complete(receipt),
            ) => complete(request, receipt),
            (Self::Stopped(_), Command::Stop { .. } | Command::Interrupt { .. }) => Ok(vec![]),
            (Self::Stopped(_), _) => Err(Rejection::Stopped),

            (
                Self::Running(known) | Self::Interrupted(known),
                Command::Resume { request, received_frames },
            ) => self.resume(known, request, received_frames),
            (_, Command::Refuse { refuser, cause }) => Ok(vec![Event::Refused { refuser, cause }]),
            (Self::Interrupted(_), Command::Interrupt { .. }) => Ok(vec![]),
            (Self::Running(_), Command::Interrupt { cause }) => {
                Ok(vec![Event::Interrupted { cause }])
            }
            (_, Command::Stop { reason }) => Ok(vec![Event::Stopped { reason }]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Requested(request)) => Self::Running(request),
            (Self::Running(request) | Self::Interrupted(request), Event::Refused { .. }) => {
                Self::Refused(request)
            }
            (
                Self::Running(request) | Self::Interrupted(request),
                Event::Resumed { signed, .. },
            ) => Self::Running(Request { signed, ..request }),
            (Self::Running(request), Event::Interrupted { .. }) => Self::Interrupted(request),
            (Self::Running(request) | Self::Interrupted(request), Event::Stopped { .. }) => {
                Self::Stopped(request)
            }
            (
                Self::Running(_) | Self::Interrupted(_) | Self::Stopped(_),
                Event::Completed(receipt),
            ) => Self::Completed(receipt),
            (state, _) => state,
        }
    }
}

impl Transfer {
    /// The request, unless the receipt has taken its place.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::Running(request)
            | Self::Interrupted(request)
            | Self::Refused(request)
            | Self::Stopped(request) => Some(request),
            Self::Absent | Self::Completed(_) => None,
        }
    }

    fn resume(
        &self,
        known: &Request,
        request: Request,
        received_frames: u64,
    ) -> Result<Vec<Event>, Rejection> {
        if let Some(what) = difference(known, &request) {
            return Err(Rejection::RequestDiffers { what });
        }
        match self {
            Self::Running(known) if known.signed == request.signed => Ok(vec![]),
            Self::Absent
            | Self::Running(_)
            | Self::Interrupted(_)
            | Self::Refused(_)
            | Self::Stopped(_)
            | Self::Completed(_) => {
                Ok(vec![Event::Resumed { received_frames, signed: request.signed }])
            }
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "TRANSFER_ABSENT",
            Self::Exists => "TRANSFER_EXISTS",
            Self::Refused => "TRANSFER_REFUSED",
            Self::Stopped => "TRANSFER_STOPPED",
            Self::Completed => "TRANSFER_COMPLETED",
            Self::RequestDiffers { .. } => "TRANSFER_REQUEST_DIFFERS",
            Self::ReceiptDiffers { .. } => "RECEIPT_DIFFERS",
        }
    }
}

fn complete(request: &Request, receipt: Receipt) -> Result<Vec<Event>, Rejection> {
    let is_provider = match &request.source {
        Some(source) => receipt.provider == source.provider,
        // Of a grant at a bus that was cut off when it was asked for, nothing was known but who passes it on.
        None => request.way.served_through.is_some(),
    };
    for (same, what) in [
        (receipt.grant == request.grant, "grant"),
        (is_provider, "provider"),
        (receipt.consumer == request.consumer, "consumer"),
        (receipt.fields == request.fields, "list of fields"),
        (receipt.purpose == request.purpose, "purpose"),
    ] {
        if !same {
            return Err(Rejection::ReceiptDiffers { what });
        }
    }
    Ok(vec![Event::Completed(receipt)])
}

/// What differs between two requests, beside their signatures and what the bus knows of the grant.
fn difference(known: &Request, request: &Request) -> Option<&'static str> {
    [
        (known.grant == request.grant, "grant"),
        (known.consumer == request.consumer, "consumer"),
        (known.consumer_node == request.consumer_node, "node"),
        (known.requested_by == request.requested_by, "account"),
        (known.fields == request.fields, "list of fields"),
        (known.purpose == request.purpose, "purpose"),
        (known.case_number == request.case_number, "case number"),
        (known.mode == request.mode, "mode"),
        (known.query == request.query, "question"),
    ]
    .into_iter()
    .find_map(|(same, what)| (!same).then_some(what))
}

#[cfg(test)]
mod tests;
