//! Events of the aggregate `transfer`.

use prost::{Message as _, Name as _};
use prost_types::Any;
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_exchange_domain::transfer::{
    Cause, Event, Receipt, Refuser, Request, Source, Transfer, Way,
};
use publicdata_exchange_domain::{ProofKind, Query, SignedBytes};
use publicdata_proto::common::v1::Signature;
use publicdata_proto::exchange::v1::{
    ProofKind as WireProof, Receipt as WireReceipt, Refuser as WireRefuser, TransferCompleted,
    TransferInterrupted, TransferRefused, TransferRequest, TransferRequested, TransferResumed,
    TransferStopped,
};
use publicdata_transfer::question;
use publicdata_types::{DeliveryMode, Digest};

use super::grant::{open, seal};
use super::{FieldError, from_any, to_any, unreadable, values};

/// How transfers are stored.
#[derive(Clone, Copy, Debug)]
pub struct Transfers;

impl Codec for Transfers {
    type Aggregate = Transfer;

    const SERVICE: &'static str = "exchange";
    const AGGREGATE: &'static str = "transfer";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Requested(request) => to_any(&requested(request)),
            Event::Refused { refuser, cause } => to_any(&TransferRefused {
                refuser: refuser_to_wire(*refuser).into(),
                reason: cause.reason.clone(),
                message: cause.message.clone(),
            }),
            Event::Resumed { received_frames, signed } => to_any(&TransferResumed {
                received_frames: *received_frames,
                request: open(signed),
            }),
            Event::Interrupted { cause } => to_any(&TransferInterrupted {
                reason: cause.reason.clone(),
                message: cause.message.clone(),
            }),
            Event::Stopped { reason } => to_any(&TransferStopped { reason: reason.clone() }),
            Event::Completed(receipt) => to_any(&completed(receipt)),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = match any.type_url.as_str() {
            url if url == TransferRequested::type_url() => {
                Event::Requested(request(from_any(any)?).map_err(unreadable(any))?)
            }
            url if url == TransferRefused::type_url() => {
                let event: TransferRefused = from_any(any)?;
                let refuser = refuser(event.refuser()).map_err(unreadable(any))?;
                let cause = Cause { reason: event.reason, message: event.message };
                Event::Refused { refuser, cause }
            }
            url if url == TransferResumed::type_url() => {
                let TransferResumed { received_frames, request } = from_any(any)?;
                let signed = request.ok_or_else(|| FieldError::missing("request"));
                let signed = seal(&signed.map_err(unreadable(any))?);
                Event::Resumed { received_frames, signed }
            }
            url if url == TransferInterrupted::type_url() => {
                let TransferInterrupted { reason, message } = from_any(any)?;
                Event::Interrupted { cause: Cause { reason, message } }
            }
            url if url == TransferStopped::type_url() => {
                let TransferStopped { reason } = from_any(any)?;
                Event::Stopped { reason }
            }
            url if url == TransferCompleted::type_url() => {
                let TransferCompleted {
                    receipt: message,
                    provider_signature,
                    consumer_signature,
                    ..
                } = from_any(any)?;
                let signatures = (provider_signature, consumer_signature);
                Event::Completed(receipt(message, signatures).map_err(unreadable(any))?)
            }
            _ => return Err(unreadable(any)("no event of a transfer")),
        };
        Ok(Some(event))
    }
}

/// What a receipt says, with the signatures of the provider's and of the consumer's node.
///
/// # Errors
/// Names the field that does not hold what it has to.
pub fn receipt(
    message: Vec<u8>,
    (provider_signature, consumer_signature): (Option<Signature>, Option<Signature>),
) -> Result<Receipt, FieldError> {
    let wire = WireReceipt::decode(message.as_slice()).map_err(FieldError::of("receipt"))?;
    let digest: [u8; 32] =
        wire.sha256.try_into().map_err(|_| FieldError::missing("receipt.sha256"))?;
    Ok(Receipt {
        grant: values::parse("receipt.grant_id", &wire.grant_id)?,
        provider: values::parse("receipt.provider_code", &wire.provider_code)?,
        consumer: values::parse("receipt.consumer_code", &wire.consumer_code)?,
        fields: wire.fields,
        purpose: wire.purpose,
        rows: wire.rows,
        rejected_rows: wire.rejected_rows,
        bytes: wire.bytes,
        frames: wire.frames,
        digest: Digest::from_bytes(digest),
        signed: SignedBytes(message),
        provider_signature: seal_signature("provider_signature", provider_signature)?,
        consumer_signature: seal_signature("consumer_signature", consumer_signature)?,
    })
}

