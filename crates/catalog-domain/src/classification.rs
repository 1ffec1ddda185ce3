//! A classification numbers its resources, so that their codes are unique (R12.2).

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use publicdata_decider::Decider;
use publicdata_types::ResourceId;

/// The serial numbers given within one classification code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classification {
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
    /// Gives each of these resources a serial number, in their order: many entries are written at once.
    AssignSerials {
        /// The resources.
        resources: Vec<ResourceId>,
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
}

impl Decider for Classification {
    type Command = Command;
    type Event = Event;
    type Rejection = Infallible;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Infallible> {
        match command {
            Command::AssignSerial { resource } => Ok(self.assign([resource])),
            Command::AssignSerials { resources } => Ok(self.assign(resources)),
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        let Event::SerialAssigned { resource, serial } = event;
        self.serials.entry(*resource).or_insert(*serial);
        self.last = self.last.max(*serial);
        self
    }
}

impl Classification {
    /// The serial number of a resource, if it has one.
    #[must_use]
    pub fn serial(&self, resource: &ResourceId) -> Option<u64> {
        self.serials.get(resource).copied()
    }

    /// The next numbers, for those resources that have none yet.
    fn assign(&self, resources: impl IntoIterator<Item = ResourceId>) -> Vec<Event> {
        let mut lacking = BTreeSet::new();
        resources
            .into_iter()
            .filter(|resource| self.serial(resource).is_none() && lacking.insert(*resource))
            .zip(self.last + 1..)
            .map(|(resource, serial)| Event::SerialAssigned { resource, serial })
            .collect()
    }
}

#[cfg(test)]
mod tests;
