//! Who calls.

use publicdata_identity::{Label, SpiffeId};
use publicdata_types::Actor;

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody, or a system, acting for an organisation.
    User(Actor),
    /// A department's data service node.
    Node {
        /// Its name within the organisation.
        name: Label,
        /// The node as a principal of its organisation.
        actor: Actor,
    },
    /// One of the platform's services; it acts for no organisation.
    Service(SpiffeId),
}

impl Caller {
    /// The SPIFFE id of the certificate that the caller showed.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::User(actor) | Self::Node { actor, .. } => actor.id.clone(),
            Self::Service(id) => id.to_string(),
        }
    }

    /// The principal of an organisation, unless a service calls.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::User(actor) | Self::Node { actor, .. } => Some(actor),
            Self::Service(_) => None,
        }
    }
}
