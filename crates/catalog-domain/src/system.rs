//! An information system (信息系统) of a department: where it runs, and whether it is integrated into the government cloud (R8.2).

use std::collections::BTreeSet;

use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Actor, AgreementId, Denied, OrganisationCode};

use crate::owner::Owner;
use crate::text::{self, LONG_MAX, SHORT_MAX, TextMistake};

/// A system, and whether it still runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum System {
    /// Nothing is known of it.
    #[default]
    Absent,
    /// It runs.
    Running {
        /// Whose it is.
        owner: OrganisationCode,
        /// What is said of it.
        description: Description,
    },
    /// It was taken out of service.
    Retired {
        /// Whose it was.
        owner: OrganisationCode,
        /// Since when.
        on: Date,
    },
}

/// What is said of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Who operates it.
    pub operator: OrganisationCode,
    /// Where it runs.
    pub hosting: Hosting,
    /// Whether it is integrated into the government cloud.
    pub integration: Integration,
    /// 网络安全等级保护, 1 to 5, if it was graded.
    pub protection_level: Option<u8>,
    /// The networks that it uses, in words.
    pub networks: BTreeSet<String>,
    /// Whether it holds personal data.
    pub holds_personal_data: bool,
    /// The agreement with the service provider that looks after it (R44.1).
    pub agreement: Option<AgreementId>,
}

/// Where a system runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosting {
    /// 政务云平台.
    GovernmentCloud,
    /// 自建机房.
    OwnDataCentre {
        /// Where that is, in words.
        place: String,
    },
    /// Elsewhere.
    Other {
        /// Where, in words.
        place: String,
    },
}

/// Whether a system is integrated into the government cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integration {
    /// It is.
    Integrated,
    /// It will be.
    Planned {
        /// The last day.
        due: Date,
    },
    /// 分散隔离.
    Isolated {
        /// Why.
        reason: String,
    },
}

/// What can be asked of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Registers it for the organisation of whoever asks.
    Register {
        /// What is said of it.
        description: Description,
        /// Today.
        on: Date,
        /// Who asks.
        by: Actor,
    },
    /// Says something else of it.
    Change {
        /// What is said from now on.
        description: Description,
        /// Today.
        on: Date,
        /// Who asks.
        by: Actor,
    },
    /// Takes it out of service.
    Retire {
        /// Since when.
        on: Date,
        /// Why, or what replaced it.
        reason: String,
        /// Who asks.
        by: Actor,
    },
}

/// What happened to a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was registered.
    Registered {
        /// Whose it is.
        owner: Owner,
        /// What is said of it.
        description: Description,
    },
    /// Something else is said of it.
    Changed {
        /// What is said from now on.
        description: Description,
    },
    /// It was taken out of service.
    Retired {
        /// Since when.
        on: Date,
        /// Why.
        reason: String,
    },
}

/// Why a command about a system was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not registered.
    #[error("system is not registered; register it first")]
    Absent,
    /// It was registered as something else.
    #[error("system is registered already; change it instead")]
    AlreadyRegistered,
    /// It was taken out of service.
    #[error("system was taken out of service on {on}; register a new one")]
    Retired {
        /// Since when.
        on: Date,
    },
    /// What is on the government cloud is what is integrated into it.
    #[error(
        "system is called integrated and does not run on the government cloud; say where it runs, \
         or that its integration is planned"
    )]
    IntegratedElsewhere,
    /// A plan lies ahead.
    #[error("integration is planned by {due}, which is over; name a day that is to come")]
    PlanOver {
        /// The last day.
        due: Date,
    },
    /// 等保 has five levels.
    #[error("protection level is {found}; 1 to 5 are there, and 0 for none")]
    ProtectionLevel {
        /// What was said.
        found: u8,
    },
    /// A system uses a handful of networks.
    #[error("{found} networks are named, at most {NETWORKS_MAX} are allowed")]
    TooManyNetworks {
        /// How many there are.
        found: usize,
    },
    /// A text is wrong.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

const NETWORKS_MAX: usize = 20;

