//! Texts that people write into commands: not empty where something must be said, and not endless.

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextMistake {
    /// Something must be said.
    #[error("{field} is empty; say it in a few words")]
    Empty {
        /// Which text.
        field: &'static str,
    },
    /// It is longer than it should be.
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
            Self::Empty { .. } => "TEXT_MISSING",
            Self::TooLong { .. } => "TEXT_TOO_LONG",
            Self::Personal { .. } => "TEXT_PERSONAL",
        }
    }
}

/// The text without the space around it.
pub(crate) fn required(field: &'static str, text: &str, max: usize) -> Result<String, TextMistake> {
    let text = optional(field, text, max)?;
    match text.is_empty() {
        true => Err(TextMistake::Empty { field }),
        false => Ok(text),
    }
}

/// The same for a text that is about no person.
pub(crate) fn impersonal(
    field: &'static str,
    text: &str,
    max: usize,
) -> Result<String, TextMistake> {
    let text = required(field, text, max)?;
    let mut digits = 0;
    for character in text.chars() {
        digits = if character.is_numeric() { digits + 1 } else { 0 };
        if digits >= DIGITS_MAX {
            return Err(TextMistake::Personal { field });
        }
    }
    Ok(text)
}

/// The same for a text that may be empty.
pub(crate) fn optional(field: &'static str, text: &str, max: usize) -> Result<String, TextMistake> {
    let text = text.trim();
    let found = text.chars().count();
    if found > max {
        return Err(TextMistake::TooLong { field, found, max });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
