//! A subscription is a consumer's standing wish that data be pushed to it (数据推送, R23.1): once, on a schedule or on change.
//!
//! It gives nothing by itself. Each delivery is a transfer under the subscription's grant, and is decided on as every transfer is.

use std::fmt;

use publicdata_decider::Decider;
use publicdata_types::{
    Actor, Denied, GrantId, OrganisationCode, ResourceCode, ResourceId, TransferId,
};

use crate::SignedBytes;

mod trigger;

pub use trigger::{Trigger, TriggerError};

/// A subscription, from its opening to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subscription {
    /// Nobody opened it.
    #[default]
    Absent,
    /// Deliveries may be fetched.
    Open(Settings),
    /// It has ended. Under another grant it may be opened anew.
    Ended(Settings),
    /// Its node wants nothing more, and may open it anew.
    Withdrawn(Settings),
}

/// What is delivered, when, and to which node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the node's configuration calls it.
    pub name: String,
    /// The grant that it rests on.
    pub grant: GrantId,
    /// The resource.
    pub resource: ResourceId,
    /// The resource's code.
    pub resource_code: ResourceCode,
    /// Who provides.
    pub provider: OrganisationCode,
    /// Who receives.
    pub consumer: OrganisationCode,
    /// The node that fetches, as a SPIFFE id.
    pub consumer_node: String,
    /// The fields wanted, in order; empty for all that the grant gives.
    pub fields: Vec<String>,
    /// The purpose of this use.
    pub purpose: String,
    /// The case that it is for; may be empty.
    pub case_number: String,
    /// When a delivery is due.
    pub trigger: Trigger,
}

/// What the source holds, compared with what the sink holds (对账, R10.1). The signatures of both statements were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// The transfer whose receipt says what the source holds.
    pub transfer: TransferId,
    /// What the sink holds, as the consumer's node signed it.
    pub statement: SignedBytes,
    /// What the source holds.
    pub source: RowSet,
    /// What the sink holds.
    pub sink: RowSet,
}

/// A set of rows, said by their number and a digest that does not depend on their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSet {
    /// How many rows there are.
    pub rows: u64,
    /// Their digest: an element of a group, to which each row adds.
    pub digest: [u8; 32],
    /// The state of the source that they have at least; empty if it is not watched.
    pub source_version: String,
}

/// Why a subscription ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Somebody of its consumer or provider ended it.
    Requested {
        /// Why.
        reason: String,
    },
    /// Its grant was revoked (R26.2).
    GrantRevoked,
    /// Its grant's period is over (R26.2).
    GrantExpired,
    /// The node that fetches wants nothing more.
    Withdrawn {
        /// Why.
        reason: String,
    },
}

/// What can be asked of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Opens it, or changes what it asks for. The grant was asked whether it allows that.
    Open {
        /// What it asks for.
        settings: Box<Settings>,
        /// The node that will fetch.
        by: Actor,
    },
    /// Records that source and sink were compared.
    Reconcile {
        /// What came of it.
        reconciliation: Box<Reconciliation>,
        /// The node that fetches.
        by: Actor,
    },
    /// Ends it.
    End {
        /// Why.
        reason: String,
        /// Who ends it.
        by: Actor,
    },
    /// Ends it until its node opens it anew.
    Withdraw {
        /// Why.
        reason: String,
        /// The node that fetches.
        by: Actor,
    },
    /// Notes that its grant has ended.
    GrantEnded {
        /// Which grant.
        grant: GrantId,
        /// How.
        how: GrantEnd,
    },
}

/// How a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantEnd {
    /// It was revoked.
    Revoked,
    /// Its period is over.
    Expired,
}

/// What happened to a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A node asked for deliveries.
    Opened(Settings),
    /// It asks for something else from now on.
    Changed(Settings),
    /// Source and sink were compared.
    Reconciled(Reconciliation),
    /// Nothing more is delivered.
    Ended(End),
}

/// Why a command about a subscription was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody opened it.
    #[error("subscription does not exist; the consumer's node opens it from its configuration")]
    Absent,
    /// It has ended.
    #[error(
        "subscription has ended; give it another name to begin a new one, or name another grant"
    )]
    Ended,
    /// Another node has it.
    #[error("subscription is another node's; a node's subscriptions have names of their own")]
    OtherNode,
    /// It has no name.
    #[error("name of the subscription is empty")]
    NameMissing,
    /// Whoever ends it says why.
    #[error("reason is empty")]
    ReasonMissing,
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Decider for Subscription {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Open { settings, by } => {
                by.may_consume()?;
                by.may_act_for(&settings.consumer)?;
                self.open(*settings)
            }
            Command::Reconcile { reconciliation, by } => self.reconcile(*reconciliation, &by),
            Command::End { reason, by } => self.end(reason, &by),
            Command::Withdraw { reason, by } => self.withdraw(reason, &by),
            Command::GrantEnded { grant, how } => Ok(self.grant_ended(grant, how)),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (_, Event::Opened(settings) | Event::Changed(settings)) => Self::Open(settings),
            (
                Self::Open(settings) | Self::Ended(settings) | Self::Withdrawn(settings),
                Event::Ended(end),
            ) => match end {
                End::Requested { .. } | End::GrantRevoked | End::GrantExpired => {
                    Self::Ended(settings)
                }
                End::Withdrawn { .. } => Self::Withdrawn(settings),
            },
            (state, Event::Reconciled(_)) => state,
            (Self::Absent, Event::Ended(_)) => Self::Absent,
        }
    }
}

