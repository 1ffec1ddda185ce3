//! The sealed archives of an event stream (R23.2): a row of files, each of which begins right after the one before it.

use jiff::Timestamp;
use publicdata_decider::Decider;
use publicdata_types::Digest;

use crate::proof::Root;

/// The row of archives of one stream, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archives {
    sealed: Vec<Sealed>,
}

/// An archive, as its seal describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The stream.
    pub stream: String,
    /// The sequence of its first event.
    pub first_sequence: u64,
    /// The sequence of its last event.
    pub last_sequence: u64,
    /// The earliest time at which the store received one of its events.
    pub earliest_recorded_at: Timestamp,
    /// The latest time at which the store received one of its events.
    pub latest_recorded_at: Timestamp,
    /// The file, below the place of archives.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// The digest of the whole file.
    pub digest: Digest,
    /// The log's tree that its events were held against.
    pub log: Root,
    /// How the file is laid out.
    pub layout: u32,
}

/// What is remembered of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The sequence of its first event.
    pub first_sequence: u64,
    /// The sequence of its last event.
    pub last_sequence: u64,
    /// The digest of its file.
    pub digest: Digest,
}

/// What can be done to the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Adds an archive, whose file was read back, and its events held against the log.
    Seal(Archive),
}

/// What happened to the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An archive was added.
    Archived(Archive),
}

/// Why a command was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Other archives hold these events.
    #[error(
        "events from {first_sequence} on are archived already, up to {last_sequence}; another archivist was faster"
    )]
    Archived {
        /// The first event of the archive that was to be added.
        first_sequence: u64,
        /// The last event that is archived.
        last_sequence: u64,
    },
    /// Events before it would be in no archive.
    #[error("archive begins with event {first_sequence}; the next one to archive is {next}")]
    Gap {
        /// The first event of the archive that was to be added.
        first_sequence: u64,
        /// The event that has to come next.
        next: u64,
    },
    /// It holds nothing.
    #[error("archive ends with event {last_sequence}, before its first one")]
    Empty {
        /// What it says to be its last event.
        last_sequence: u64,
    },
    /// The tree that it was held against cannot have its events.
    #[error("archive of {events} events was held against a tree of {size} leaves")]
    TreeTooSmall {
        /// How many events it has.
        events: u64,
        /// How many leaves the tree has.
        size: u64,
    },
}

impl Decider for Archives {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        let Command::Seal(archive) = command;
        let Archive { first_sequence, last_sequence, digest, .. } = archive;
        if self.sealed.contains(&Sealed { first_sequence, last_sequence, digest }) {
            return Ok(vec![]);
        }
        let next = self.last_sequence() + 1;
        if first_sequence < next {
            let last_sequence = self.last_sequence();
            return Err(Rejection::Archived { first_sequence, last_sequence });
        }
        if first_sequence > next {
            return Err(Rejection::Gap { first_sequence, next });
        }
        let Some(events) = (last_sequence + 1).checked_sub(first_sequence).filter(|many| *many > 0)
        else {
            return Err(Rejection::Empty { last_sequence });
        };
        let size = archive.log.size;
        match events <= size {
            true => Ok(vec![Event::Archived(archive)]),
            false => Err(Rejection::TreeTooSmall { events, size }),
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        let Event::Archived(Archive { first_sequence, last_sequence, digest, .. }) = event;
        let (first_sequence, last_sequence) = (*first_sequence, *last_sequence);
        self.sealed.push(Sealed { first_sequence, last_sequence, digest: *digest });
        self
    }
}

impl Archives {
    /// The archives, the oldest first.
    #[must_use]
    pub fn sealed(&self) -> &[Sealed] {
        &self.sealed
    }

    /// The sequence of the last event that is archived; 0 for none.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.sealed.last().map_or(0, |sealed| sealed.last_sequence)
    }
}

impl Archive {
    /// How many events it has: sequences have no gaps.
    #[must_use]
    pub const fn events(&self) -> u64 {
        (self.last_sequence + 1).saturating_sub(self.first_sequence)
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Archived { .. } => "STREAM_ARCHIVED",
            Self::Gap { .. } => "ARCHIVE_GAP",
            Self::Empty { .. } => "ARCHIVE_EMPTY",
            Self::TreeTooSmall { .. } => "ARCHIVE_UNPROVEN",
        }
    }
}

#[cfg(test)]
mod tests;
