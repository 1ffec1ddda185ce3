//! A rule as it is written.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A file of rules.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Rules that come with the platform and are not applied.
    #[serde(default)]
    pub off: Vec<String>,
    /// What is remembered of things, by service and aggregate, such as `catalog.resource`.
    #[serde(default)]
    pub things: BTreeMap<String, Things>,
    /// The rules.
    #[serde(default)]
    pub rule: Vec<Definition>,
}

/// What is remembered of the things of a kind, so that rules can ask for it when more happens to them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Things {
    /// The fields of their events; of each, the last value.
    pub keep: Vec<String>,
    /// The events after which a thing is forgotten.
    #[serde(default)]
    pub until: Vec<String>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name, which stands in what it finds.
    pub name: String,
    /// What it finds.
    #[serde(default)]
    pub kind: Kind,
    /// Which number of article 46 it is about, 1 to 11.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<u8>,
    /// The article that it holds events against.
    pub article: String,
    /// What it finds, in a few words.
    pub title: String,
    /// The code of the organisation that it finds it against: CEL.
    pub organisation: String,
    /// What raises a finding.
    pub raise: Raise,
    /// What clears it, one or the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<Clear>,
}

/// What a rule finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A breach of the regulation (article 46).
    #[default]
    Breach,
    /// Unusual use of data (article 45).
    UnusualUse,
}

/// What raises a finding. Without `due`, `after_days`, `count` or `new`, the event alone does.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Raise {
    /// Types of events, without `publicdata.`.
    pub on: Vec<String>,
    /// Only if this holds: CEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What findings are told apart by: CEL; by default the thing's id. For each, one finding holds at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Only once this day (ISO 8601) has passed, unless it is cleared before: CEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// Only once so many days have passed, unless it is cleared before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_days: Option<u16>,
    /// Only if there is much of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
    /// Only if it was never seen before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<New>,
}

/// What clears a finding.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Clear {
    /// Types of events, without `publicdata.`.
    pub on: Vec<String>,
    /// Only if this holds: CEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Which finding: CEL; by default the thing's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Nothing more is found for this key afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub for_good: bool,
}

/// So much within a time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// From how much on.
    pub at_least: i64,
    /// Within which time, such as `24h`.
    pub within: SignedDuration,
    /// How much an event counts: CEL, a whole number; by default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// And how much more than usual: not before something is known of what is usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
}

/// More than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// How many times as long the usual is taken from, before that time.
    pub windows: u16,
    /// How many times the usual it has to be.
    pub factor: u16,
}

/// A value that was never seen before. What is found stands for a day.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// The value, or a list of them: CEL.
    pub value: String,
    /// Only after so many events.
    pub after: u64,
}

impl Definition {
    /// The types of events that it looks at.
    pub(super) fn event_types(&self) -> impl Iterator<Item = &String> {
        self.raise.on.iter().chain(self.clear.iter().flat_map(|clear| &clear.on))
    }
}
