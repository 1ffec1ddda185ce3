//! SM2 signatures with SM3 (GB/T 32918.2, GB/T 32905) under a checkpoint, beside the Ed25519 signature.
//!
//! C2SP signed-note has no type of its own for them. It leaves type `0xff`, followed by a longer identifier, to such: [`TYPE`]. Whoever
//! doesn't know the type ignores the line, as the format demands; so every tool that reads the log goes on reading it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::SignatureError;
use sm2::SecretKey;
use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};

use crate::checkpoint::KeyError;

/// The signature type, in keys and their ids: `0xff`, and this identifier.
pub const TYPE: &[u8] = b"\xffsm2-sm3.gbt32918.signed-note/v1";
/// Who signs, as SM2 mixes it into what is signed: the value that GM/T 0009 has for signers without another identity.
pub const DISTINGUISHING_ID: &str = "1234567812345678";
const PRIVATE: &str = "PRIVATE+KEY+";

/// The log's own SM2 key.
#[derive(Clone)]
pub struct Sm2Key {
    name: String,
    id: u32,
    signing: SigningKey,
    encoded: String,
    verifier_key: String,
}

/// The public half: who signs under this name.
#[derive(Clone)]
pub(crate) struct Sm2Verifier {
    name: String,
    id: u32,
    key: VerifyingKey,
}

// === impl Sm2Key ===

impl Sm2Key {
    /// The SM2 key of the log `origin`, of 32 random bytes; none for the few seeds that no key can be made of: draw again.
    ///
    /// # Errors
    /// The origin is empty or has white space or `+`.
    pub fn from_seed(origin: &str, seed: &[u8; 32]) -> Result<Option<Self>, KeyError> {
        if !signed_note::is_key_name_valid(origin) || origin.contains(char::is_control) {
            return Err(KeyError::Origin);
        }
        Ok(SecretKey::from_slice(seed).ok().and_then(|secret| Self::new(origin, &secret)))
    }

    fn new(name: &str, secret: &SecretKey) -> Option<Self> {
        let signing = SigningKey::new(DISTINGUISHING_ID, secret).ok()?;
        let public = [TYPE, &signing.verifying_key().to_sec1_bytes()].concat();
        let id = signed_note::key_id(name, &public);
        let private = BASE64_STANDARD.encode([TYPE, &secret.to_bytes()].concat());
        let (name, encoded) = (name.to_owned(), format!("{PRIVATE}{name}+{id:08x}+{private}"));
        let verifier_key = format!("{name}+{id:08x}+{}", BASE64_STANDARD.encode(public));
        Some(Self { name, id, signing, encoded, verifier_key })
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.name
    }

    /// The key as text, to be kept secret; it parses to the same key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.encoded
    }

    /// The verifier key, to be published beside the Ed25519 one.
    #[must_use]
    pub fn verifier_key(&self) -> &str {
        &self.verifier_key
    }
}

impl signed_note::Signer for Sm2Key {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signed: Signature = self.signing.try_sign(text).map_err(|_| SignatureError::new())?;
        Ok(signed.to_bytes().to_vec())
    }
}

impl FromStr for Sm2Key {
    type Err = KeyError;

    fn from_str(encoded: &str) -> Result<Self, KeyError> {
        let parsed =
            encoded.strip_prefix(PRIVATE).and_then(parts).and_then(|(name, id, secret)| {
                let key = Self::new(name, &SecretKey::from_slice(&secret).ok()?)?;
                (key.id == id).then_some(key)
            });
        parsed.ok_or(KeyError::Sm2SigningKey)
    }
}

impl fmt::Debug for Sm2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sm2Key").field("verifier_key", &self.verifier_key).finish_non_exhaustive()
    }
}

// === impl Sm2Verifier ===

impl signed_note::Verifier for Sm2Verifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify(text, &signature).is_ok())
    }
}

impl FromStr for Sm2Verifier {
    type Err = KeyError;

    fn from_str(verifier_key: &str) -> Result<Self, KeyError> {
        let parsed = parts(verifier_key).and_then(|(name, id, point)| {
            let key = VerifyingKey::from_sec1_bytes(DISTINGUISHING_ID, &point).ok()?;
            // One key has one text, and so one id.
            let public = [TYPE, &key.to_sec1_bytes()].concat();
            let is_known =
                signed_note::is_key_name_valid(name) && signed_note::key_id(name, &public) == id;
            is_known.then(|| Self { name: name.to_owned(), id, key })
        });
        parsed.ok_or(KeyError::VerifierKey)
    }
}

/// Name, id and key of `<name>+<id>+<type and key>`, if the type is ours.
fn parts(text: &str) -> Option<(&str, u32, Vec<u8>)> {
    let mut parts = text.splitn(3, '+');
    let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
    let key = BASE64_STANDARD.decode(key).ok()?;
    let id = if id.len() == 8 { u32::from_str_radix(id, 16).ok()? } else { return None };
    Some((name, id, key.strip_prefix(TYPE)?.to_vec()))
}

#[cfg(test)]
mod tests;
