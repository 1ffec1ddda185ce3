//! The sealed archives of an event stream (R23.2): a row of files, each of which begins right after the one before it. What has been kept
//! for long enough is released from its source, the stream, and is then read from them.

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Digest, KeptYears, OrganisationCode, china_date};

use crate::proof::Root;

/// The streams whose events may be dropped once archives hold them. It is the one that grows with every transfer. The others are small
/// beside it, and are needed whole where there are no archives: nodes and districts keep copies of `CATALOG`, and `AUDIT` names the
/// archives themselves.
pub const RELEASABLE: [&str; 1] = ["EXCHANGE"];

/// The row of archives of one stream, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archives {
    sealed: Vec<Archive>,
    released: u64,
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

/// What can be done to the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Adds an archive, whose file was read back, and its events held against the log.
    Seal(Archive),
    /// Lets the stream drop its events up to one, the last of an archive, whose files were read back once more.
    Release {
        /// The stream.
        stream: String,
        /// The sequence of the last of them.
        last_sequence: u64,
        /// Who decides it.
        author: OrganisationCode,
        /// When.
        at: Timestamp,
    },
}

/// What happened to the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An archive was added.
    Archived(Archive),
    /// The stream may drop its events up to one.
    Released(Release),
}

/// What a stream may drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The stream.
    pub stream: String,
    /// The sequence of the last event that it may drop: all before it as well.
    pub last_sequence: u64,
    /// The latest time at which the store received one of those that were not released before.
    pub latest_recorded_at: Timestamp,
    /// Who decided it.
    pub author: OrganisationCode,
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
    /// The stream is needed whole.
    #[error(
        "events of stream {stream} stay where they are: it is needed whole, beside its archives"
    )]
    Needed {
        /// The stream.
        stream: String,
    },
    /// No archive ends there.
    #[error(
        "no archive of stream {stream} ends with event {last_sequence}; events are released by whole archives"
    )]
    NotArchived {
        /// The stream.
        stream: String,
        /// The last event that was to be released.
        last_sequence: u64,
    },
    /// Events have to stay for longer.
    #[error(
        "events of stream {stream} up to {last_sequence} are kept in it until {kept_until} (five years, R23.2)"
    )]
    TooYoung {
        /// The stream.
        stream: String,
        /// The last event that was to be released.
        last_sequence: u64,
        /// The day, in China, on which they may be.
        kept_until: Date,
    },
}

impl Decider for Archives {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Seal(archive) => self.seal(archive),
            Command::Release { stream, last_sequence, author, at } => {
                self.release(stream, last_sequence, author, at)
            }
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Archived(archive) => self.sealed.push(archive.clone()),
            Event::Released(Release { last_sequence, .. }) => self.released = *last_sequence,
        }
        self
    }
}

impl Archives {
    /// The archives, the oldest first.
    #[must_use]
    pub fn sealed(&self) -> &[Archive] {
        &self.sealed
    }

    /// The sequence of the last event that is archived; 0 for none.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.sealed.last().map_or(0, |sealed| sealed.last_sequence)
    }

    /// The sequence of the last event that the stream may have dropped; 0 for none.
    #[must_use]
    pub const fn released(&self) -> u64 {
        self.released
    }

    /// The archives that may be released at this moment and have not been: those of events that were kept for five years, up to the first of
    /// others.
    pub fn due(&self, at: Timestamp) -> impl Iterator<Item = &Archive> {
        let today = china_date(at);
        let is_due = move |archive: &&Archive| kept_until(archive.latest_recorded_at) <= today;
        self.unreleased().take_while(is_due)
    }

    fn unreleased(&self) -> impl Iterator<Item = &Archive> {
        self.sealed.iter().filter(|archive| archive.last_sequence > self.released)
    }

    fn seal(&self, archive: Archive) -> Result<Vec<Event>, Rejection> {
        let Archive { first_sequence, last_sequence, digest, .. } = archive;
        let is_same = |sealed: &Archive| {
            let Archive { first_sequence: first, last_sequence: last, digest: of, .. } = *sealed;
            (first, last, of) == (first_sequence, last_sequence, digest)
        };
        if self.sealed.iter().any(is_same) {
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

    fn release(
        &self,
        stream: String,
        last_sequence: u64,
        author: OrganisationCode,
        at: Timestamp,
    ) -> Result<Vec<Event>, Rejection> {
        if !RELEASABLE.contains(&stream.as_str()) {
            return Err(Rejection::Needed { stream });
        }
        if last_sequence <= self.released {
            return Ok(vec![]);
        }
        let covered =
            self.unreleased().take_while(|archive| archive.last_sequence <= last_sequence);
        let covered: Vec<&Archive> = covered.collect();
        let latest = covered.iter().map(|archive| archive.latest_recorded_at).max();
        let ends = covered.last().is_some_and(|archive| archive.last_sequence == last_sequence);
        let Some(latest_recorded_at) = latest.filter(|_| ends) else {
            return Err(Rejection::NotArchived { stream, last_sequence });
        };
        let kept_until = kept_until(latest_recorded_at);
        match kept_until <= china_date(at) {
            true => {
                let release = Release { stream, last_sequence, latest_recorded_at, author };
                Ok(vec![Event::Released(release)])
            }
            false => Err(Rejection::TooYoung { stream, last_sequence, kept_until }),
        }
    }
}

/// The day, in China, until which an event that was received at this moment stays in its stream.
fn kept_until(recorded_at: Timestamp) -> Date {
    KeptYears::MIN.kept_until(recorded_at)
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
            Self::Needed { .. } => "STREAM_NEEDED",
            Self::NotArchived { .. } => "NOT_ARCHIVED",
            Self::TooYoung { .. } => "KEPT_TOO_SHORT",
        }
    }
}

#[cfg(test)]
mod tests;
