//! What people write about data: short, and without the numbers of persons.
//!
//! Tickets, disputes and findings are events, and events carry no personal data (H5). Nobody can tell from a text whether it names a
//! person; but numbers of identity cards and mobile telephones can be told, and are what most often slips in.

use std::fmt;
use std::str::FromStr;

use crate::person;

/// The longest text, in characters.
pub const CHARS_MAX: usize = 2_000;

/// A text that was checked when it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Prose(String);

/// What is wrong with a text. The text itself is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProseError {
    /// It says nothing.
    #[error("it is empty")]
    Empty,
    /// It says too much.
    #[error("it has {found} characters, {CHARS_MAX} are allowed")]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// It holds a person's number.
    #[error(
        "it holds what looks like the number of {of} at character {position}; name records by \
         their references, and no persons"
    )]
    PersonalNumber {
        /// Of what.
        of: &'static str,
        /// Where it begins, counted from 1.
        position: usize,
    },
}

impl Prose {
    /// A text that stands in an event, where it was checked by the rules of its time.
    #[must_use]
    pub fn recorded(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Prose {
    type Err = ProseError;

    fn from_str(text: &str) -> Result<Self, ProseError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ProseError::Empty);
        }
        let found = text.chars().count();
        if found > CHARS_MAX {
            return Err(ProseError::TooLong { found });
        }
        match personal_number(text) {
            Some((of, position)) => Err(ProseError::PersonalNumber { of, position }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Debug for Prose {
    /// Its length alone: what people write stays out of logs (H5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prose({} characters)", self.0.chars().count())
    }
}

/// The first number of a person, and where it begins.
fn personal_number(text: &str) -> Option<(&'static str, usize)> {
    let characters: Vec<char> = text.chars().map(person::narrow).collect();
    let mut begin = 0;
    while begin < characters.len() {
        let run = |belongs: fn(char) -> bool| -> String {
            characters[begin..].iter().copied().take_while(|c| belongs(*c)).collect()
        };
        // Mobile numbers are also written in groups, and after the country's code.
        let (word, grouped) = (run(|c| c.is_ascii_alphanumeric()), run(is_of_grouped_number));
        let upper = word.to_ascii_uppercase();
        if person::is_identity_number(&upper) || person::is_old_identity_number(&upper) {
            return Some(("an identity card", begin + 1));
        }
        if [&word, &grouped].into_iter().any(|number| person::mobile_digits(number).is_some()) {
            return Some(("a mobile telephone", begin + 1));
        }
        begin += word.len().max(1);
    }
    None
}

fn is_of_grouped_number(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '+' | '-' | '(' | ')')
}

#[cfg(test)]
mod tests;