impl Subscription {
    /// What it asks for, or asked for last.
    #[must_use]
    pub fn settings(&self) -> Option<&Settings> {
        match self {
            Self::Open(settings) | Self::Ended(settings) | Self::Withdrawn(settings) => {
                Some(settings)
            }
            Self::Absent => None,
        }
    }

    fn open(&self, settings: Settings) -> Result<Vec<Event>, Rejection> {
        if settings.name.trim().is_empty() {
            return Err(Rejection::NameMissing);
        }
        if let Some(known) = self.settings()
            && known.consumer_node != settings.consumer_node
        {
            return Err(Rejection::OtherNode);
        }
        match self {
            Self::Absent => Ok(vec![Event::Opened(settings)]),
            Self::Open(known) if *known == settings => Ok(vec![]),
            Self::Open(_) => Ok(vec![Event::Changed(settings)]),
            Self::Ended(known) if known.grant == settings.grant => Err(Rejection::Ended),
            Self::Ended(_) | Self::Withdrawn(_) => Ok(vec![Event::Opened(settings)]),
        }
    }

    fn reconcile(&self, found: Reconciliation, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let settings = self.settings().ok_or(Rejection::Absent)?;
        by.may_act_for(&settings.consumer)?;
        if settings.consumer_node != by.id {
            return Err(Rejection::OtherNode);
        }
        match self {
            Self::Open(_) => Ok(vec![Event::Reconciled(found)]),
            Self::Absent | Self::Ended(_) | Self::Withdrawn(_) => Err(Rejection::Ended),
        }
    }

    fn end(&self, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let settings = self.settings().ok_or(Rejection::Absent)?;
        // Whoever receives or gives may end it; neither needs the other for that.
        if by.may_act_for(&settings.consumer).is_err() {
            by.may_act_for(&settings.provider)?;
        }
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Ended(_) => Ok(vec![]),
            Self::Open(_) | Self::Withdrawn(_) if reason.trim().is_empty() => {
                Err(Rejection::ReasonMissing)
            }
            Self::Open(_) | Self::Withdrawn(_) => Ok(vec![Event::Ended(End::Requested { reason })]),
        }
    }

    fn withdraw(&self, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let settings = self.settings().ok_or(Rejection::Absent)?;
        if settings.consumer_node != by.id {
            return Err(Rejection::OtherNode);
        }
        match self {
            Self::Absent => Err(Rejection::Absent),
            Self::Ended(_) | Self::Withdrawn(_) => Ok(vec![]),
            Self::Open(_) if reason.trim().is_empty() => Err(Rejection::ReasonMissing),
            Self::Open(_) => Ok(vec![Event::Ended(End::Withdrawn { reason })]),
        }
    }

    fn grant_ended(&self, grant: GrantId, how: GrantEnd) -> Vec<Event> {
        match self {
            Self::Open(settings) if settings.grant == grant => vec![Event::Ended(match how {
                GrantEnd::Revoked => End::GrantRevoked,
                GrantEnd::Expired => End::GrantExpired,
            })],
            Self::Absent | Self::Open(_) | Self::Ended(_) | Self::Withdrawn(_) => vec![],
        }
    }
}

impl Reconciliation {
    /// Whether both hold the same rows.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        (self.source.rows, self.source.digest) == (self.sink.rows, self.sink.digest)
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "SUBSCRIPTION_UNKNOWN",
            Self::Ended => "SUBSCRIPTION_ENDED",
            Self::OtherNode => "SUBSCRIPTION_OF_OTHER_NODE",
            Self::NameMissing => "NAME_MISSING",
            Self::ReasonMissing => "REASON_MISSING",
            Self::Denied(denied) => denied.reason(),
        }
    }
}

impl End {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "ENDED_ON_REQUEST",
            Self::GrantRevoked => "GRANT_REVOKED",
            Self::GrantExpired => "GRANT_EXPIRED",
            Self::Withdrawn { .. } => "WITHDRAWN_BY_NODE",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested { reason } | Self::Withdrawn { reason } => f.write_str(reason),
            Self::GrantRevoked => f.write_str("its grant was revoked"),
            Self::GrantExpired => f.write_str("its grant's period is over"),
        }
    }
}

#[cfg(test)]
mod tests;
