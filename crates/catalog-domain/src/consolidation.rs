//! Consolidation at the big data centre (归集): which published resources flow to it, and on which basis (R10.1).

use publicdata_decider::Decider;
use publicdata_types::{Actor, Denied, OrganisationCode, RegionCode, ResourceCode, Role};

use crate::text::{self, LONG_MAX, TextMistake};

/// Whether one resource flows to a centre.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Consolidation {
    /// It never was ordered.
    #[default]
    Absent,
    /// It is ordered.
    Ordered(Order),
    /// It was ordered, and was stopped.
    Stopped(Order),
}

/// What the authority ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What flows: a published resource.
    pub source: Source,
    /// The centre that collects it.
    pub centre: OrganisationCode,
    /// The law, regulation, rule or plan that it rests on.
    pub legal_basis: String,
}

/// A resource, as the catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its code.
    pub code: ResourceCode,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// The provider's division.
    pub region: RegionCode,
}

/// What can be asked of a consolidation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Orders it, or changes where or on which basis.
    Order {
        /// What is ordered.
        order: Order,
        /// What the centre takes part as: a fact from the directory.
        roles: Vec<Role>,
        /// Who orders.
        by: Actor,
    },
    /// Ends it.
    Stop {
        /// Why.
        reason: String,
        /// Who ends it.
        by: Actor,
    },
}

/// What happened to a consolidation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The authority ordered it.
    Ordered(Order),
    /// It was stopped.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// Why a command about a consolidation was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody ordered it.
    #[error("consolidation of this resource was not ordered")]
    Absent,
    /// Nothing can be delivered there.
    #[error("organisation {centre} is no consumer; a centre needs that role to receive data")]
    CentreNoConsumer {
        /// The centre.
        centre: OrganisationCode,
    },
    /// It would flow to where it is.
    #[error("the centre provides this resource itself; only what others provide is consolidated")]
    OwnResource,
    /// A text is wrong.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Decider for Consolidation {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Order { order, roles, by } => {
                by.may_govern(&order.source.region)?;
                self.order(order, &roles)
            }
            Command::Stop { reason, by } => self.stop(reason, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (_, Event::Ordered(order)) => Self::Ordered(order),
            (Self::Ordered(order) | Self::Stopped(order), Event::Stopped { .. }) => {
                Self::Stopped(order)
            }
            (Self::Absent, Event::Stopped { .. }) => Self::Absent,
        }
    }
}

impl Consolidation {
    fn order(&self, order: Order, roles: &[Role]) -> Result<Vec<Event>, Rejection> {
        text::required("legal_basis", &order.legal_basis, LONG_MAX)?;
        if !roles.contains(&Role::Consumer) {
            return Err(Rejection::CentreNoConsumer { centre: order.centre });
        }
        if order.centre == order.source.provider {
            return Err(Rejection::OwnResource);
        }
        match self {
            Self::Ordered(known) if *known == order => Ok(vec![]),
            Self::Absent | Self::Ordered(_) | Self::Stopped(_) => Ok(vec![Event::Ordered(order)]),
        }
    }

    fn stop(&self, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let (Self::Ordered(order) | Self::Stopped(order)) = self else {
            return Err(Rejection::Absent);
        };
        by.may_govern(&order.source.region)?;
        match self {
            Self::Ordered(_) => {
                text::required("reason", &reason, LONG_MAX)?;
                Ok(vec![Event::Stopped { reason }])
            }
            Self::Absent | Self::Stopped(_) => Ok(vec![]),
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "CONSOLIDATION_ABSENT",
            Self::CentreNoConsumer { .. } => "CENTRE_NO_CONSUMER",
            Self::OwnResource => "OWN_RESOURCE",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
