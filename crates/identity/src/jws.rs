//! JSON Web Signatures (RFC 7515) in their compact form, with the signer's certificates in the header (`x5c`): what a principal signs for
//! those who use none of our formats.
//!
//! The form is two lines of base64url around what [`Signer`] does; the libraries for it choose the key by what the token says, and check no
//! chain of certificates. Here the algorithm is Ed25519 (RFC 8037), whatever the token says, and the chain must lead to our roots.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::roots::TrustRoots;
use crate::signature::{Algorithm, Signature, Signer, VerifyError, verify_bytes};
use crate::spiffe::SpiffeId;

const ALGORITHM: &str = "EdDSA";

/// A signed token that was taken apart, and not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What was signed, if the signature holds.
    pub payload: Vec<u8>,
    input: String,
    signature: Signature,
}

/// Why a text is no token of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not three parts with dots between.
    #[error("a signed token is three parts with dots between them; this text is not")]
    Form,
    /// A part cannot be read.
    #[error("the token's {0} cannot be read")]
    Part(&'static str),
    /// It is of another kind.
    #[error("the token is of type `{found}`, not `{expected}`")]
    Type {
        /// What it says that it is.
        found: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// It is signed in another way.
    #[error("the token names the algorithm `{found}`; EdDSA is known")]
    Algorithm {
        /// What it names.
        found: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cty: Option<String>,
    x5c: Vec<String>,
}

impl Signer {
    /// Signs a payload as a token of this type, such as `vc+jwt`, whose payload is of type `cty`.
    #[must_use]
    pub fn sign_token(&self, typ: &str, cty: &str, payload: &[u8]) -> String {
        let header = Header {
            alg: ALGORITHM.to_owned(),
            typ: typ.to_owned(),
            cty: Some(cty.to_owned()),
            x5c: self.chain().iter().map(|der| STANDARD.encode(der)).collect(),
        };
        // Texts always have a JSON form.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let input =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.sign_bytes(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.value))
    }
}

impl Token {
    /// Takes a token of this type apart.
    pub fn parse(text: &str, typ: &'static str) -> Result<Self, TokenError> {
        let mut parts = text.trim().split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Form);
        };
        let part = |name, text| URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Part(name));
        let input = format!("{header}.{payload}");
        let header: Header = serde_json::from_slice(&part("header", header)?)
            .map_err(|_| TokenError::Part("header"))?;
        if header.alg != ALGORITHM {
            return Err(TokenError::Algorithm { found: header.alg });
        }
        if header.typ != typ {
            return Err(TokenError::Type { found: header.typ, expected: typ });
        }
        let certificate =
            |text: &String| STANDARD.decode(text).map_err(|_| TokenError::Part("certificates"));
        let signature = Signature {
            algorithm: Algorithm::Ed25519,
            certificate_chain: header.x5c.iter().map(certificate).collect::<Result<_, _>>()?,
            value: part("signature", signature)?,
        };
        Ok(Self { payload: part("payload", payload)?, input, signature })
    }

    /// Who signed it, with a certificate that was valid at that time.
    pub fn verify(&self, roots: &TrustRoots, at: Timestamp) -> Result<SpiffeId, VerifyError> {
        verify_bytes(roots, self.input.as_bytes(), &self.signature, at)
    }
}

#[cfg(test)]
mod tests;
