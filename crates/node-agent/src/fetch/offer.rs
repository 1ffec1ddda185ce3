//! What a ticket means under its grant, before anything is asked for.

use arrow::datatypes::SchemaRef;
use publicdata_exchange_domain::Terms;
use publicdata_exchange_domain::terms::Field;
use publicdata_identity::SpiffeId;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::grant_service_client::GrantServiceClient;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::exchange::v1::{FetchRequest, GetGrantRequest, GrantTerms, TransferRequest};
use publicdata_transfer::terms;
use publicdata_transfer::{signed, time};

use super::question::{Question, on_record};
use super::{Fetcher, next_part};
use crate::error::FetchError;
use crate::mask;
use crate::provider;
use crate::ticket::Ticket;

/// What a ticket means under its grant.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The ticket, with all its fields.
    pub ticket: Ticket,
    /// The schema that a delivery has to have.
    pub schema: SchemaRef,
    /// The fields, as they are granted.
    pub fields: Vec<Field>,
    pub(super) terms: GrantTerms,
    pub(super) question: Option<Question>,
}

impl Offer {
    /// The resource, by its id.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.terms.resource_id
    }
}

impl Fetcher {
    /// What a ticket means, or why not. A ticket that is refused already here would leave no trace in the
    /// exchange log, so the bus is asked for the transfer nevertheless (R23.2).
    pub async fn offer(
        &self,
        ticket: Ticket,
        requested_by: &SpiffeId,
    ) -> Result<Offer, FetchError> {
        let refusal = match self.granted(ticket.clone()).await {
            Err(error) if error.is_refusal() => error,
            answer => return answer,
        };
        match (self.put_on_record(ticket, requested_by).await, &refusal) {
            // The bus now says why it refuses the transfer, where before it did not show the grant.
            (Err(error), FetchError::Bus(_)) => Err(error),
            (Ok(()) | Err(_), _) => Err(refusal),
        }
    }

    /// Asks the bus for the grant, and checks that its provider signed it.
    async fn granted(&self, ticket: Ticket) -> Result<Offer, FetchError> {
        let known = self.known.terms.get(&ticket.grant_id);
        let is_known = known.is_some();
        let signed = match known {
            Some(known) => known,
            None => self.signed_terms(&ticket.grant_id).await?,
        };
        let verified = signed::verify::<GrantTerms>(&self.roots, &signed, self.clock.now())
            .map_err(FetchError::GrantSignature)?;
        let terms = terms::read(&verified.message).map_err(FetchError::Terms)?;
        let granted_by_user = matches!(&verified.signer,
            SpiffeId::User { organisation, .. } if *organisation == terms.provider);
        if !granted_by_user || terms.grant.to_string() != ticket.grant_id {
            return Err(FetchError::GrantWrong);
        }

        let ticket = ticket.with_fields(terms.fields.iter().map(|field| field.name.clone()));
        let fields = named(&terms, &ticket.fields);
        let schema = mask::schema_of(&fields);
        let schema = match (ticket.is_question(), &ticket.proof) {
            (false, _) => schema,
            (true, None) => provider::with_references(&schema),
            (true, Some(_)) => provider::proof_schema(),
        };
        if !is_known {
            self.known.terms.insert(ticket.grant_id.clone(), signed);
        }
        let question = self.question(&ticket, &terms).await?;
        Ok(Offer { ticket, schema, fields, terms: verified.message, question })
    }

    /// The terms as the bus has them.
    async fn signed_terms(&self, grant_id: &str) -> Result<SignedMessage, FetchError> {
        let mut client = GrantServiceClient::new(self.bus.clone());
        let request = GetGrantRequest { grant_id: grant_id.to_owned() };
        let grant = client.get_grant(request).await?.into_inner().grant;
        grant.and_then(|grant| grant.signed_terms).ok_or(FetchError::GrantNotIssued)
    }

    /// Asks for a transfer that is not to happen: without a key, nothing can be sealed for it.
    async fn put_on_record(
        &self,
        ticket: Ticket,
        requested_by: &SpiffeId,
    ) -> Result<(), FetchError> {
        let requested_at = Some(time::to_wire(self.clock.now()));
        let request = on_record(&ticket, self.request(ticket.clone(), requested_by));
        let signed = signed::sign(&self.signer, &TransferRequest { requested_at, ..request });
        let mut client = TransferServiceClient::new(self.bus.clone());
        let request = FetchRequest { request: Some(signed), parameters: None };
        let mut incoming = client.fetch(request).await?.into_inner();
        // If the bus has the provider's node serve it, that node still has its say.
        next_part(&mut incoming).await.map(drop)
    }
}

/// In the ticket's order; a field that is not granted is left for the bus to refuse, which records it.
fn named(terms: &Terms, fields: &[String]) -> Vec<Field> {
    let find = |name: &String| terms.fields.iter().find(|field| field.name == *name).cloned();
    fields.iter().filter_map(find).collect()
}
