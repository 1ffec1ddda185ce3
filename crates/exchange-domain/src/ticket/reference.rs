//! How a record is named without saying whose it is.

use std::fmt;
use std::str::FromStr;

const DIGITS: usize = 32;

/// A reference that the provider's node handed out with a row: a keyed pseudonym, which means something to that node alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordReference(u128);

/// A text that is no reference. The text itself is not repeated: it may be a person's number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "reference is not made of 32 lower-case hexadecimal digits; copy it as the node handed it out \
     with the row"
)]
pub struct ReferenceError;

impl FromStr for RecordReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != DIGITS || !text.bytes().all(is_digit) {
            return Err(ReferenceError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ReferenceError)
    }
}

impl fmt::Display for RecordReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for RecordReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordReference({self})")
    }
}
