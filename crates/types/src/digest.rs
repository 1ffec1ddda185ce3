//! SHA-256 digests, with their algorithm named in what is written down.

use std::fmt;
use std::io;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

const PREFIX: &str = "sha256:";
/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// A SHA-256 digest, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The algorithm is missing or another one.
    #[error("digest does not begin with `sha256:`; write the algorithm before the digits")]
    Algorithm,
    /// The hexadecimal part is too short or too long.
    #[error("digest has {found} hexadecimal digits after `sha256:`, 64 are needed")]
    Length {
        /// How many characters follow the prefix.
        found: usize,
    },
    /// A character is not a hexadecimal digit.
    #[error("digest has a character at position {position} that is not a hexadecimal digit")]
    Character {
        /// Position in the whole text, counted from 1.
        position: usize,
    },
}

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// The digest of all that is read.
    ///
    /// # Errors
    /// Reading failed.
    pub fn of_reader(mut reader: impl io::Read) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut bytes = vec![0; READ_BYTES];
        loop {
            match reader.read(&mut bytes)? {
                0 => return Ok(Self(hasher.finalize().into())),
                read => hasher.update(&bytes[..read]),
            }
        }
    }

    /// Wraps a digest that was computed elsewhere, for instance over a running stream.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digits = text.strip_prefix(PREFIX).ok_or(DigestError::Algorithm)?;
        if let Some(index) = digits.chars().position(|c| !c.is_ascii_hexdigit()) {
            return Err(DigestError::Character { position: PREFIX.len() + index + 1 });
        }

        let mut bytes = [0; 32];
        match hex::decode_to_slice(digits, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err(DigestError::Length { found: digits.len() }),
        }
    }
}

#[cfg(test)]
mod tests;
