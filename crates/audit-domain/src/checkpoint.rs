//! Checkpoints: the size and root of the log, signed as a C2SP note, with Ed25519 and, beside it, with SM2 where that is wanted.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use publicdata_types::Digest;
use signed_note::{
    Note, NoteError, Signature, Signer as _, StandardSigner, StandardVerifier, Verifier as _,
    VerifierError, VerifierList,
};
use tlog_tiles::checkpoint as text;

use crate::proof::{self, Refuted, Root};
use crate::sm2::{Sm2Key, Sm2Verifier};
use crate::tree::{self, leaf_hash};

/// The algorithm byte of Ed25519 in a note's keys.
const ED25519_TYPE: u8 = 1;
/// What algorithms are called.
const ED25519: &str = "Ed25519";
const SM2: &str = "SM2";

/// What the log signs: a tree.
pub type Checkpoint = Root;

/// The log's own key: of Ed25519, and of SM2 beside it where that is wanted.
#[derive(Clone)]
pub struct LogKey {
    signer: StandardSigner,
    encoded: String,
    verifier_key: String,
    sm2: Option<Sm2Key>,
}

/// Checks what a log says, from its origin and public keys alone. With several keys, each must have signed.
#[derive(Clone)]
pub struct Verifier {
    origin: String,
    keys: Vec<PublicKey>,
}

#[derive(Clone)]
enum PublicKey {
    Ed25519(StandardVerifier),
    Sm2(Sm2Verifier),
}

/// Why a text is no key of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The origin cannot name a key.
    #[error("a log's origin is not empty and has neither white space nor `+`")]
    Origin,
    /// The text is no signing key.
    #[error("the log's key does not read `PRIVATE+KEY+<origin>+<id>+<Ed25519 key>`")]
    SigningKey,
    /// The text is no signing key of SM2.
    #[error("the log's SM2 key does not read `PRIVATE+KEY+<origin>+<id>+<SM2 key>`")]
    Sm2SigningKey,
    /// The text is no verifier key.
    #[error(
        "a verifier key reads `<origin>+<id>+<Ed25519 or SM2 key>`; this one does not, or its parts do not fit"
    )]
    VerifierKey,
    /// Two keys belong to two logs.
    #[error("the keys are of different logs; a log's keys have one origin")]
    OtherOrigin,
}

/// Why a checkpoint, or what was to be proven by it, does not convince.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// It is no signed note.
    #[error("checkpoint is not a signed note")]
    NotANote,
    /// The log's key did not sign it.
    #[error("checkpoint has no signature by the {kind} key of {origin}{}", hint(kind))]
    Unsigned {
        /// The log that should have signed.
        origin: String,
        /// The algorithm of the key.
        kind: &'static str,
    },
    /// The signature is wrong.
    #[error("checkpoint's signature by the key of {origin} is wrong: the text was changed")]
    WrongSignature {
        /// The log that should have signed.
        origin: String,
    },
    /// The signed text is no checkpoint.
    #[error("signed note holds no checkpoint")]
    NotACheckpoint,
    /// It is the checkpoint of another log.
    #[error("checkpoint is of another log than {origin}")]
    OtherLog {
        /// The log that was expected.
        origin: String,
    },
    /// The proof fails.
    #[error(transparent)]
    Refuted(#[from] Refuted),
}

/// What may be the reason.
fn hint(kind: &str) -> &'static str {
    match kind {
        SM2 => {
            "; those from before SM2 was switched on have none, and are checked with the Ed25519 key alone"
        }
        _ => "",
    }
}

impl LogKey {
    /// Makes the key of the log `origin` from 32 random bytes.
    ///
    /// # Errors
    /// The origin is empty or has white space or `+`.
    pub fn from_seed(origin: &str, seed: [u8; 32]) -> Result<Self, KeyError> {
        if !signed_note::is_key_name_valid(origin) || origin.contains(char::is_control) {
            return Err(KeyError::Origin);
        }
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let id = signed_note::key_id(origin, &with_algorithm(public.as_bytes()));
        let secret = BASE64_STANDARD.encode(with_algorithm(&seed));

        format!("PRIVATE+KEY+{origin}+{id:08x}+{secret}").parse()
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.signer.name()
    }

