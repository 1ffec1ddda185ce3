//! Names that mean the same, as the authority declares them: of entities, or of items.

use std::collections::BTreeMap;

use publicdata_decider::Decider;
use publicdata_types::{Actor, Denied};

use crate::likeness::key;
use crate::text::{TextMistake, required};

/// Groups of synonyms. The first name of a group is the preferred one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    groups: BTreeMap<u32, Vec<String>>,
    /// The group of each name, by the name's key.
    group_of: BTreeMap<String, u32>,
    last: u32,
}

/// What can be asked of a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Declares that names mean the same.
    Declare {
        /// The names, the preferred one first.
        terms: Vec<String>,
        /// Who declares it.
        by: Actor,
    },
    /// Takes a name out of its group: it means something else.
    Withdraw {
        /// The name.
        term: String,
        /// Why.
        reason: String,
        /// Who withdraws it.
        by: Actor,
    },
}

/// What happened to a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Names were declared to mean the same; groups that share one are one.
    Declared {
        /// The names, the preferred one first.
        terms: Vec<String>,
    },
    /// A name was taken out of its group.
    Withdrawn {
        /// The name.
        term: String,
        /// Why.
        reason: String,
    },
}

/// Why a command about a vocabulary was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// One name alone has no synonym.
    #[error("at least two different names are needed, spaces and punctuation aside; found {found}")]
    TooFew {
        /// How many different names there are.
        found: usize,
    },
    /// More names than a person would look through.
    #[error("{found} names are declared at once, at most {max} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// The vocabulary has no such name.
    #[error("vocabulary has no synonyms of {term}; look at the vocabulary first")]
    Unknown {
        /// The name.
        term: String,
    },
    /// A text is empty or too long.
    #[error(transparent)]
    Text(#[from] TextMistake),
    /// The caller may not do this.
    #[error(transparent)]
    Denied(#[from] Denied),
}

const TERMS_MAX: usize = 100;
const TERM_LENGTH_MAX: usize = 100;

impl Decider for Vocabulary {
    type Command = Command;
    type Event = Event;
    type Rejection = Rejection;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Declare { terms, by } => {
                by.may_govern_city()?;
                self.declare(terms)
            }
            Command::Withdraw { term, reason, by } => {
                by.may_govern_city()?;
                let reason = required("reason", &reason, 2_000)?;
                match self.group(&key::title(&term)) {
                    Some(_) => Ok(vec![Event::Withdrawn { term, reason }]),
                    None => Err(Rejection::Unknown { term }),
                }
            }
        }
    }

    fn evolve(mut self, event: &Event) -> Self {
        match event {
            Event::Declared { terms } => self.unite(terms),
            Event::Withdrawn { term, reason: _ } => self.remove(term),
        }
        self
    }
}

impl Vocabulary {
    /// The preferred name of what has this key.
    #[must_use]
    pub fn preferred_of_key(&self, key: &str) -> Option<&str> {
        self.group(key).and_then(|names| names.first()).map(String::as_str)
    }

    /// All names of what has this name, itself among them.
    #[must_use]
    pub fn names_of(&self, name: &str) -> Vec<String> {
        match self.group(&key::title(name)) {
            Some(names) => names.to_vec(),
            None => vec![name.to_owned()],
        }
    }

    /// Every group, the preferred name first.
    pub fn groups(&self) -> impl Iterator<Item = &[String]> {
        self.groups.values().map(Vec::as_slice)
    }

    fn group(&self, key: &str) -> Option<&[String]> {
        self.group_of.get(key).and_then(|group| self.groups.get(group)).map(Vec::as_slice)
    }

    fn declare(&self, terms: Vec<String>) -> Result<Vec<Event>, Rejection> {
        if terms.len() > TERMS_MAX {
            return Err(Rejection::TooMany { found: terms.len(), max: TERMS_MAX });
        }
        let mut different: Vec<(String, String)> = Vec::new();
        for term in &terms {
            let term = required("name", term, TERM_LENGTH_MAX)?;
            let key = key::title(&term);
            if key.is_empty() {
                return Err(TextMistake::Empty { field: "name" }.into());
            }
            if !different.iter().any(|(known, _)| *known == key) {
                different.push((key, term));
            }
        }
        if different.len() < 2 {
            return Err(Rejection::TooFew { found: different.len() });
        }
        let mut groups: Vec<_> = different.iter().map(|(key, _)| self.group_of.get(key)).collect();
        groups.dedup();
        match groups.as_slice() {
            [Some(_)] => Ok(vec![]),
            _ => Ok(vec![Event::Declared {
                terms: different.into_iter().map(|(_, term)| term).collect(),
            }]),
        }
    }

    /// The first name that is known keeps the name that its group prefers.
    fn unite(&mut self, terms: &[String]) {
        let keys: Vec<String> = terms.iter().map(|term| key::title(term)).collect();
        let group = match keys.iter().find_map(|key| self.group_of.get(key)) {
            Some(group) => *group,
            None => {
                self.last += 1;
                self.last
            }
        };
        let mut names = self.groups.remove(&group).unwrap_or_default();
        for (key, term) in keys.into_iter().zip(terms) {
            match self.group_of.get(&key).copied() {
                Some(known) if known == group => {}
                Some(other) => {
                    let joining = self.groups.remove(&other).unwrap_or_default();
                    for name in &joining {
                        self.group_of.insert(key::title(name), group);
                    }
                    names.extend(joining);
                }
                None => {
                    self.group_of.insert(key, group);
                    names.push(term.clone());
                }
            }
        }
        self.groups.insert(group, names);
    }

    /// A name that stays behind alone has no synonym any more.
    fn remove(&mut self, term: &str) {
        let key = key::title(term);
        let Some(group) = self.group_of.remove(&key) else { return };
        let mut names = self.groups.remove(&group).unwrap_or_default();
        names.retain(|name| key::title(name) != key);
        match names.as_slice() {
            [alone] => {
                self.group_of.remove(&key::title(alone));
            }
            _ => {
                self.groups.insert(group, names);
            }
        }
    }
}

impl Rejection {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooFew { .. } => "SYNONYMS_TOO_FEW",
            Self::TooMany { .. } => "SYNONYMS_TOO_MANY",
            Self::Unknown { .. } => "SYNONYM_UNKNOWN",
            Self::Text(mistake) => mistake.reason(),
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
