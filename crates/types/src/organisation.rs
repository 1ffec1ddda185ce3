//! The unified social credit code (统一社会信用代码, GB 32100) that names every organisation.

use std::fmt;
use std::str::FromStr;

const LENGTH: usize = 18;
/// The standard leaves out I, O, S, V and Z, which are easily mistaken for digits.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// An organisation's code: 18 characters, the last of which checks the others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganisationCode([u8; LENGTH]);

/// Why a text is not an organisation code.
///
/// The text itself is never repeated: an identity number has 18 characters as well and is often
/// put into the wrong field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationCodeError {
    /// Too short or too long.
    #[error("organisation code has {found} characters, a unified social credit code has 18")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// A character outside the alphabet.
    #[error(
        "organisation code has `{found}` at position {position}; digits and capital letters \
         except I, O, S, V and Z are allowed"
    )]
    Character {
        /// The character.
        found: char,
        /// Its position, counted from 1.
        position: usize,
    },
    /// The check character does not fit the other seventeen.
    #[error(
        "organisation code ends in `{found}` where `{expected}` is expected; one of its \
         characters is mistyped"
    )]
    CheckCharacter {
        /// The check character that the text ends in.
        found: char,
        /// The one that follows from the first seventeen characters.
        expected: char,
    },
}

impl OrganisationCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every byte was taken from the alphabet.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for OrganisationCode {
    type Err = OrganisationCodeError;

    fn from_str(text: &str) -> Result<Self, OrganisationCodeError> {
        let found = text.chars().count();
        if found != LENGTH {
            return Err(OrganisationCodeError::Length { found });
        }

        let mut code = [0; LENGTH];
        let mut sum = 0;
        let mut weight = 1;
        for (index, character) in text.chars().enumerate() {
            let Some(value) = value_of(character) else {
                return Err(OrganisationCodeError::Character {
                    found: character,
                    position: index + 1,
                });
            };
            code[index] = ALPHABET[value];
            if index + 1 < LENGTH {
                sum += value * weight;
                weight = weight * 3 % ALPHABET.len();
            }
        }

        let expected = ALPHABET[(ALPHABET.len() - sum % ALPHABET.len()) % ALPHABET.len()];
        let found = code[LENGTH - 1];
        if found != expected {
            return Err(OrganisationCodeError::CheckCharacter {
                found: char::from(found),
                expected: char::from(expected),
            });
        }
        Ok(Self(code))
    }
}

impl fmt::Display for OrganisationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for OrganisationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrganisationCode({self})")
    }
}

fn value_of(character: char) -> Option<usize> {
    ALPHABET.iter().position(|&byte| char::from(byte) == character)
}

#[cfg(test)]
mod tests;
