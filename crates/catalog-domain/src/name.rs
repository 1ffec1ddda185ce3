//! Names as people compare them: without regard to width, case, spaces and punctuation.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// What is left of a name once everything is gone that two people would write differently.
///
/// Compatibility forms are folded (NFKC: full width and half width, ligatures, circled numbers), capital letters become
/// small ones, and what is neither letter nor digit is dropped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(String);

/// Two passes are enough for every name that was tried; a bound is a bound.
const PASSES_MAX: usize = 4;

impl NameKey {
    /// The key of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        // What is dropped may have kept marks apart that are ordered or composed without it: until nothing changes.
        let mut key = folded(name);
        for _ in 0..PASSES_MAX {
            let again = folded(&key);
            if again == key {
                break;
            }
            key = again;
        }
        Self(key)
    }

    /// The key as text: to be stored and searched for.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left: the name was punctuation alone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn folded(text: &str) -> String {
    let folded = text.nfkc().flat_map(char::to_lowercase);
    folded.filter(|character| character.is_alphanumeric()).collect()
}

impl fmt::Debug for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameKey({})", self.0)
    }
}

#[cfg(test)]
mod tests;
