//! Whether this node serves a request. It trusts the bus with nothing: grant and request carry
//! signatures, and both are checked here (R24.1, R26.2).

use jiff::{SignedDuration, Timestamp};
use publicdata_exchange_domain::filter::FilterError;
use publicdata_exchange_domain::terms::Field;
use publicdata_exchange_domain::{ProofKind, Refusal, Standing, Terms, Usage, Use, authorise};
use publicdata_identity::{SpiffeId, TrustRoots};
use publicdata_proto::exchange::v1::{
    self as exchange, GrantTerms, ServeTransfer, TransferRequest,
};
use publicdata_transfer::question::ParameterError;
use publicdata_transfer::signed::{self, SignedError};
use publicdata_transfer::terms::{self, TermsError};
use publicdata_transfer::{push, time};
use publicdata_types::{DeliveryMode, GrantId, OrganisationCode, ResourceId, TransferId};

use crate::proof::ClaimError;
use crate::service::QuestionError;

/// How far the clocks of two nodes may differ, and a request travel.
pub const REQUEST_AGE_MAX: SignedDuration = SignedDuration::from_mins(5);

/// What a request must pass.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The organisation whose node this is.
    pub organisation: OrganisationCode,
    /// Who vouches for signers.
    pub roots: TrustRoots,
}

/// An attempt at a transfer.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Who asks.
    pub consumer: OrganisationCode,
    /// The transfer.
    pub transfer: TransferId,
    /// How many frames the consumer has of it.
    pub received_frames: u64,
}

