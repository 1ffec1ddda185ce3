//! A classification numbers its resources, so that their codes are unique (R12.2), and has a name (R15.1).

pub mod tree;

use std::collections::BTreeMap;

use publicdata_decider::Decider;
use publicdata_types::classification::Depth;
use publicdata_types::region::Level;
use publicdata_types::{Actor, ClassificationCode, Denied, ResourceId};

/// The serial numbers given within one classification code, and what an authority named it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classification {
    name: Option<String>,
    serials: BTreeMap<ResourceId, u64>,
    last: u64,
}

/// What can be asked of a classification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Gives a resource a serial number, for good.
    AssignSerial {
        /// The resource.
        resource: ResourceId,
    },
    /// Adds the node to the tree, or names it anew.
    Name {
        /// The node's code.
        code: ClassificationCode,
        /// What it is called.
        name: String,
        /// Whether the node above it stands in the tree.
        parent_known: bool,
        /// Who names it.
        by: Actor,
    },
}

/// What happened to a classification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A resource got its serial number.
    SerialAssigned {
        /// The resource.
        resource: ResourceId,
        /// Its number, from 1, without gaps.
        serial: u64,
    },
    /// The node stands in the tree under this name from now on.
    Named {
        /// What it is called.
        name: String,
    },
}

/// Why a command about a classification was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The regulation and the national guide named it.
    #[error("classification {code} is named by the regulation; name nodes below it")]
    BuiltIn {
        /// The node.
        code: ClassificationCode,
    },
    /// The node above is not in the tree.
    #[error("classification {code} lies under a node that has no name; name the node above first")]
    ParentUnknown {
        /// The node.
        code: ClassificationCode,
    },
    /// A node has a name.
    #[error("name is empty; say what the node is called")]
    NameMissing,
    /// Names are short.
    #[error("name has {found} characters, at most {max} are allowed")]
    NameTooLong {
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// There is one tree for the whole city.
    #[error("the classification is the whole city's; ask the city's authority to name it")]
    DistrictAuthority,
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

const NAME_LENGTH_MAX: usize = 100;

impl Decider for Classification {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::AssignSerial { resource } => match self.serial(&resource) {
                Some(_) => Ok(vec![]),
                None => Ok(vec![Event::SerialAssigned { resource, serial: self.last + 1 }]),
            },
            Command::Name { code, name, parent_known, by } => {
                may_name(&code, &name, &by)?;
                if !parent_known {
                    return Err(Rejection::ParentUnknown { code });
                }
                match self.name.as_deref() == Some(name.as_str()) {
                    true => Ok(vec![]),
                    false => Ok(vec![Event::Named { name }]),
                }
            }
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::SerialAssigned { resource, serial } => {
                self.serials.entry(*resource).or_insert(*serial);
                self.last = self.last.max(*serial);
            }
            Event::Named { name } => self.name = Some(name.clone()),
        }
        self
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::BuiltIn { .. } => "CLASSIFICATION_BUILT_IN",
            Self::ParentUnknown { .. } => "CLASSIFICATION_PARENT_UNKNOWN",
            Self::NameMissing => "NAME_MISSING",
            Self::NameTooLong { .. } => "NAME_TOO_LONG",
            Self::DistrictAuthority => "DISTRICT_AUTHORITY",
            Self::Denied(denied) => denied.reason(),
        }
    }
}

impl Classification {
    /// The serial number of a resource, if it has one.
    #[must_use]
    pub fn serial(&self, resource: &ResourceId) -> Option<u64> {
        self.serials.get(resource).copied()
    }
}

/// There is one tree: the city's authority names what is not named by the regulation, and a district's does not.
fn may_name(code: &ClassificationCode, name: &str, by: &Actor) -> Result<(), Rejection> {
    by.may_govern(&by.region)?;
    if by.region.level() == Level::County {
        return Err(Rejection::DistrictAuthority);
    }
    if code.depth() == Depth::Class || tree::built_in_name(code).is_some() {
        return Err(Rejection::BuiltIn { code: code.clone() });
    }
    let found = name.chars().count();
    match found {
        _ if name.trim().is_empty() => Err(Rejection::NameMissing),
        ..=NAME_LENGTH_MAX => Ok(()),
        _ => Err(Rejection::NameTooLong { found, max: NAME_LENGTH_MAX }),
    }
}

#[cfg(test)]
mod tests;
