//! Texts that somebody wrote: there, and not too long.

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextMistake {
    /// It must be there, and is not.
    #[error("{field} is missing; write what it is")]
    Missing {
        /// Which text.
        field: &'static str,
    },
    /// It is longer than a register needs.
    #[error("{field} has {found} characters, at most {max} are allowed")]
    TooLong {
        /// Which text.
        field: &'static str,
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// It holds what may be a person's number: registers hold no personal data (H5).
    #[error(
        "{field} holds a number of {DIGITS_MAX} digits or more, which may be a person's; leave it out"
    )]
    Personal {
        /// Which text.
        field: &'static str,
    },
}

/// Names and titles.
pub(crate) const SHORT_MAX: usize = 200;
/// Reasons, purposes, outcomes.
pub(crate) const LONG_MAX: usize = 2_000;
/// Mobile numbers have 11 digits, identity numbers 18.
const DIGITS_MAX: usize = 11;

impl TextMistake {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "TEXT_MISSING",
            Self::TooLong { .. } => "TEXT_TOO_LONG",
            Self::Personal { .. } => "TEXT_PERSONAL",
        }
    }
}

/// A text that must be there.
pub(crate) fn required(field: &'static str, text: &str, max: usize) -> Result<(), TextMistake> {
    if text.trim().is_empty() {
        return Err(TextMistake::Missing { field });
    }
    let found = text.chars().count();
    match found > max {
        true => Err(TextMistake::TooLong { field, found, max }),
        false => Ok(()),
    }
}

/// A text that must be there, and is about no person.
pub(crate) fn impersonal(field: &'static str, text: &str, max: usize) -> Result<(), TextMistake> {
    required(field, text, max)?;
    let mut digits = 0;
    for character in text.chars() {
        digits = if character.is_numeric() { digits + 1 } else { 0 };
        if digits >= DIGITS_MAX {
            return Err(TextMistake::Personal { field });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
