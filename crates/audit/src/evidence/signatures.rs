//! Who signed what within events: grants, requests, receipts, statements, seals.

use jiff::Timestamp;
use prost::Message as _;
use publicdata_identity::{SpiffeId, TrustRoots, certificate};
use publicdata_proto::audit::v1::Leaf;
use publicdata_proto::common::v1::{Signature, SignedMessage};
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1::{
    GrantIssued, GrantTerms, LogArchive, LogArchiveSealed, Receipt, SinkStatement,
    SubscriptionReconciled, TransferCompleted, TransferRequest, TransferRequested, TransferResumed,
};
use publicdata_transfer::signed::{self, Signable, SignedError};
use publicdata_types::Digest;

use crate::time;

/// The service that seals archives of the exchange log; those of districts' tiers add their division.
const BUS: &str = "exchange-bus";
/// How much of a certificate's digest names it.
const ID_BYTES: usize = 16;

/// One signature within an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// The event's place in the log, from 0.
    pub index: u64,
    /// What is signed.
    pub what: &'static str,
    /// Whose signature it has to be.
    pub role: &'static str,
    kind: Kind,
    /// The bytes that are signed.
    message: Vec<u8>,
    signature: Option<Signature>,
    /// When the event happened: the signer's certificate had to be valid then.
    at: Option<Timestamp>,
    /// Who caused the event.
    actor: String,
    /// The id of what it happened to.
    thing: String,
}

/// Why a signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It is not accepted.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// What is signed cannot be read.
    #[error("what is signed cannot be read")]
    Unreadable(#[from] prost::DecodeError),
    /// The event says no time.
    #[error("the event does not say when it happened")]
    Undated,
    /// It is a signature for something else.
    #[error("what is signed is about {signed}, and the event about {thing}")]
    Thing {
        /// What the signed message names.
        signed: String,
        /// What the event happened to.
        thing: String,
    },
    /// Somebody else signed it.
    #[error("it is signed by {signer}, and should be by {expected}")]
    Signer {
        /// Who did.
        signer: Box<SpiffeId>,
        /// Who should have.
        expected: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Grant,
    Request,
    ProviderReceipt,
    ConsumerReceipt,
    Statement,
    Seal,
}

/// Who has to sign.
enum Expected {
    /// An account of this organisation.
    Account(String),
    /// A node of this organisation.
    Node(String),
    /// This node of this organisation.
    NamedNode(String, String),
    /// This node.
    Named(String),
    /// An exchange bus.
    Bus,
}

/// The signatures within a commit, in its order.
pub(super) fn of(index: u64, leaf: &[u8], payload: &[u8]) -> Vec<Signed> {
    let Ok(commit) = Commit::decode(payload) else { return Vec::new() };
    let subject = Leaf::decode(leaf).map(|leaf| leaf.subject).unwrap_or_default();
    let thing = subject.rsplit('.').next().unwrap_or_default();
    let mut found = Vec::new();
    for event in &commit.events {
        for (kind, message, signature) in within(event).unwrap_or_default() {
            let (what, role) = kind.words();
            found.push(Signed {
                index,
                what,
                role,
                kind,
                message,
                signature,
                at: commit.occurred_at.as_ref().and_then(time::from_proto),
                actor: commit.actor.clone(),
                thing: thing.to_owned(),
            });
        }
    }
    found
}

/// What an event repeats of what it holds signed, and does not repeat truly: the names of the fields.
pub(super) fn contradictions(payload: &[u8]) -> Vec<&'static str> {
    let Ok(commit) = Commit::decode(payload) else { return Vec::new() };
    let mut wrong = Vec::new();
    for requested in commit.events.iter().filter_map(|event| event.to_msg().ok()) {
        wrong.extend(contradicted_request(requested));
    }
    let completed = commit.events.iter().filter_map(|event| event.to_msg().ok());
    for TransferCompleted { receipt, rows, bytes, sha256, rejected_rows, .. } in completed {
        let Ok(said) = Receipt::decode(receipt.as_slice()) else { continue };
        let repeated = [
            ("rows", rows == said.rows),
            ("bytes", bytes == said.bytes),
            ("sha256", sha256 == said.sha256),
            ("rejected_rows", rejected_rows == said.rejected_rows),
        ];
        wrong.extend(repeated.iter().filter(|(_, is_true)| !is_true).map(|(field, _)| *field));
    }
    wrong
}

