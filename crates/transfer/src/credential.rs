//! Proofs without paper (电子证明, R21.1) as W3C Verifiable Credentials 2.0, secured as `vc+jwt` (VC-JOSE-COSE): written by a provider's
//! node, verified by anyone who holds the roots, without asking anybody.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use publicdata_identity::jws::TokenError;
use publicdata_identity::{Signer, SpiffeId, Token, TrustRoots, VerifyError};
use serde::{Deserialize, Serialize};

/// The type in a token's header.
pub const TYPE: &str = "vc+jwt";
const CONTENT_TYPE: &str = "vc";
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
const CONTEXTS: [&str; 2] = [
    "https://www.w3.org/ns/credentials/v2",
    // Our own terms are explained in the contracts; this context keeps them from being dropped.
    "https://www.w3.org/ns/credentials/undefined-terms/v2",
];
const TYPES: [&str; 2] = ["VerifiableCredential", "PublicDataProof"];

/// A proof, as it is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// The vocabularies.
    #[serde(rename = "@context")]
    pub context: Vec<String>,
    /// The transfer that gave it, as a URN.
    pub id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub types: Vec<String>,
    /// Who vouches for it.
    pub issuer: Issuer,
    /// When it was given.
    pub valid_from: Timestamp,
    /// Until when it holds.
    pub valid_until: Timestamp,
    /// What it says, and of whom.
    pub credential_subject: Subject,
    /// What it may be used for.
    pub terms_of_use: TermsOfUse,
}

/// Who vouches for a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// The provider's node, as a SPIFFE id.
    pub id: String,
    /// The provider's unified social credit code.
    pub organisation: String,
}

/// What a proof says, and of whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// The code of the resource that it rests on.
    pub resource: String,
    /// The data service that answered.
    pub service: String,
    /// Whom or what was asked about, as it was asked.
    pub parameters: BTreeMap<String, String>,
    /// Whether there is a record.
    pub found: bool,
    /// Whether a verification ticket on the record is open: then valid evidence that the applicant shows stands (R27.2).
    pub disputed: bool,
    /// The fact.
    #[serde(flatten)]
    pub answer: Answer,
}

/// The fact that a proof states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// Of each value that the applicant stated, whether it is the one on record.
    Confirmed(BTreeMap<String, Fact>),
    /// The values on record; null where there is none.
    #[serde(rename = "values")]
    Stated(BTreeMap<String, Option<String>>),
}

/// Whether a stated value is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What was stated.
    pub stated: String,
    /// Whether it is so.
    pub confirmed: bool,
}

/// What a proof may be used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TermsOfUse {
    /// What kind of terms these are.
    #[serde(rename = "type")]
    pub kind: String,
    /// The grant (UUID).
    pub grant: String,
    /// Who asked: a unified social credit code.
    pub consumer: String,
    /// For what.
    pub purpose: String,
    /// For which case.
    pub case_number: String,
}

/// A proof that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub credential: Credential,
    /// The node that signed it.
    pub signer: SpiffeId,
}

/// Why a proof is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The text is no token of this kind.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// What was signed is no proof.
    #[error("what was signed is not a proof of this platform")]
    Encoding(#[source] serde_json::Error),
    /// The signature is not accepted.
    #[error("the proof's signature is not accepted")]
    Signature(#[source] VerifyError),
    /// It names another issuer than its signer.
    #[error("the proof names {named} as its issuer, and {signer} signed it")]
    Issuer {
        /// Whom it names.
        named: String,
        /// Who signed.
        signer: Box<SpiffeId>,
    },
    /// Its time is over, or has not come.
    #[error("the proof holds from {from} until {until}; ask for a new one")]
    Time {
        /// From when it holds.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
}

// === impl Credential ===

impl Credential {
    /// A proof for a transfer.
    #[must_use]
    pub fn new(
        transfer: &str,
        issuer: Issuer,
        (valid_from, valid_until): (Timestamp, Timestamp),
        credential_subject: Subject,
        terms_of_use: TermsOfUse,
    ) -> Self {
        Self {
            context: CONTEXTS.map(ToOwned::to_owned).to_vec(),
            id: format!("urn:uuid:{transfer}"),
            types: TYPES.map(ToOwned::to_owned).to_vec(),
            issuer,
            valid_from,
            valid_until,
            credential_subject,
            terms_of_use,
        }
    }

    /// Signs it, as a token.
    pub fn sign(&self, signer: &Signer) -> Result<String, CredentialError> {
        let payload = serde_json::to_vec(self).map_err(CredentialError::Encoding)?;
        Ok(signer.sign_token(TYPE, CONTENT_TYPE, &payload))
    }
}

impl TermsOfUse {
    /// What a grant's use is bound to.
    #[must_use]
    pub fn new(grant: String, consumer: String, purpose: String, case_number: String) -> Self {
        Self { kind: "PublicDataGrant".to_owned(), grant, consumer, purpose, case_number }
    }
}

/// Verifies a proof: that a node of the issuer signed it with a certificate that was valid then, and that it holds at this time.
pub fn verify(roots: &TrustRoots, text: &str, at: Timestamp) -> Result<Verified, CredentialError> {
    let token = Token::parse(text, TYPE)?;
    let credential: Credential =
        serde_json::from_slice(&token.payload).map_err(CredentialError::Encoding)?;
    let signer = token.verify(roots, credential.valid_from).map_err(CredentialError::Signature)?;
    let Credential { issuer, valid_from, valid_until, .. } = &credential;
    let is_own = matches!(&signer, SpiffeId::Node { organisation, .. }
        if signer.to_string() == issuer.id && organisation.as_str() == issuer.organisation);
    if !is_own {
        let named = issuer.id.clone();
        return Err(CredentialError::Issuer { named, signer: Box::new(signer) });
    }
    // Clocks differ: who has just been given a proof may live a moment before it.
    let from = valid_from.checked_sub(CLOCK_SKEW).unwrap_or(*valid_from);
    if at < from || at >= *valid_until {
        return Err(CredentialError::Time { from: *valid_from, until: *valid_until });
    }
    Ok(Verified { credential, signer })
}

impl CredentialError {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Token(_) | Self::Encoding(_) => "PROOF_MALFORMED",
            Self::Signature(_) => "PROOF_SIGNATURE_INVALID",
            Self::Issuer { .. } => "PROOF_ISSUER_WRONG",
            Self::Time { .. } => "PROOF_NOT_VALID_NOW",
        }
    }
}

#[cfg(test)]
mod tests;
