//! What people write about data: short, and without the numbers of persons.
//!
//! Tickets and disputes are events, and events carry no personal data (H5). Nobody can tell from a text whether it names a
//! person; but numbers of identity cards and mobile telephones can be told, and are what most often slips in.

use std::fmt;
use std::str::FromStr;

/// The longest text, in characters.
pub const CHARS_MAX: usize = 2_000;

const IDENTITY_DIGITS: usize = 18;
const MOBILE_DIGITS: usize = 11;

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

/// The first run of digits that is a person's number, and where it begins.
fn personal_number(text: &str) -> Option<(&'static str, usize)> {
    let characters: Vec<char> = text.chars().collect();
    let mut begin = 0;
    while begin < characters.len() {
        let length = characters[begin..].iter().take_while(|c| c.is_ascii_alphanumeric()).count();
        let word = &characters[begin..begin + length];
        if is_identity_number(word) {
            return Some(("an identity card", begin + 1));
        }
        if is_mobile_number(word) {
            return Some(("a mobile telephone", begin + 1));
        }
        begin += length.max(1);
    }
    None
}

/// Citizen identity numbers (GB 11643): a date in the middle, and a check character that fits.
fn is_identity_number(word: &[char]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

    let [digits @ .., check] = word else { return false };
    if word.len() != IDENTITY_DIGITS {
        return false;
    }
    let Some(digits) = digits.iter().map(|c| c.to_digit(10)).collect::<Option<Vec<_>>>() else {
        return false;
    };
    let number = |range: std::ops::Range<usize>| digits[range].iter().fold(0, |n, d| n * 10 + d);
    let is_date = (1850..2200).contains(&number(6..10))
        && (1..=12).contains(&number(10..12))
        && (1..=31).contains(&number(12..14));
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let expected = usize::try_from(sum % 11).ok().and_then(|index| CHECKS.get(index));
    is_date && expected == Some(&check.to_ascii_uppercase())
}

fn is_mobile_number(word: &[char]) -> bool {
    word.len() == MOBILE_DIGITS
        && word.iter().all(char::is_ascii_digit)
        && word[0] == '1'
        && ('3'..='9').contains(&word[1])
}

#[cfg(test)]
mod tests;
