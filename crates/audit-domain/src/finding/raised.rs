//! What was found, where, by whom.

use jiff::civil::Date;
use publicdata_types::{Digest, OrganisationCode, Prose, RegionCode};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// What it is about.
    pub matter: Matter,
    /// The article that was not kept, such as `第二十六条`.
    pub article: String,
    /// What was found, in a few words.
    pub title: String,
    /// Against whom.
    pub organisation: OrganisationCode,
    /// The organisation's division then.
    pub region: RegionCode,
    /// The subject of the thing that it was found at, if it is about one thing.
    pub thing: Option<String>,
    /// The events that show it, in the order of the log.
    pub evidence: Vec<Position>,
    /// The day from which it holds.
    pub found_on: Date,
    /// Who found it.
    pub source: Source,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// A breach of the regulation: which number of article 46 it is.
    Breach {
        /// 1 to 11.
        clause: u8,
    },
    /// Unusual use of data (R45.1).
    UnusualUse,
}

/// Who found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A rule, from events alone.
    Rule {
        /// Its name.
        name: String,
        /// Of the rule as it was applied.
        digest: Digest,
        /// What was counted, if anything.
        measured: Option<String>,
    },
    /// An authority.
    Authority {
        /// Which.
        author: OrganisationCode,
        /// What it says.
        description: Prose,
    },
}

/// An event's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The stream.
    pub stream: String,
    /// The sequence number in it.
    pub sequence: u64,
}
