//! Whether two items say the same of the same kind of thing, and why one should think so (R17.1, R18.1).
//!
//! Strong reasons refuse a second source or a second collection. Weak ones are settled by a person, who says in what the two
//! differ: two titles one character apart may be a slip of the pen (`出生日期`, `出身日期`) or two data (`省级代码`, `市级代码`).

pub mod key;

use std::fmt;
use std::sync::Arc;

use crate::vocabulary::Vocabulary;

/// What an item says of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datum {
    /// 数据对象: what each row is about; empty if it is not said.
    pub entity: String,
    /// The item's identifier; may be empty.
    pub name: String,
    /// The item's name for people.
    pub title: String,
}

/// Both vocabularies that the authority maintains: a fact that comes in with commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabularies {
    /// Synonyms of entities: 自然人, 公民.
    pub entities: Vocabulary,
    /// Synonyms of items: 身份证号, 公民身份号码; identifiers as well.
    pub items: Vocabulary,
}

/// Why two items are thought to be the same datum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Their titles are the same, but for spaces, punctuation, width of characters and filling words.
    SameTitle,
    /// The authority's vocabulary knows them as one.
    Synonyms {
        /// The name that the vocabulary prefers.
        preferred: String,
    },
    /// Their identifiers are the same, but for capitals and underscores.
    SameIdentifier,
    /// Their identifiers are the same, and so common (`code`, `name`) that they say little.
    CommonIdentifier,
    /// Their titles differ in one character.
    NearTitle,
    /// Their titles are the same or synonyms, and one of them does not say what its rows are about.
    EntityUnsaid,
}

/// What follows from a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// A person decides.
    Weak,
    /// It is the same datum.
    Strong,
}

/// A datum that is ready to be compared with many.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The group or the key of the entity; `None` if it is not said.
    entity: Option<String>,
    identifier: String,
    /// The title's key, and the same without the entity's name before it.
    titles: [String; 2],
    /// The names under which the vocabulary knows it.
    preferred: Vec<String>,
}

/// Titles from this length on may be one character apart.
const NEAR_TITLE_LENGTH_MIN: usize = 4;

impl Vocabularies {
    /// A datum that is ready to be compared with many.
    #[must_use]
    pub fn probe(&self, datum: &Datum) -> Probe {
        let title = key::title(&datum.title);
        let bare = match self.entities.names_of(&datum.entity) {
            names if datum.entity.trim().is_empty() || names.is_empty() => title.clone(),
            names => key::without_entity(&title, names.iter().map(|name| key::title(name))),
        };
        let identifier = key::identifier(&datum.name);
        let known = [title.as_str(), bare.as_str(), identifier.as_str()];
        let known = known.into_iter().filter_map(|key| self.items.preferred_of_key(key));
        let mut preferred: Vec<String> = known.map(ToOwned::to_owned).collect();
        preferred.dedup();
        Probe {
            entity: self.entity_key(&datum.entity),
            identifier,
            titles: [title, bare],
            preferred,
        }
    }

    /// The one key of an entity and all its synonyms; `None` if it is not said.
    #[must_use]
    pub fn entity_key(&self, entity: &str) -> Option<String> {
        let key = key::title(entity);
        if key.is_empty() {
            return None;
        }
        Some(self.entities.preferred_of_key(&key).map_or(key, key::title))
    }

    /// Why two items are thought to be the same datum, if they are.
    #[must_use]
    pub fn like(&self, left: &Datum, right: &Datum) -> Option<Why> {
        self.probe(left).like(&self.probe(right))
    }

    /// The same, for a command that carries them.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

impl Probe {
    /// Why it and the other are thought to be the same datum, if they are: the strongest reason there is.
    #[must_use]
    pub fn like(&self, other: &Self) -> Option<Why> {
        match (&self.entity, &other.entity) {
            (Some(left), Some(right)) if left == right => self.like_within_entity(other),
            (Some(_), Some(_)) => None,
            (None, _) | (_, None) => self.like_without_entity(other),
        }
    }

    fn like_within_entity(&self, other: &Self) -> Option<Why> {
        let same_identifier = !self.identifier.is_empty() && self.identifier == other.identifier;
        let is_common = key::is_common_identifier(&self.identifier);
        if self.has_title_of(other) {
            Some(Why::SameTitle)
        } else if let Some(preferred) = self.synonym_of(other) {
            Some(Why::Synonyms { preferred })
        } else if same_identifier && !is_common {
            Some(Why::SameIdentifier)
        } else if self.is_near(other) {
            Some(Why::NearTitle)
        } else if same_identifier {
            Some(Why::CommonIdentifier)
        } else {
            None
        }
    }

    /// Titles that say much are compared also where it is not said whose they are; a `名称` may be the name of anything.
    fn like_without_entity(&self, other: &Self) -> Option<Why> {
        let [left, right] = [&self.titles[0], &other.titles[0]];
        let says_much = |title: &str| title.chars().count() > 2 && !key::is_common_title(title);
        let same = left == right && says_much(left);
        let synonyms = || says_much(left) && says_much(right) && self.synonym_of(other).is_some();
        (same || synonyms()).then_some(Why::EntityUnsaid)
    }

    fn has_title_of(&self, other: &Self) -> bool {
        let mut titles = self.titles.iter().filter(|title| !title.is_empty());
        titles.any(|title| other.titles.contains(title))
    }

    fn synonym_of(&self, other: &Self) -> Option<String> {
        self.preferred.iter().find(|name| other.preferred.contains(name)).cloned()
    }

    fn is_near(&self, other: &Self) -> bool {
        let [left, right] = [&self.titles[0], &other.titles[0]];
        let length = |title: &str| title.chars().count();
        length(left) >= NEAR_TITLE_LENGTH_MIN
            && length(right) >= NEAR_TITLE_LENGTH_MIN
            && length(left).abs_diff(length(right)) <= 1
            && digits(left) == digits(right)
            && strsim::levenshtein(left, right) == 1
    }
}

impl Why {
    /// Whether nobody needs to be asked.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.strength() == Strength::Strong
    }

    /// Whether it refuses, or asks a person.
    #[must_use]
    pub const fn strength(&self) -> Strength {
        match self {
            Self::SameTitle | Self::Synonyms { .. } | Self::SameIdentifier => Strength::Strong,
            Self::CommonIdentifier | Self::NearTitle | Self::EntityUnsaid => Strength::Weak,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameTitle => f.write_str("the titles are the same"),
            Self::Synonyms { preferred } => {
                write!(f, "the vocabulary knows both as {preferred}")
            }
            Self::SameIdentifier => f.write_str("the identifiers are the same"),
            Self::CommonIdentifier => f.write_str("the identifiers are the same, though common"),
            Self::NearTitle => f.write_str("the titles differ in one character"),
            Self::EntityUnsaid => {
                f.write_str("the titles are the same, and one does not say what its rows are about")
            }
        }
    }
}

/// `地址1` and `地址2` are two data, however near they look.
fn digits(title: &str) -> String {
    title.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests;
