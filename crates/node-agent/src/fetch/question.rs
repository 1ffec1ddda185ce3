//! Questions to data services, as the consumer's node asks them (R23.1, R21.1).

use std::sync::Arc;

use publicdata_exchange_domain::Terms;
use publicdata_identity::SpiffeId;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::exchange::v1::{
    DataService, FindServicesRequest, NamedValue, NodeKey, ProofKind, Query, QueryParameters,
    SealedParameters, ServingNode, TransferRequest,
};
use publicdata_transfer::question::{self, ParameterBinding};
use publicdata_transfer::signed;

use super::{Fetch, Fetcher};
use crate::error::FetchError;
use crate::ticket::{Proof, Ticket};

/// A question, with whom to ask.
#[derive(Clone, Debug)]
pub(super) struct Question {
    query: Query,
    public_key: Vec<u8>,
    parameters: QueryParameters,
}

impl Fetcher {
    /// What the provider's connected nodes answer under a grant.
    ///
    /// # Errors
    /// There is no such grant, as far as this node may know.
    pub async fn services(&self, grant_id: &str) -> Result<Vec<DataService>, FetchError> {
        let mut services: Vec<DataService> = Vec::new();
        for node in self.serving(grant_id).await? {
            for service in node.services {
                if !services.iter().any(|known| known.name == service.name) {
                    services.push(service);
                }
            }
        }
        Ok(services)
    }

    /// Begins the transfer that a ticket asks for. If the provider's node was restarted since it was asked for its key, it is asked again.
    ///
    /// # Errors
    /// The ticket is refused, or nobody can answer it.
    pub async fn open(&self, ticket: Ticket, requested_by: &SpiffeId) -> Result<Fetch, FetchError> {
        let offer = self.offer(ticket.clone(), requested_by).await?;
        match self.begin(offer, requested_by).await {
            Err(error) if ticket.is_question() && error.is_of_another_node() => {
                self.known.serving.invalidate(&ticket.grant_id);
                let offer = self.offer(ticket, requested_by).await?;
                self.begin(offer, requested_by).await
            }
            begun => begun,
        }
    }

    /// Whom to ask what a ticket asks; none if it asks no data service.
    pub(super) async fn question(
        &self,
        ticket: &Ticket,
        terms: &Terms,
    ) -> Result<Option<Question>, FetchError> {
        if !ticket.is_question() {
            return Ok(None);
        }
        let known = self.known.serving.get(&ticket.grant_id);
        let known = known.filter(|known| choose(known, ticket).is_ok());
        let is_known = known.is_some();
        let serving = match known {
            Some(known) => known,
            None => self.serving(&ticket.grant_id).await?.into(),
        };
        let (node, service) = choose(&serving, ticket)?;
        let key = node.key.as_ref().ok_or(FetchError::NodeKeyWrong)?;
        let verified = signed::verify::<NodeKey>(&self.roots, key, self.clock.now())
            .map_err(FetchError::NodeKey)?;
        // A bus could put a key of its own in the place of the provider's.
        let is_providers = matches!(&verified.signer,
            SpiffeId::Node { organisation, .. } if *organisation == terms.provider);
        let signer = verified.signer.to_string();
        if !is_providers || signer != node.node || signer != verified.message.node {
            return Err(FetchError::NodeKeyWrong);
        }
        let query = Query {
            service: service.name.clone(),
            node: signer,
            parameters_sha256: Vec::new(),
            proof: kind(ticket).into(),
        };
        let public_key = verified.message.public_key;
        if !is_known {
            self.known.serving.insert(ticket.grant_id.clone(), Arc::clone(&serving));
        }
        Ok(Some(Question { query, public_key, parameters: parameters(ticket) }))
    }

    async fn serving(&self, grant_id: &str) -> Result<Vec<ServingNode>, FetchError> {
        let mut client = TransferServiceClient::new(self.bus.clone());
        let request = FindServicesRequest { grant_id: grant_id.to_owned() };
        Ok(client.find_services(request).await?.into_inner().nodes)
    }
}

impl Question {
    /// The request with the question, and the parameters to send along.
    pub(super) fn ask(
        self,
        request: TransferRequest,
    ) -> Result<(TransferRequest, SealedParameters), FetchError> {
        let binding = ParameterBinding::of(&request).map_err(|_| FetchError::GrantWrong)?;
        let sealed =
            question::seal(&self.public_key, &self.parameters, &binding, &mut rand::rng())?;
        let parameters_sha256 = question::digest(&sealed).as_bytes().to_vec();
        let query = Query { parameters_sha256, ..self.query };
        let mode = DeliveryMode::Query.into();
        Ok((TransferRequest { mode, query: Some(query), ..request }, sealed))
    }
}

/// What a ticket that is refused asks, for the log: without parameters, nobody can answer it.
pub(super) fn on_record(ticket: &Ticket, request: TransferRequest) -> TransferRequest {
    if !ticket.is_question() {
        return request;
    }
    let service = match ticket.service.is_empty() {
        true => "-".to_owned(),
        false => ticket.service.clone(),
    };
    let query = Query { service, proof: kind(ticket).into(), ..Query::default() };
    TransferRequest { mode: DeliveryMode::Query.into(), query: Some(query), ..request }
}

/// The node and the service that the ticket means; the one there is, if it names none.
fn choose<'a>(
    serving: &'a [ServingNode],
    ticket: &Ticket,
) -> Result<(&'a ServingNode, &'a DataService), FetchError> {
    let fits = |service: &DataService| match ticket.service.as_str() {
        "" => ticket.proof.is_none() || !service.subject_parameter.is_empty(),
        name => service.name == name,
    };
    let all = || serving.iter().flat_map(|node| node.services.iter().map(move |own| (node, own)));
    let found: Vec<_> = all().filter(|(_, service)| fits(service)).collect();
    let Some(&(node, service)) = found.first() else {
        if serving.is_empty() {
            return Err(FetchError::NobodyAnswers);
        }
        return Err(FetchError::NoService { known: names(all().map(|(_, service)| service)) });
    };
    match found.iter().all(|(_, other)| other.name == service.name) {
        true => Ok((node, service)),
        false => Err(FetchError::NoService { known: names(found.into_iter().map(|(_, own)| own)) }),
    }
}

fn names<'a>(services: impl Iterator<Item = &'a DataService>) -> String {
    let mut names: Vec<&str> = services.map(|service| service.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

fn kind(ticket: &Ticket) -> ProofKind {
    match &ticket.proof {
        None => ProofKind::Unspecified,
        Some(Proof::Confirm(_)) => ProofKind::Confirm,
        Some(Proof::Extract) => ProofKind::Extract,
    }
}

fn parameters(ticket: &Ticket) -> QueryParameters {
    let named =
        |(name, value): (&String, &String)| NamedValue { name: name.clone(), value: value.clone() };
    let claims = match &ticket.proof {
        Some(Proof::Confirm(claims)) => claims.iter().map(named).collect(),
        Some(Proof::Extract) | None => Vec::new(),
    };
    QueryParameters { values: ticket.parameters.iter().map(named).collect(), claims }
}