fn contradicted_request(event: TransferRequested) -> Vec<&'static str> {
    let signed = event.request.clone().unwrap_or_default();
    let Ok(said) = TransferRequest::decode(signed.message.as_slice()) else { return Vec::new() };
    let repeated = [
        ("grant_id", event.grant_id == said.grant_id),
        ("consumer_code", event.consumer_code == said.consumer_code),
        ("consumer_node", event.consumer_node == said.consumer_node),
        ("requested_by", event.requested_by == said.requested_by),
        ("fields", event.fields == said.fields),
        ("purpose", event.purpose == said.purpose),
        ("case_number", event.case_number == said.case_number),
    ];
    repeated.iter().filter(|(_, is_true)| !is_true).map(|(field, _)| *field).collect()
}

type Part = (Kind, Vec<u8>, Option<Signature>);

/// The events that hold signatures are listed here, and a test sees that none is left out.
fn within(event: &prost_types::Any) -> Result<Vec<Part>, prost::DecodeError> {
    let message = |kind, signed: Option<SignedMessage>| {
        let SignedMessage { message, signature } = signed.unwrap_or_default();
        vec![(kind, message, signature)]
    };
    let name = event.type_url.rsplit('/').next().unwrap_or_default();
    let value = event.value.as_slice();
    Ok(match name.strip_prefix("publicdata.exchange.v1.").unwrap_or_default() {
        "GrantIssued" => message(Kind::Grant, GrantIssued::decode(value)?.grant),
        "TransferRequested" => message(Kind::Request, TransferRequested::decode(value)?.request),
        "TransferResumed" => message(Kind::Request, TransferResumed::decode(value)?.request),
        "TransferCompleted" => {
            let completed = TransferCompleted::decode(value)?;
            vec![
                (Kind::ProviderReceipt, completed.receipt.clone(), completed.provider_signature),
                (Kind::ConsumerReceipt, completed.receipt, completed.consumer_signature),
            ]
        }
        "SubscriptionReconciled" => {
            message(Kind::Statement, SubscriptionReconciled::decode(value)?.statement)
        }
        "LogArchiveSealed" => message(Kind::Seal, LogArchiveSealed::decode(value)?.archive),
        _ => Vec::new(),
    })
}

// === impl Signed ===