fn completed(receipt: &Receipt) -> TransferCompleted {
    let signature = |bytes: &SignedBytes| Signature::decode(bytes.0.as_slice()).ok();
    TransferCompleted {
        receipt: receipt.signed.0.clone(),
        provider_signature: signature(&receipt.provider_signature),
        consumer_signature: signature(&receipt.consumer_signature),
        rows: receipt.rows,
        bytes: receipt.bytes,
        sha256: receipt.digest.as_bytes().to_vec(),
        rejected_rows: receipt.rejected_rows,
    }
}

fn seal_signature(
    field: &'static str,
    signature: Option<Signature>,
) -> Result<SignedBytes, FieldError> {
    let signature = signature.ok_or_else(|| FieldError::missing(field))?;
    Ok(SignedBytes(signature.encode_to_vec()))
}

fn requested(request: &Request) -> TransferRequested {
    let source = request.source.as_ref();
    TransferRequested {
        grant_id: request.grant.to_string(),
        resource_id: source.map(|source| source.resource.to_string()).unwrap_or_default(),
        resource_code: source.map(|source| source.resource_code.to_string()).unwrap_or_default(),
        provider_code: source.map(|source| source.provider.to_string()).unwrap_or_default(),
        consumer_code: request.consumer.to_string(),
        consumer_node: request.consumer_node.clone(),
        requested_by: request.requested_by.clone(),
        fields: request.fields.clone(),
        purpose: request.purpose.clone(),
        case_number: request.case_number.clone(),
        request: open(&request.signed),
        // As before there were other modes.
        mode: match request.mode {
            DeliveryMode::Bulk => 0,
            mode @ (DeliveryMode::Query | DeliveryMode::Push) => values::mode_to_wire(mode),
        },
        service: request.query.as_ref().map(|query| query.service.clone()).unwrap_or_default(),
        proof: proof_to_wire(request.query.as_ref().and_then(|query| query.proof)).into(),
        requested_through: request.way.requested_through.clone().unwrap_or_default(),
        served_through: request.way.served_through.clone().unwrap_or_default(),
    }
}

fn request(event: TransferRequested) -> Result<Request, FieldError> {
    let source = match event.resource_id.as_str() {
        "" => None,
        id => Some(Source {
            resource: values::parse("resource_id", id)?,
            resource_code: values::parse("resource_code", &event.resource_code)?,
            provider: values::parse("provider_code", &event.provider_code)?,
        }),
    };
    let signed = event.request.ok_or_else(|| FieldError::missing("request"))?;
    Ok(Request {
        grant: values::parse("grant_id", &event.grant_id)?,
        source,
        consumer: values::parse("consumer_code", &event.consumer_code)?,
        consumer_node: event.consumer_node,
        requested_by: event.requested_by,
        fields: event.fields,
        purpose: event.purpose,
        case_number: event.case_number,
        mode: question::mode(event.mode).ok_or_else(|| FieldError::missing("mode"))?,
        query: match event.service.is_empty() {
            true => None,
            false => Some(Query { service: event.service, proof: proof(event.proof) }),
        },
        way: Way {
            requested_through: values::non_empty(event.requested_through),
            served_through: values::non_empty(event.served_through),
        },
        signed: seal(&signed),
    })
}

/// What a request asks of a data service.
///
/// # Errors
/// It names no service, or a kind of proof that is not known.
pub fn query(request: &TransferRequest) -> Result<Option<Query>, FieldError> {
    let Some(query) = request.query.as_ref() else { return Ok(None) };
    if query.service.is_empty() {
        return Err(FieldError::missing("query.service"));
    }
    if WireProof::try_from(query.proof).is_err() {
        return Err(FieldError::missing("query.proof"));
    }
    Ok(Some(Query { service: query.service.clone(), proof: proof(query.proof) }))
}

fn proof(number: i32) -> Option<ProofKind> {
    match WireProof::try_from(number) {
        Ok(WireProof::Confirm) => Some(ProofKind::Confirm),
        Ok(WireProof::Extract) => Some(ProofKind::Extract),
        Ok(WireProof::Unspecified) | Err(_) => None,
    }
}

fn proof_to_wire(proof: Option<ProofKind>) -> WireProof {
    match proof {
        None => WireProof::Unspecified,
        Some(ProofKind::Confirm) => WireProof::Confirm,
        Some(ProofKind::Extract) => WireProof::Extract,
    }
}

fn refuser_to_wire(refuser: Refuser) -> WireRefuser {
    match refuser {
        Refuser::ExchangeBus => WireRefuser::ExchangeBus,
        Refuser::ProviderNode => WireRefuser::ProviderNode,
        Refuser::PeerBus => WireRefuser::PeerBus,
    }
}

fn refuser(wire: WireRefuser) -> Result<Refuser, FieldError> {
    match wire {
        WireRefuser::ExchangeBus => Ok(Refuser::ExchangeBus),
        WireRefuser::ProviderNode => Ok(Refuser::ProviderNode),
        WireRefuser::PeerBus => Ok(Refuser::PeerBus),
        WireRefuser::Unspecified => Err(FieldError::missing("refuser")),
    }
}