    /// The key as text, to be kept secret; it parses to the same key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.encoded
    }

    /// The verifier key, to be published: C2SP's `vkey` text, which parses to a [`Verifier`].
    #[must_use]
    pub fn verifier_key(&self) -> &str {
        &self.verifier_key
    }

    /// The same key, with one of SM2 beside it, which signs each checkpoint too.
    ///
    /// # Errors
    /// The keys are of different logs.
    pub fn with_sm2(self, sm2: Sm2Key) -> Result<Self, KeyError> {
        if sm2.origin() != self.origin() {
            return Err(KeyError::OtherOrigin);
        }
        Ok(Self { sm2: Some(sm2), ..self })
    }

    /// The verifier key of SM2, to be published beside the other, if there is one.
    #[must_use]
    pub fn sm2_verifier_key(&self) -> Option<&str> {
        self.sm2.as_ref().map(Sm2Key::verifier_key)
    }

    /// A key of this log that has signed the note and is not part of this one, as `<origin>+<id>`: it was lost, or left out.
    #[must_use]
    pub fn left_out(&self, note: &[u8]) -> Option<String> {
        let note = Note::from_bytes(note).ok()?;
        let own = StandardVerifier::new(&self.verifier_key).ok()?;
        let (_, others) = note.verify(&VerifierList::new(vec![Box::new(own)])).ok()?;
        let sm2 = self.sm2.as_ref().map(signed_note::Signer::key_id);
        let left_out =
            others.iter().find(|other| other.name() == self.origin() && Some(other.id()) != sm2)?;
        Some(format!("{}+{:08x}", left_out.name(), left_out.id()))
    }

    /// Signs a checkpoint: the note's bytes.
    #[must_use]
    pub fn sign(&self, checkpoint: &Checkpoint) -> Vec<u8> {
        let text = format!(
            "{}\n{}\n{}\n",
            self.origin(),
            checkpoint.size,
            BASE64_STANDARD.encode(checkpoint.hash.as_bytes())
        );
        let note = Note::new(text.as_bytes(), &[]).and_then(|mut note| {
            note.add_sigs(&[&self.signer])?;
            if let Some(sm2) = &self.sm2 {
                note.add_sigs(&[sm2])?;
            }
            Ok(note.to_bytes())
        });
        note.expect("the origins were checked, the text is plain, and signing needs nothing else")
    }
}

impl FromStr for LogKey {
    type Err = KeyError;

    fn from_str(encoded: &str) -> Result<Self, KeyError> {
        let signer = StandardSigner::new(encoded).map_err(|_| KeyError::SigningKey)?;
        // The fifth part is in base64, which has a `+` of its own.
        let seed = encoded
            .splitn(5, '+')
            .nth(4)
            .and_then(|key| BASE64_STANDARD.decode(key).ok())
            .and_then(|key| <[u8; 32]>::try_from(key.get(1..)?).ok())
            .ok_or(KeyError::SigningKey)?;
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let verifier_key = signed_note::new_ed25519_verifier_key(signer.name(), &public);

        Ok(Self { signer, encoded: encoded.to_owned(), verifier_key, sm2: None })
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogKey")
            .field("verifier_key", &self.verifier_key)
            .field("sm2", &self.sm2)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The algorithms whose signatures it demands, each: `Ed25519`, `SM2`.
    #[must_use]
    pub fn algorithms(&self) -> Vec<&'static str> {
        let name = |key: &PublicKey| match key {
            PublicKey::Ed25519(_) => ED25519,
            PublicKey::Sm2(_) => SM2,
        };
        self.keys.iter().map(name).collect()
    }