impl Decider for System {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Register { description, on, by } => self.register(description, on, &by),
            Command::Change { description, on, by } => self.change(description, on, &by),
            Command::Retire { on, reason, by } => self.retire(on, reason, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (Self::Absent, Event::Registered { owner, description }) => {
                Self::Running { owner: owner.code, description }
            }
            (Self::Running { owner, .. }, Event::Changed { description }) => {
                Self::Running { owner, description }
            }
            (Self::Running { owner, .. }, Event::Retired { on, .. }) => Self::Retired { owner, on },
            (state, _) => state,
        }
    }
}

impl System {
    /// Whose it is, if it is registered.
    #[must_use]
    pub fn owner(&self) -> Option<OrganisationCode> {
        match self {
            Self::Absent => None,
            Self::Running { owner, .. } | Self::Retired { owner, .. } => Some(*owner),
        }
    }

    fn register(
        &self,
        description: Description,
        on: Date,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        match self {
            Self::Absent => {
                description.check(on)?;
                Ok(vec![Event::Registered { owner: Owner::of(by), description }])
            }
            Self::Running { owner, description: known } => {
                by.may_act_for(owner)?;
                match *known == description {
                    true => Ok(vec![]),
                    false => Err(Rejection::AlreadyRegistered),
                }
            }
            Self::Retired { on, .. } => Err(Rejection::Retired { on: *on }),
        }
    }

    fn change(
        &self,
        description: Description,
        on: Date,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        by.may_act_for(&self.owner().ok_or(Rejection::Absent)?)?;

        match self {
            Self::Running { description: known, .. } if *known == description => Ok(vec![]),
            Self::Running { .. } => {
                description.check(on)?;
                Ok(vec![Event::Changed { description }])
            }
            Self::Retired { on, .. } => Err(Rejection::Retired { on: *on }),
            Self::Absent => Err(Rejection::Absent),
        }
    }

    fn retire(&self, on: Date, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        by.may_act_for(&self.owner().ok_or(Rejection::Absent)?)?;

        match self {
            Self::Running { .. } => {
                text::required("reason", &reason, LONG_MAX)?;
                Ok(vec![Event::Retired { on, reason }])
            }
            Self::Retired { .. } | Self::Absent => Ok(vec![]),
        }
    }
}

impl Description {
    /// The first thing that is wrong with it.
    fn check(&self, today: Date) -> Result<(), Rejection> {
        text::required("name", &self.name, SHORT_MAX)?;
        match &self.hosting {
            Hosting::GovernmentCloud => {}
            Hosting::OwnDataCentre { place } | Hosting::Other { place } => {
                text::required("place", place, SHORT_MAX)?;
                if self.integration == Integration::Integrated {
                    return Err(Rejection::IntegratedElsewhere);
                }
            }
        }
        match &self.integration {
            Integration::Integrated => {}
            Integration::Planned { due } if *due < today => {
                return Err(Rejection::PlanOver { due: *due });
            }
            Integration::Planned { .. } => {}
            Integration::Isolated { reason } => {
                text::required("isolation reason", reason, LONG_MAX)?;
            }
        }
        match self.protection_level {
            None | Some(1..=5) => {}
            Some(found) => return Err(Rejection::ProtectionLevel { found }),
        }
        if self.networks.len() > NETWORKS_MAX {
            return Err(Rejection::TooManyNetworks { found: self.networks.len() });
        }
        for network in &self.networks {
            text::required("network", network, SHORT_MAX)?;
        }
        Ok(())
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "SYSTEM_ABSENT",
            Self::AlreadyRegistered => "SYSTEM_REGISTERED_OTHERWISE",
            Self::Retired { .. } => "SYSTEM_RETIRED",
            Self::IntegratedElsewhere => "SYSTEM_INTEGRATED_ELSEWHERE",
            Self::PlanOver { .. } => "SYSTEM_PLAN_OVER",
            Self::ProtectionLevel { .. } => "PROTECTION_LEVEL_UNKNOWN",
            Self::TooManyNetworks { .. } => "TOO_MANY_NETWORKS",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
