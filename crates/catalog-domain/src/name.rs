//! Names as people compare them: without regard to width, case, spaces and punctuation.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// What is left of a name once everything is gone that two people would write differently.
///
/// Compatibility forms are folded (NFKC: full width and half width, ligatures, circled numbers), capital letters become
/// small ones, and what is neither letter nor digit is dropped.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(String);

impl NameKey {
    /// The key of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let folded = name.nfkc().flat_map(char::to_lowercase);
        Self(folded.filter(|character| character.is_alphanumeric()).collect())
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

impl fmt::Debug for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameKey({})", self.0)
    }
}

#[cfg(test)]
mod tests;
