//! Witnesses: what they sign of a checkpoint (C2SP tlog-cosignature, Ed25519), and how they are offered one (tlog-witness).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use publicdata_types::Digest;
use signed_note::Note;

use crate::checkpoint::{Doubt, signatures_of};

/// The algorithm byte of an Ed25519 cosignature in a note's keys.
const COSIGNATURE_V1: u8 = 4;
const TIME_BYTES: usize = 8;
/// The end of the year 9999, the last that can be told as a date.
const TIME_S_MAX: u64 = 253_402_300_799;
/// What a proof may have at most, whatever the size of the trees.
pub const PROOF_HASHES_MAX: usize = 63;

/// A witness's public key, by which its cosignatures count.
#[derive(Clone)]
pub struct Witness {
    name: String,
    id: u32,
    key: VerifyingKey,
}

/// A witness's statement that it saw this tree at some time, and none that contradicts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// When, as the witness says, in seconds since the epoch.
    pub time_s: u64,
    /// The signature line of the note, without its end.
    pub line: String,
}

/// The text is no verifier key of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a witness's verifier key reads `<name>+<id>+<key of cosignature/v1>`; this one does not, or its parts do not fit"
)]
pub struct WitnessKeyError;

impl Witness {
    /// Its name, as it stands in its signatures.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name and its key's id: `<name>+<id>`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}+{:08x}", self.name, self.id)
    }

    /// Its cosignature among the signatures of a checkpoint, if it is there.
    ///
    /// # Errors
    /// The note is malformed, or what is there under the witness's name is not its signature of this text.
    pub fn cosignature(&self, note: &[u8]) -> Result<Option<Cosignature>, Doubt> {
        let note = Note::from_bytes(note).map_err(|_| Doubt::NotANote)?;
        let signatures = signatures_of(&note, self.clone(), &self.name)?.unwrap_or_default();
        let found = signatures.first().and_then(|signature| {
            let (time, _) = signature.signature().split_first_chunk::<TIME_BYTES>()?;
            let line = String::from_utf8(signature.to_bytes()).ok()?;
            Some(Cosignature {
                time_s: u64::from_be_bytes(*time),
                line: line.trim_end().to_owned(),
            })
        });
        Ok(found)
    }
}

impl signed_note::Verifier for Witness {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<TIME_BYTES>() else {
            return false;
        };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        let time_s = u64::from_be_bytes(*time);
        // A witness may not leave the time out.
        (1..=TIME_S_MAX).contains(&time_s)
            && self.key.verify_strict(&message(time_s, text), &signature).is_ok()
    }
}

impl FromStr for Witness {
    type Err = WitnessKeyError;

    fn from_str(verifier_key: &str) -> Result<Self, WitnessKeyError> {
        let mut parts = verifier_key.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(WitnessKeyError);
        };
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| WitnessKeyError)?;
        let written = u32::from_str_radix(id, 16).map_err(|_| WitnessKeyError)?;
        let is_known = signed_note::is_key_name_valid(name)
            && id.len() == 8
            && written == signed_note::key_id(name, &bytes);
        let [COSIGNATURE_V1, key @ ..] = bytes.as_slice() else { return Err(WitnessKeyError) };
        let key = key.try_into().ok().and_then(|key| VerifyingKey::from_bytes(key).ok());
        match key {
            Some(key) if is_known && !key.is_weak() => {
                Ok(Self { name: name.to_owned(), id: written, key })
            }
            Some(_) | None => Err(WitnessKeyError),
        }
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// What is sent to a witness: the size of the tree that it signed last, a proof that the new one continues it, and the new
/// checkpoint.
#[must_use]
pub fn offer(old_size: u64, proof: &[Digest], note: &[u8]) -> Vec<u8> {
    let mut offer = format!("old {old_size}\n");
    for hash in proof {
        offer.push_str(&BASE64_STANDARD.encode(hash.as_bytes()));
        offer.push('\n');
    }
    offer.push('\n');
    let mut offer = offer.into_bytes();
    offer.extend_from_slice(note);
    offer
}

/// The size of the tree that a witness signed last, as it answers to an offer that begins elsewhere.
#[must_use]
pub fn signed_size(answer: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(answer).ok()?;
    let digits = text.strip_suffix('\n').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// What a witness signs.
fn message(time_s: u64, text: &[u8]) -> Vec<u8> {
    let mut message = format!("cosignature/v1\ntime {time_s}\n").into_bytes();
    message.extend_from_slice(text);
    message
}

#[cfg(test)]
mod tests;
