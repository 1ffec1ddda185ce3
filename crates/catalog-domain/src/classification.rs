//! A classification numbers its resources, so that their codes are unique (R12.2).

use std::collections::BTreeMap;
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
        let Command::AssignSerial { resource } = command;
        match self.serial(&resource) {
            Some(_) => Ok(vec![]),
            None => Ok(vec![Event::SerialAssigned { resource, serial: self.last + 1 }]),
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
}

#[cfg(test)]
mod tests;
