//! The archives of the exchange log (R23.2): a row of files that begin where the one before them ended, are sealed by their
//! digests, and are kept for five years at least.

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_decider::Decider;
use publicdata_types::{Digest, KeptYears, china_date};

use crate::SignedBytes;

/// The row of archives, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archives {
    sealed: Vec<Sealed>,
    /// How many of them are read from their files.
    trimmed: usize,
    /// How many of them are kept no longer.
    expired: usize,
}

/// An archive, as its seal names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Its place in the row, from 1.
    pub number: u32,
    /// Where its period begins.
    pub from: Timestamp,
    /// Where its period ends: the first moment after it.
    pub until: Timestamp,
    /// It holds what came to rest after this position of the log.
    pub after_sequence: u64,
    /// And not after this one.
    pub last_sequence: u64,
    /// The digest of the file.
    pub digest: Digest,
    /// All of this, as the bus signed it.
    pub signed: SignedBytes,
}

/// What is remembered of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The first moment after its period.
    pub until: Timestamp,
    /// The last position of the log that it holds.
    pub last_sequence: u64,
    /// The digest of the file.
    pub digest: Digest,
}

/// What can be done to the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Adds an archive, whose file was read back and found right.
    Seal(Archive),
    /// Has an archive, whose file was verified once more, read in the place of the near log.
    Trim {
        /// The archive.
        number: u32,
    },
    /// Keeps an archive no longer.
    Expire {
        /// The archive.
        number: u32,
        /// The time.
        at: Timestamp,
    },
}

/// What happened to the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An archive was added.
    Sealed(Archive),
    /// An archive is read in the place of the near log.
    Trimmed {
        /// The archive.
        number: u32,
    },
    /// An archive is kept no longer.
    Expired {
        /// The archive.
        number: u32,
    },
}

/// Why a command about the archives was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Another file is sealed under this number.
    #[error("archive {number} is sealed already, with the digest {digest}")]
    AlreadySealed {
        /// The archive.
        number: u32,
        /// Its digest.
        digest: Digest,
    },
    /// It is not the turn of this archive.
    #[error("archive {number} is not the next one; that is {next}")]
    NotNext {
        /// The archive.
        number: u32,
        /// The one whose turn it is.
        next: u32,
    },
    /// It does not begin where the one before it ended, or holds nothing.
    #[error("archive {number} does not follow the one before it: its {what} is wrong")]
    Misplaced {
        /// The archive.
        number: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// It has to be kept.
    #[error(
        "archive {number} has to be kept until {kept_until}: the law says {} years (R23.2)",
        KeptYears::MIN
    )]
    TooYoung {
        /// The archive.
        number: u32,
        /// The first day on which it need not be kept, in China.
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
            Command::Trim { number } if place(number) <= self.trimmed => Ok(vec![]),
            Command::Trim { number } => {
                self.must_be_next(number, self.trimmed, self.sealed.len())?;
                Ok(vec![Event::Trimmed { number }])
            }
            Command::Expire { number, .. } if place(number) <= self.expired => Ok(vec![]),
            Command::Expire { number, at } => {
                self.must_be_next(number, self.expired, self.trimmed)?;
                let kept_until = KeptYears::MIN.kept_until(self.sealed[self.expired].until);
                match china_date(at) < kept_until {
                    true => Err(Rejection::TooYoung { number, kept_until }),
                    false => Ok(vec![Event::Expired { number }]),
                }
            }
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Sealed(Archive { until, last_sequence, digest, .. }) => {
                let (until, last_sequence, digest) = (*until, *last_sequence, *digest);
                self.sealed.push(Sealed { until, last_sequence, digest });
            }
            Event::Trimmed { .. } => self.trimmed += 1,
            Event::Expired { .. } => self.expired += 1,
        }
        self
    }
}

impl Archives {
    /// The newest archive.
    #[must_use]
    pub fn last(&self) -> Option<&Sealed> {
        self.sealed.last()
    }

    /// The number of the next archive.
    #[must_use]
    pub fn next(&self) -> u32 {
        number(self.sealed.len() + 1)
    }

    /// The oldest archive whose transfers the near log still holds.
    #[must_use]
    pub fn next_to_trim(&self) -> Option<(u32, Sealed)> {
        self.sealed.get(self.trimmed).map(|sealed| (number(self.trimmed + 1), *sealed))
    }

    /// The oldest archive whose file is kept, of those that are read from their files.
    #[must_use]
    pub fn next_to_expire(&self) -> Option<(u32, Sealed)> {
        let kept = self.sealed[..self.trimmed].get(self.expired);
        kept.map(|sealed| (number(self.expired + 1), *sealed))
    }

    fn seal(&self, archive: Archive) -> Result<Vec<Event>, Rejection> {
        let number = archive.number;
        if let Some(sealed) = place(number).checked_sub(1).and_then(|place| self.sealed.get(place))
        {
            return match sealed.digest == archive.digest {
                true => Ok(vec![]),
                false => Err(Rejection::AlreadySealed { number, digest: sealed.digest }),
            };
        }
        if number != self.next() {
            return Err(Rejection::NotNext { number, next: self.next() });
        }
        let (from_min, after) = match self.last() {
            Some(last) => (last.until, last.last_sequence),
            None => (Timestamp::MIN, 0),
        };
        for (right, what) in [
            (archive.from >= from_min, "first day"),
            (archive.until > archive.from, "last day"),
            (archive.after_sequence == after, "first position"),
            (archive.last_sequence > after, "last position"),
        ] {
            if !right {
                return Err(Rejection::Misplaced { number, what });
            }
        }
        Ok(vec![Event::Sealed(archive)])
    }

    /// What was done to `done` archives, and can be done to the first `most`, is done to the next one.
    fn must_be_next(&self, asked: u32, done: usize, most: usize) -> Result<(), Rejection> {
        let next = done + 1;
        match place(asked) == next && next <= most {
            true => Ok(()),
            false => Err(Rejection::NotNext { number: asked, next: number(next) }),
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::AlreadySealed { .. } => "ARCHIVE_SEALED",
            Self::NotNext { .. } => "ARCHIVE_NOT_NEXT",
            Self::Misplaced { .. } => "ARCHIVE_MISPLACED",
            Self::TooYoung { .. } => "ARCHIVE_TOO_YOUNG",
        }
    }
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