impl Signed {
    /// The signer's certificate, in DER, if the signature brings one.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.signature.as_ref()?.certificate_chain.first().map(Vec::as_slice)
    }

    /// All certificates that the signature brings, in DER: the signer's and then its issuers', without the root.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.signature.iter().flat_map(|signature| &signature.certificate_chain).map(Vec::as_slice)
    }

    /// Whom the certificate names. It proves nothing before [`check`](Self::check) succeeds.
    #[must_use]
    pub fn claimed(&self) -> Option<String> {
        Some(certificate::read(self.certificate()?).ok()?.id.to_string())
    }

    /// How it was signed.
    #[must_use]
    pub fn algorithm(&self) -> &str {
        self.signature.as_ref().map_or("", |signature| &signature.algorithm)
    }

    /// Who signed, by the roots; and whether it is who had to.
    ///
    /// # Errors
    /// The signature is not accepted, or somebody else's.
    pub fn check(&self, roots: &TrustRoots) -> Result<SpiffeId, SignatureError> {
        let signer = match self.kind {
            Kind::Grant => self.signer::<GrantTerms>(roots),
            Kind::Request => self.signer::<TransferRequest>(roots),
            Kind::ProviderReceipt | Kind::ConsumerReceipt => self.signer::<Receipt>(roots),
            Kind::Statement => self.signer::<SinkStatement>(roots),
            Kind::Seal => self.signer::<LogArchive>(roots),
        }?;
        let (signed, thing) = (self.about()?, &self.thing);
        if signed.as_ref().is_some_and(|signed| signed != thing) {
            let (signed, thing) = (signed.unwrap_or_default(), thing.clone());
            return Err(SignatureError::Thing { signed, thing });
        }
        let expected = self.expected()?;
        match expected.is(&signer) {
            true => Ok(signer),
            false => {
                let (signer, expected) = (Box::new(signer), expected.to_string());
                Err(SignatureError::Signer { signer, expected })
            }
        }
    }

    fn signer<M: Signable>(&self, roots: &TrustRoots) -> Result<SpiffeId, SignatureError> {
        let at = self.at.ok_or(SignatureError::Undated)?;
        Ok(signed::signer_of::<M>(roots, &self.message, self.signature.as_ref(), at)?)
    }

    /// What the signed message is about: the thing that the event happened to.
    fn about(&self) -> Result<Option<String>, prost::DecodeError> {
        let message = self.message.as_slice();
        Ok(match self.kind {
            Kind::Grant => Some(GrantTerms::decode(message)?.grant_id),
            Kind::Request => Some(TransferRequest::decode(message)?.transfer_id),
            Kind::ProviderReceipt | Kind::ConsumerReceipt => {
                Some(Receipt::decode(message)?.transfer_id)
            }
            Kind::Statement => Some(SinkStatement::decode(message)?.subscription_id),
            Kind::Seal => None,
        })
    }

    fn expected(&self) -> Result<Expected, prost::DecodeError> {
        let message = self.message.as_slice();
        Ok(match self.kind {
            Kind::Grant => Expected::Account(GrantTerms::decode(message)?.provider_code),
            Kind::Request => {
                let request = TransferRequest::decode(message)?;
                Expected::NamedNode(request.consumer_node, request.consumer_code)
            }
            Kind::ProviderReceipt => Expected::Node(Receipt::decode(message)?.provider_code),
            Kind::ConsumerReceipt => Expected::Node(Receipt::decode(message)?.consumer_code),
            Kind::Statement => Expected::Named(self.actor.clone()),
            Kind::Seal => Expected::Bus,
        })
    }
}

impl Kind {
    /// What is signed, and whose signature it has to be.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Grant => ("grant", "an account of the provider"),
            Self::Request => ("transfer request", "the consumer's node"),
            Self::ProviderReceipt => ("receipt", "the provider's node"),
            Self::ConsumerReceipt => ("receipt", "the consumer's node"),
            Self::Statement => ("sink statement", "the consumer's node"),
            Self::Seal => ("log archive", "the exchange bus"),
        }
    }
}

impl Expected {
    fn is(&self, signer: &SpiffeId) -> bool {
        match (self, signer) {
            (Self::Account(code), SpiffeId::User { organisation, .. })
            | (Self::Node(code), SpiffeId::Node { organisation, .. }) => {
                organisation.as_str() == code
            }
            (Self::NamedNode(name, code), SpiffeId::Node { organisation, .. }) => {
                organisation.as_str() == code && signer.to_string() == *name
            }
            (Self::Named(name), SpiffeId::Node { .. }) => signer.to_string() == *name,
            (Self::Bus, SpiffeId::Service { name, .. }) => {
                let name = name.as_str();
                name == BUS || name.strip_prefix(BUS).is_some_and(|tier| tier.starts_with('-'))
            }
            (
                Self::Account(_) | Self::Node(_) | Self::NamedNode(..) | Self::Named(_) | Self::Bus,
                _,
            ) => false,
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(code) => write!(f, "an account of organisation {code}"),
            Self::Node(code) => write!(f, "a node of organisation {code}"),
            Self::NamedNode(name, _) | Self::Named(name) => f.write_str(name),
            Self::Bus => f.write_str("the exchange bus"),
        }
    }
}

/// What a certificate's file is called: the beginning of its SHA-256.
pub(super) fn certificate_path(der: &[u8]) -> String {
    let digest = Digest::of(der);
    let id: String =
        digest.as_bytes().iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("certificates/{id}.pem")
}
