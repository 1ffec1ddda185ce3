//! Identifiers of commands and aggregates: UUIDs that cannot be mixed up.
//!
//! Ids are made at the edge, where randomness lives, and travel inwards as values. Their text form
//! (lower-case, hyphenated) is safe as a NATS subject token.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A text that should have been an identifier and was not.
///
/// The text itself is not repeated: what stands in the wrong field may be anything, even a person's
/// number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is not a UUID; write 32 hexadecimal digits as 8-4-4-4-12")]
pub struct IdError {
    /// Which identifier was expected, e.g. `resource id`.
    pub what: &'static str,
    /// What is wrong with the text, and where.
    #[source]
    pub source: uuid::Error,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that was made at the edge.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                match Uuid::try_parse(text) {
                    Ok(uuid) => Ok(Self(uuid)),
                    Err(source) => Err(IdError { what: $what, source }),
                }
            }
        }
    };
}

uuid_id!(
    /// Names one command, so that a repeated command is recognised (H1).
    CommandId,
    "command id"
);
uuid_id!(
    /// Names a resource of the catalogue (a data resource, 公共数据资源).
    ResourceId,
    "resource id"
);
uuid_id!(
    /// Names a grant, from application or standing offer to its end.
    GrantId,
    "grant id"
);
uuid_id!(
    /// Names one attempt to deliver data from a provider's node to a consumer's.
    TransferId,
    "transfer id"
);
uuid_id!(
    /// Names a consumer's standing wish that data be pushed to it.
    SubscriptionId,
    "subscription id"
);
uuid_id!(
    /// Names a publication of open data.
    PublicationId,
    "publication id"
);
uuid_id!(
    /// Names a change of law or of functions that catalogues have to follow.
    ChangeId,
    "change id"
);
uuid_id!(
    /// Names something that an organisation has to do by a day.
    ObligationId,
    "obligation id"
);

uuid_id!(
    /// Names another platform whose catalogue is harvested.
    HarvestSourceId,
    "harvest source id"
);
uuid_id!(
    /// Names the register of one entity (数据对象): its sources and who collects it.
    EntityId,
    "entity id"
);
uuid_id!(
    /// Names a dispute about who is the source of a datum.
    ContestId,
    "contest id"
);
uuid_id!(
    /// Names what an organisation means to collect.
    PlanId,
    "plan id"
);
uuid_id!(
    /// Names an information system of the register.
    SystemId,
    "system id"
);
uuid_id!(
    /// Names a dedicated network of the register.
    NetworkId,
    "network id"
);
uuid_id!(
    /// Names a security record.
    SecurityRecordId,
    "security record id"
);
uuid_id!(
    /// Names an agreement with a service provider.
    AgreementId,
    "agreement id"
);
uuid_id!(
    /// Names a verification ticket (校核) on shared data.
    TicketId,
    "ticket id"
);
uuid_id!(
    /// Names a dispute (异议) between the provider and a consumer of shared data.
    DisputeId,
    "dispute id"
);
uuid_id!(
    /// Names what was found against an organisation (R46.1).
    FindingId,
    "finding id"
);

impl CommandId {
    /// The id of a command that follows from this one.
    ///
    /// The same step of the same command always has the same id, so a policy or a saga that runs
    /// again after a crash repeats its commands instead of adding to them.
    #[must_use]
    pub fn derive(&self, step: &str) -> Self {
        Self(Uuid::new_v5(&self.0, step.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