/// A request that this node serves.
#[derive(Clone, Debug)]
pub struct Permit {
    /// The transfer.
    pub transfer: TransferId,
    /// Who asked.
    pub consumer: OrganisationCode,
    /// The fields wanted, in order, with the masks that the grant sets.
    pub fields: Vec<Field>,
    /// The terms, as the domain knows them.
    pub terms: Terms,
    /// How it is delivered.
    pub mode: DeliveryMode,
    /// The proof that is asked for, if it is one.
    pub proof: Option<ProofKind>,
    /// How many rows of all that the grant allows are left, if it sets a limit.
    pub rows_left: Option<u64>,
    /// The terms, as they were signed.
    pub signed_terms: GrantTerms,
    /// The request, as it was signed.
    pub request: TransferRequest,
    /// When it was made.
    pub requested_at: Timestamp,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Grant or request is missing.
    #[error("the {0} is missing")]
    Missing(&'static str),
    /// The grant's signature is not accepted.
    #[error("the grant is not accepted")]
    Grant(#[source] SignedError),
    /// The grant was signed by somebody who cannot grant for this organisation.
    #[error("the grant is signed by {signer}, only users of {organisation} grant its data")]
    GrantSigner {
        /// Who signed.
        signer: Box<SpiffeId>,
        /// Whose node this is.
        organisation: OrganisationCode,
    },
    /// The grant gives another provider's data.
    #[error("the grant is of provider {provider}, this node is of {organisation}")]
    OtherProvider {
        /// Whose data the grant gives.
        provider: OrganisationCode,
        /// Whose node this is.
        organisation: OrganisationCode,
    },
    /// The terms cannot be read.
    #[error("the grant's terms are not accepted")]
    Terms(#[source] TermsError),
    /// The request's signature is not accepted.
    #[error("the transfer request is not accepted")]
    Request(#[source] SignedError),
    /// The request was signed by somebody else than it says.
    #[error("the transfer request is signed by {signer}, not by the node that it names")]
    RequestSigner {
        /// Who signed.
        signer: Box<SpiffeId>,
    },
    /// A field of the request is malformed.
    #[error("the transfer request's `{0}` is malformed")]
    Malformed(&'static str),
    /// The request is for another grant.
    #[error("the transfer request is for another grant than the one it comes with")]
    OtherGrant,
    /// The request is too old, or from the future.
    #[error("the transfer request was made at {requested_at}; check the clocks of both nodes")]
    Stale {
        /// When it was made.
        requested_at: Timestamp,
    },
    /// The request was served before.
    #[error("the transfer request was served already; each attempt needs a new one")]
    Replayed,
    /// The grant does not allow it.
    #[error(transparent)]
    Grants(#[from] Refusal),
    /// How many rows are left is known once the transfer that runs has ended.
    #[error(
        "another transfer runs under this grant, which limits rows over all transfers; wait for its end"
    )]
    VolumeInUse,
    /// The node does not have the resource.
    #[error("this node does not serve resource {resource}")]
    NotServed {
        /// The resource.
        resource: ResourceId,
    },
    /// The request asks another node.
    #[error("the query is for another node; ask for the services again")]
    OtherNode,
    /// The resource has no such data service.
    #[error("this node has no data service `{name}` for the resource")]
    NoService {
        /// The service.
        name: String,
    },
    /// The data service is about nobody in particular.
    #[error("data service `{name}` gives no proofs: no parameter of it names a subject")]
    NoProofs {
        /// The service.
        name: String,
    },
    /// The parameters are not those that were signed for.
    #[error("the query's parameters are not those that its request was signed for")]
    OtherParameters,
    /// The parameters cannot be opened.
    #[error(transparent)]
    Parameters(ParameterError),
    /// The question makes no sense to the service.
    #[error("the question is not answered")]
    Question(#[from] QuestionError),
    /// What is to be proven makes no sense.
    #[error("the proof is not given")]
    Claim(#[from] ClaimError),
    /// The grant's row filter cannot be applied here.
    #[error("the grant's row filter is not accepted; it names items whose types the terms give")]
    Filter(#[source] FilterError),
}

// === impl Gate ===

impl Gate {
    /// Checks all that grant and request show by themselves.
    pub fn check(
        &self,
        serve: &ServeTransfer,
        now: Timestamp,
        known: impl FnOnce(&Terms, &Attempt) -> (Standing, Usage),
    ) -> Result<Permit, Refused> {
        let (signed_terms, terms) = self.check_grant(serve, now)?;
        let (request, consumer) = self.check_request(serve, now)?;
        if request.grant_id != signed_terms.grant_id {
            return Err(Refused::OtherGrant);
        }

        let transfer =
            request.transfer_id.parse().map_err(|_| Refused::Malformed("transfer_id"))?;
        let attempt = Attempt { consumer, transfer, received_frames: request.received_frames };
        let proof = proof(&request)?;
        let mode = push::mode_of(&request).ok_or(Refused::Malformed("mode"))?;
        // Otherwise rows would be had by a mode that was not granted.
        if (mode == DeliveryMode::Query) != request.query.is_some() {
            return Err(Refused::Malformed("query"));
        }
        let (standing, used) = known(&terms, &attempt);
        let requested_at = time::from_wire(request.requested_at.as_ref())
            .ok_or(Refused::Malformed("requested_at"))?;
        let fields = fields_wanted(&terms, &request);
        let mut permit = Permit {
            transfer,
            consumer,
            fields,
            terms,
            mode,
            proof,
            rows_left: None,
            signed_terms,
            request,
            requested_at,
        };
        permit.authorise(standing, &used, now)?;
        match now.duration_since(requested_at).abs() > REQUEST_AGE_MAX {
            true => Err(Refused::Stale { requested_at }),
            false => Ok(permit),
        }
    }

    fn check_grant(
        &self,
        serve: &ServeTransfer,
        now: Timestamp,
    ) -> Result<(GrantTerms, Terms), Refused> {
        let grant = serve.grant.as_ref().ok_or(Refused::Missing("grant"))?;
        let verified =
            signed::verify::<GrantTerms>(&self.roots, grant, now).map_err(Refused::Grant)?;
        let organisation = self.organisation;
        match verified.signer {
            SpiffeId::User { organisation: own, .. } if own == organisation => {}
            signer @ (SpiffeId::User { .. } | SpiffeId::Node { .. } | SpiffeId::Service { .. }) => {
                return Err(Refused::GrantSigner { signer: Box::new(signer), organisation });
            }
        }

        let terms = terms::read(&verified.message).map_err(Refused::Terms)?;
        if terms.provider != organisation {
            return Err(Refused::OtherProvider { provider: terms.provider, organisation });
        }
        Ok((verified.message, terms))
    }

    fn check_request(
        &self,
        serve: &ServeTransfer,
        now: Timestamp,
    ) -> Result<(TransferRequest, OrganisationCode), Refused> {
        let request = serve.request.as_ref().ok_or(Refused::Missing("transfer request"))?;
        let verified = signed::verify::<TransferRequest>(&self.roots, request, now)
            .map_err(Refused::Request)?;
        let request = verified.message;

        match verified.signer {
            SpiffeId::Node { organisation, .. }
                if organisation.as_str() == request.consumer_code
                    && verified.signer.to_string() == request.consumer_node =>
            {
                Ok((request, organisation))
            }
            signer @ (SpiffeId::Node { .. } | SpiffeId::User { .. } | SpiffeId::Service { .. }) => {
                Err(Refused::RequestSigner { signer: Box::new(signer) })
            }
        }
    }
}

// === impl Permit ===

impl Permit {
    /// Whether the grant allows it, as it stands and was used by now.
    pub fn authorise(
        &mut self,
        standing: Standing,
        used: &Usage,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let wanted = Use {
            consumer: self.consumer,
            fields: &self.request.fields,
            purpose: &self.request.purpose,
            mode: self.mode,
            proof: self.proof,
            case_number: &self.request.case_number,
            at: now,
            used,
        };
        authorise(&self.terms, standing, &wanted)?;
        self.rows_left = self.terms.rows_left(used);
        Ok(())
    }

    /// What of the request counts against the grant.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        let received_frames = self.request.received_frames;
        Attempt { consumer: self.consumer, transfer: self.transfer, received_frames }
    }

    /// What is used, and by whom.
    #[must_use]
    pub fn key(&self) -> (GrantId, OrganisationCode) {
        (self.terms.grant, self.consumer)
    }
}

/// A kind of proof that this node does not know must not mean that rows are wanted.
fn proof(request: &TransferRequest) -> Result<Option<ProofKind>, Refused> {
    let Some(query) = &request.query else { return Ok(None) };
    match exchange::ProofKind::try_from(query.proof) {
        Ok(exchange::ProofKind::Unspecified) => Ok(None),
        Ok(exchange::ProofKind::Confirm) => Ok(Some(ProofKind::Confirm)),
        Ok(exchange::ProofKind::Extract) => Ok(Some(ProofKind::Extract)),
        Err(_) => Err(Refused::Malformed("query.proof")),
    }
}

/// In the request's order. What is not granted was refused before.
fn fields_wanted(terms: &Terms, request: &TransferRequest) -> Vec<Field> {
    let granted = |name: &String| terms.fields.iter().find(|field| field.name == *name).cloned();
    request.fields.iter().filter_map(granted).collect()
}

// === impl Refused ===

impl Refused {
    /// The stable code that clients may rely on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Missing(_) | Self::Malformed(_) => "REQUEST_MALFORMED",
            Self::Grant(_) => "GRANT_SIGNATURE_INVALID",
            Self::GrantSigner { .. } => "GRANT_SIGNER_WRONG",
            Self::OtherProvider { .. } => "GRANT_OF_OTHER_PROVIDER",
            Self::Terms(_) => "GRANT_MALFORMED",
            Self::Request(_) => "REQUEST_SIGNATURE_INVALID",
            Self::RequestSigner { .. } => "REQUEST_SIGNER_WRONG",
            Self::OtherGrant => "REQUEST_FOR_OTHER_GRANT",
            Self::Stale { .. } => "REQUEST_STALE",
            Self::Replayed => "REQUEST_REPLAYED",
            Self::Grants(refusal) => refusal.reason(),
            Self::VolumeInUse => "VOLUME_IN_USE",
            Self::NotServed { .. } => "RESOURCE_NOT_SERVED",
            Self::OtherNode => "QUERY_FOR_OTHER_NODE",
            Self::NoService { .. } => "SERVICE_UNKNOWN",
            Self::NoProofs { .. } => "SERVICE_WITHOUT_PROOFS",
            Self::OtherParameters => "PARAMETERS_CHANGED",
            Self::Parameters(_) => "PARAMETERS_UNREADABLE",
            Self::Question(_) => "QUESTION_REFUSED",
            Self::Claim(_) => "CLAIM_REFUSED",
            Self::Filter(_) => "FILTER_NOT_ACCEPTED",
        }
    }
}
