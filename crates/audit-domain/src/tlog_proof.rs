//! Proofs of inclusion as text that stands alone: C2SP tlog-proof, which other readers of such logs take.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use publicdata_types::Digest;

use crate::cosignature::PROOF_HASHES_MAX;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Where an entry stands in a log, and the hashes that lead from it to the root that a checkpoint signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// The entry's place, from 0.
    pub index: u64,
    /// From the leaf's sibling up.
    pub hashes: Vec<Digest>,
    /// The checkpoint, as it was signed and cosigned: a note.
    pub checkpoint: String,
}

/// The text is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// It is something else.
    #[error("the first line is not `{FIRST_LINE}`")]
    FirstLine,
    /// The place is missing, or no plain number.
    #[error("there is no line `index` with a plain number")]
    Index,
    /// A line is no hash.
    #[error("line {line} is no SHA-256 hash in base64")]
    Hash {
        /// Counted from 1.
        line: usize,
    },
    /// More hashes than a tree can be high.
    #[error("there are more than {PROOF_HASHES_MAX} hashes")]
    Hashes,
    /// It ends too early.
    #[error("there is no empty line with a checkpoint after it")]
    Checkpoint,
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}\nindex {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", BASE64_STANDARD.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for TlogProof {
    type Err = TlogProofError;

    /// What stands in a line `extra` is skipped: nobody vouches for it.
    fn from_str(text: &str) -> Result<Self, TlogProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(TlogProofError::Checkpoint)?;
        let mut lines = head.split('\n').zip(1..).peekable();
        if lines.next().is_none_or(|(line, _)| line != FIRST_LINE) {
            return Err(TlogProofError::FirstLine);
        }
        lines.next_if(|(line, _)| line.starts_with("extra "));
        let index = lines.next().and_then(|(line, _)| number(line.strip_prefix("index ")?));
        let index = index.ok_or(TlogProofError::Index)?;
        let mut hashes = Vec::new();
        for (text, line) in lines {
            let hash = BASE64_STANDARD.decode(text).ok();
            let hash = hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok());
            hashes.push(Digest::from_bytes(hash.ok_or(TlogProofError::Hash { line })?));
            if hashes.len() > PROOF_HASHES_MAX {
                return Err(TlogProofError::Hashes);
            }
        }
        Ok(Self { index, hashes, checkpoint: checkpoint.to_owned() })
    }
}

/// A number in digits alone, without zeroes before it.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = text == "0" || !text.starts_with('0');
    if is_plain && is_short { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
