//! The names that an organisation gives to its users, systems and nodes.

use std::fmt;
use std::str::FromStr;

/// A user's, system's or node's name within its organisation: an opaque id, never a person's name
/// (H5).
///
/// It begins with a letter, so identity and telephone numbers are refused; that it is no name in
/// Latin letters, only the organisation can see to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(String);

/// Why a text is not an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Too short or too long.
    #[error("account has {found} characters; use 2 to 32")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// It does not begin with a letter.
    #[error("account begins with `{found}`; begin with a lower-case letter")]
    Beginning {
        /// The first character.
        found: char,
    },
    /// A character that is not allowed.
    #[error(
        "account has `{found}` at position {position}; use lower-case letters, digits and hyphens"
    )]
    Character {
        /// The character.
        found: char,
        /// Its position, counted from 1.
        position: usize,
    },
}

impl Account {
    /// The account as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Account {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let found = text.chars().count();
        if !(2..=32).contains(&found) {
            return Err(AccountError::Length { found });
        }
        for (index, found) in text.chars().enumerate() {
            if !matches!(found, 'a'..='z' | '0'..='9' | '-') {
                return Err(AccountError::Character { found, position: index + 1 });
            }
            if index == 0 && !found.is_ascii_lowercase() {
                return Err(AccountError::Beginning { found });
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
