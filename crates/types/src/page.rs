//! Where a list goes on: an opaque token that holds the last key of the page before.

use std::fmt;
use std::str::FromStr;

/// Points behind the last entry of a page. Clients hand it back as they got it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageToken {
    after: String,
}

/// A text that was not made by this platform as a page token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "page token is malformed; send back the one of the page before, or none to begin at the start"
)]
pub struct PageTokenError;

impl PageToken {
    /// The token of the page that begins behind this key.
    #[must_use]
    pub fn after(key: impl Into<String>) -> Self {
        Self { after: key.into() }
    }

    /// The last key of the page before.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.after
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.after))
    }
}

impl FromStr for PageToken {
    type Err = PageTokenError;

    fn from_str(text: &str) -> Result<Self, PageTokenError> {
        let bytes = hex::decode(text).map_err(|_| PageTokenError)?;
        match String::from_utf8(bytes) {
            Ok(after) if !after.is_empty() => Ok(Self { after }),
            Ok(_) | Err(_) => Err(PageTokenError),
        }
    }
}

#[cfg(test)]
mod tests;
