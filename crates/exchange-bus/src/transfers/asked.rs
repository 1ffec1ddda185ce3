//! What a consumer's node asks for, once its signature was verified.

use jiff::Timestamp;
use publicdata_exchange_domain::Query;
use publicdata_exchange_domain::transfer::{Request, Source, Way};
use publicdata_identity::TrustRoots;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{SealedParameters, TransferRequest};
use publicdata_transfer::{push, question, signed};
use publicdata_types::{Actor, CommandId, DeliveryMode, GrantId, TransferId};
use uuid::Uuid;

use crate::codec::{self, FieldError, values};
use crate::error::Error;

/// More than any data service asks for.
const PARAMETER_BYTES_MAX: usize = 64 << 10;

/// A request whose signature was verified.
pub(super) struct Asked {
    pub(super) transfer: TransferId,
    pub(super) grant: GrantId,
    pub(super) request: TransferRequest,
    pub(super) signed: SignedMessage,
    /// How it is to be delivered.
    pub(super) mode: DeliveryMode,
    /// What is asked of a data service.
    pub(super) query: Option<Query>,
    /// With what, sealed to the provider's node.
    pub(super) parameters: Option<SealedParameters>,
    pub(super) actor: String,
    /// The same attempt, sent again, is the same command.
    pub(super) command_id: CommandId,
}

impl Asked {
    /// Reads what the caller's node has signed.
    pub(super) fn verify(
        roots: &TrustRoots,
        (signed, parameters): (SignedMessage, Option<SealedParameters>),
        by: &Actor,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let verified = signed::verify::<TransferRequest>(roots, &signed, now)?;
        let request = verified.message;
        if verified.signer.to_string() != by.id || request.consumer_node != by.id {
            return Err(Error::NotTheSigner);
        }
        if request.consumer_code != by.organisation.as_str() {
            return Err(FieldError {
                field: "consumer_code",
                source: "it is not the caller's".into(),
            }
            .into());
        }
        let transfer = values::parse("transfer_id", &request.transfer_id)?;
        let grant = values::parse("grant_id", &request.grant_id)?;
        let command_id = derived(transfer, &signed.message);
        let mode = push::mode_of(&request).ok_or_else(|| FieldError::missing("mode"))?;
        let query = codec::transfer::query(&request)?;
        if (mode == DeliveryMode::Query) != query.is_some() {
            let source = "a data service is named if and only if the mode is query".into();
            return Err(FieldError { field: "query", source }.into());
        }
        let actor = by.id.clone();
        Ok(Self { transfer, grant, request, signed, mode, query, parameters, actor, command_id })
    }

    /// What is sent along is what was signed for: the bus can say no more of it.
    pub(super) fn check_parameters(&self) -> Result<(), Error> {
        let wrong = |text: &'static str| {
            Err(FieldError { field: "parameters", source: text.into() }.into())
        };
        let (query, sealed) = match (&self.request.query, &self.parameters) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return wrong("no data service is asked"),
            (Some(_), None) => return wrong("they are missing"),
            (Some(query), Some(sealed)) => (query, sealed),
        };
        if sealed.sealed.len() > PARAMETER_BYTES_MAX {
            return wrong("they are too large; 64 KiB is the most");
        }
        match question::digest(sealed).as_bytes() == query.parameters_sha256.as_slice() {
            true => Ok(()),
            false => wrong("they are not those that the request was signed for"),
        }
    }

    /// The same as it is recorded.
    pub(super) fn recorded(&self, source: Option<Source>, by: &Actor, way: Way) -> Request {
        let TransferRequest { consumer_node, requested_by, fields, purpose, case_number, .. } =
            self.request.clone();
        Request {
            grant: self.grant,
            source,
            consumer: by.organisation,
            consumer_node,
            requested_by,
            fields,
            purpose,
            case_number,
            mode: self.mode,
            query: self.query.clone(),
            way,
            signed: codec::grant::seal(&self.signed),
        }
    }
}

/// The id of the command that a signed message is: the same message is the same command.
pub(super) fn derived(transfer: TransferId, message: &[u8]) -> CommandId {
    CommandId::from_uuid(Uuid::new_v5(transfer.as_uuid(), message))
}