    /// Reads a checkpoint that the log signed.
    ///
    /// # Errors
    /// It is malformed, of another log, or not signed by its key.
    pub fn checkpoint(&self, note: &[u8]) -> Result<Checkpoint, Doubt> {
        let note = Note::from_bytes(note).map_err(|_| Doubt::NotANote)?;
        for key in &self.keys {
            let (signed, kind) = match key.clone() {
                PublicKey::Ed25519(key) => (signatures_of(&note, key, &self.origin)?, ED25519),
                PublicKey::Sm2(key) => (signatures_of(&note, key, &self.origin)?, SM2),
            };
            if signed.is_none() {
                return Err(Doubt::Unsigned { origin: self.origin.clone(), kind });
            }
        }

        let found = text::Checkpoint::from_bytes(note.text()).map_err(|_| Doubt::NotACheckpoint)?;
        if found.origin() != self.origin {
            return Err(Doubt::OtherLog { origin: self.origin.clone() });
        }
        Ok(Checkpoint { size: found.size(), hash: tree::digest(*found.hash()) })
    }

    /// Checks that a leaf stands at `index` in the tree that the log signed; answers that tree.
    ///
    /// # Errors
    /// The checkpoint does not count, or the proof does not show it.
    pub fn inclusion(
        &self,
        note: &[u8],
        index: u64,
        leaf: &[u8],
        proof: &[Digest],
    ) -> Result<Checkpoint, Doubt> {
        let checkpoint = self.checkpoint(note)?;
        proof::check_inclusion(&checkpoint, index, &leaf_hash(leaf), proof)?;
        Ok(checkpoint)
    }

    /// Checks that a signed tree continues an older signed tree; answers the newer one.
    ///
    /// # Errors
    /// A checkpoint does not count, or the proof does not show it.
    pub fn consistency(
        &self,
        old_note: &[u8],
        new_note: &[u8],
        proof: &[Digest],
    ) -> Result<Checkpoint, Doubt> {
        let old = self.checkpoint(old_note)?;
        let new = self.checkpoint(new_note)?;
        proof::check_consistency(&old, &new, proof)?;
        Ok(new)
    }
}

/// One verifier key, or several of the same log, separated by white space.
impl FromStr for Verifier {
    type Err = KeyError;

    fn from_str(verifier_keys: &str) -> Result<Self, KeyError> {
        let keys: Vec<PublicKey> =
            verifier_keys.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let origin = keys.first().ok_or(KeyError::VerifierKey)?.origin().to_owned();
        match keys.iter().all(|key| key.origin() == origin) {
            true => Ok(Self { origin, keys }),
            false => Err(KeyError::OtherOrigin),
        }
    }
}

impl PublicKey {
    fn origin(&self) -> &str {
        match self {
            Self::Ed25519(key) => key.name(),
            Self::Sm2(key) => key.name(),
        }
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(verifier_key: &str) -> Result<Self, KeyError> {
        match StandardVerifier::new(verifier_key) {
            Ok(key) => Ok(Self::Ed25519(key)),
            Err(VerifierError::Alg) => verifier_key.parse().map(Self::Sm2),
            Err(VerifierError::Format | VerifierError::Id) => Err(KeyError::VerifierKey),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// The signatures of a note by this key, whose owner has this name; none if it did not sign.
///
/// # Errors
/// What is there under its name is not its signature of this text.
pub(crate) fn signatures_of(
    note: &Note,
    key: impl signed_note::Verifier + 'static,
    name: &str,
) -> Result<Option<Vec<Signature>>, Doubt> {
    match note.verify(&VerifierList::new(vec![Box::new(key)])) {
        Ok((signatures, _)) => Ok(Some(signatures)),
        Err(NoteError::InvalidSignature { .. }) => {
            Err(Doubt::WrongSignature { origin: name.to_owned() })
        }
        Err(
            NoteError::MalformedNote
            | NoteError::InvalidSigner
            | NoteError::MismatchedVerifier
            | NoteError::UnverifiedNote
            | NoteError::VerificationError(_)
            | NoteError::SignatureError(_),
        ) => Ok(None),
    }
}

fn with_algorithm(key: &[u8; 32]) -> Vec<u8> {
    let mut encoded = vec![ED25519_TYPE];
    encoded.extend_from_slice(key);
    encoded
}

#[cfg(test)]
mod tests;
