//! Another platform whose catalogue is harvested, and how far that has come (R23.3).

use publicdata_decider::Decider;
use publicdata_types::{Actor, Denied, RegionCode};

/// A source of other platforms' datasets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HarvestSource {
    /// Nobody registered it.
    #[default]
    Absent,
    /// It can be harvested.
    Registered {
        /// What it is.
        registration: Registration,
        /// Where the next harvest goes on; empty: from the first dataset.
        cursor: String,
    },
}

/// What is said of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// What it is called.
    pub name: String,
    /// How it offers its catalogue.
    pub kind: Kind,
    /// Where.
    pub url: String,
    /// Who runs the platform.
    pub platform: String,
    /// The division of the authority that registered it.
    pub region: RegionCode,
}

/// How another platform offers its catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// DCAT, in Turtle, RDF/XML or JSON-LD.
    Dcat,
    /// The API of a CKAN site.
    Ckan,
}

/// How far a part of a harvest came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advance {
    /// Where the next harvest goes on; empty: from the first dataset.
    pub cursor: String,
    /// How many datasets were new or had changed.
    pub taken: u32,
    /// How many were gone.
    pub gone: u32,
    /// How many could not be read.
    pub refused: u32,
    /// Whether the end of the source's catalogue was reached.
    pub reached: Reached,
}

/// How much of a source's catalogue was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reached {
    /// A part.
    #[default]
    Part,
    /// All of it.
    End,
}

/// What can be asked of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Registers it.
    Register {
        /// What it is called.
        name: String,
        /// How it offers its catalogue.
        kind: Kind,
        /// Where.
        url: String,
        /// Who runs the platform.
        platform: String,
        /// The authority.
        by: Actor,
    },
    /// Records that a part of its catalogue was taken in.
    Advance {
        /// How far.
        advance: Advance,
        /// The authority that registered it, or one above it.
        by: Actor,
    },
}

/// What happened to a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was registered.
    Registered(Registration),
    /// A part of its catalogue was taken in.
    Advanced(Advance),
}

/// Why a command about a source was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nobody registered it.
    #[error("harvest source does not exist; register it first")]
    Absent,
    /// It is registered with other particulars.
    #[error("harvest source is registered with other particulars; register another one")]
    AlreadyRegistered,
    /// A text that must be there is empty.
    #[error("{field} is empty")]
    Empty {
        /// Which.
        field: &'static str,
    },
    /// A text is too long.
    #[error("{field} has more than {max} characters")]
    TooLong {
        /// Which.
        field: &'static str,
        /// How many it may have.
        max: usize,
    },
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

const NAME_LENGTH_MAX: usize = 200;
const URL_LENGTH_MAX: usize = 2_000;
const CURSOR_LENGTH_MAX: usize = 2_000;

impl Decider for HarvestSource {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Register { name, kind, url, platform, by } => {
                by.may_govern(&by.region)?;
                let registration = Registration { name, kind, url, platform, region: by.region };
                self.register(registration)
            }
            Command::Advance { advance, by } => self.advance(advance, &by),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match (self, event.clone()) {
            (_, Event::Registered(registration)) => {
                Self::Registered { registration, cursor: String::new() }
            }
            (Self::Registered { registration, .. }, Event::Advanced(advance)) => {
                Self::Registered { registration, cursor: advance.cursor }
            }
            (Self::Absent, Event::Advanced(_)) => Self::Absent,
        }
    }
}

impl HarvestSource {
    /// What is said of it, if it is registered.
    #[must_use]
    pub fn registration(&self) -> Option<&Registration> {
        match self {
            Self::Absent => None,
            Self::Registered { registration, .. } => Some(registration),
        }
    }

    /// Whether the caller may hand over what this source offers.
    ///
    /// # Errors
    /// Nobody registered it, or the caller is no authority over its region.
    pub fn may_harvest(&self, by: &Actor) -> Result<(), Rejection> {
        let registration = self.registration().ok_or(Rejection::Absent)?;
        Ok(by.may_govern(&registration.region)?)
    }

    fn register(&self, registration: Registration) -> Result<Vec<Event>, Rejection> {
        for (field, text, max) in [
            ("name", &registration.name, NAME_LENGTH_MAX),
            ("url", &registration.url, URL_LENGTH_MAX),
            ("platform", &registration.platform, NAME_LENGTH_MAX),
        ] {
            match text.chars().count() {
                _ if text.trim().is_empty() => return Err(Rejection::Empty { field }),
                length if length > max => return Err(Rejection::TooLong { field, max }),
                _ => {}
            }
        }
        match self.registration() {
            None => Ok(vec![Event::Registered(registration)]),
            Some(known) if *known == registration => Ok(vec![]),
            Some(_) => Err(Rejection::AlreadyRegistered),
        }
    }

    fn advance(&self, advance: Advance, by: &Actor) -> Result<Vec<Event>, Rejection> {
        self.may_harvest(by)?;
        if advance.cursor.chars().count() > CURSOR_LENGTH_MAX {
            return Err(Rejection::TooLong { field: "cursor", max: CURSOR_LENGTH_MAX });
        }
        let Self::Registered { cursor, .. } = self else { return Err(Rejection::Absent) };
        let says_nothing = advance.cursor == *cursor
            && advance.reached == Reached::Part
            && (advance.taken, advance.gone, advance.refused) == (0, 0, 0);
        Ok(if says_nothing { vec![] } else { vec![Event::Advanced(advance)] })
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Absent => "HARVEST_SOURCE_ABSENT",
            Self::AlreadyRegistered => "HARVEST_SOURCE_ALREADY_REGISTERED",
            Self::Empty { .. } => "TEXT_MISSING",
            Self::TooLong { .. } => "TEXT_TOO_LONG",
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
