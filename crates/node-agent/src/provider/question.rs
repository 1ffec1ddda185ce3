//! What a request asks of a data service, opened and understood.

use std::collections::BTreeMap;

use publicdata_exchange_domain::ProofKind;
use publicdata_proto::exchange::v1::{
    self as wire, DeliveryHeader, NamedValue, NodeKey, ServeTransfer,
};
use publicdata_transfer::delivering::DeliveryError;
use publicdata_transfer::question::{self, ParameterBinding};
use publicdata_transfer::receipt::Remarks;
use publicdata_transfer::{Delivering, signed, time};

use super::{Inner, Provider};
use crate::permit::{Permit, Refused};
use crate::proof::Claims;
use crate::service::{DataService, Reading};

/// A question to a data service.
pub(super) struct Question {
    pub(super) service: DataService,
    /// Whom or what is asked about, as it was asked.
    pub(super) parameters: BTreeMap<String, String>,
    /// A keyed pseudonym of it; empty if the service is about nobody in particular.
    pub(super) subject_reference: String,
    /// What a proof is to say, if one is asked for.
    pub(super) claims: Option<Claims>,
}

/// An attempt's header, and what follows from the request and from what it asks.
pub(super) fn delivering(
    permit: &Permit,
    question: Option<&Question>,
) -> Result<(DeliveryHeader, Delivering), DeliveryError> {
    let (header, delivering) =
        Delivering::new(&permit.signed_terms, &permit.request, &mut rand::rng())?;
    let delivering = delivering.with_rows_left(permit.rows_left);
    let Some(Question { service, subject_reference, .. }) = question else {
        return Ok((header, delivering));
    };
    let subject_reference = subject_reference.clone();
    let remarks = Remarks { subject_reference, ..Remarks::default() };
    Ok((header, delivering.with_rows_max(service.rows_max).with_remarks(remarks)))
}

impl Provider {
    /// The key that parameters are sealed to, as this node signs it.
    #[must_use]
    pub fn node_key(&self) -> publicdata_proto::common::v1::SignedMessage {
        let Inner { parameter_key, signer, clock, .. } = &*self.0;
        let key = NodeKey {
            node: signer.id().to_string(),
            public_key: parameter_key.public_key(),
            made_at: Some(time::to_wire(clock.now())),
        };
        signed::sign(signer, &key)
    }

    /// The questions that this node answers.
    #[must_use]
    pub fn services(&self) -> Vec<wire::DataService> {
        self.0.services.iter().map(DataService::describe).collect()
    }

    /// What the request asks of which data service, and what has to be read for it; none if it asks none.
    pub(super) fn question(
        &self,
        serve: &ServeTransfer,
        permit: &Permit,
    ) -> Result<Option<(Question, Reading)>, Refused> {
        let Some(query) = &permit.request.query else { return Ok(None) };
        if query.node != self.0.signer.id().to_string() {
            return Err(Refused::OtherNode);
        }
        let resource = permit.terms.resource;
        let named =
            |service: &&DataService| service.resource == resource && service.name == query.service;
        let service = self.0.services.iter().find(named);
        let service = service.ok_or_else(|| Refused::NoService { name: query.service.clone() })?;
        let parameters = self.open(serve, permit, query)?;

        let values = service.values(&parameters.values)?;
        let reading = service.reading(
            &values,
            &permit.fields,
            &permit.terms.columns(),
            permit.terms.row_filter.as_deref(),
        )?;
        let given: BTreeMap<String, String> =
            parameters.values.into_iter().map(|NamedValue { name, value }| (name, value)).collect();
        let subject = service.subject().and_then(|subject| given.get_key_value(subject));
        let subject_reference = subject
            .map(|(name, value)| self.0.key.subject(resource, name, value))
            .unwrap_or_default();
        let claims = match permit.proof {
            None => None,
            Some(_) if subject_reference.is_empty() => {
                return Err(Refused::NoProofs { name: service.name.clone() });
            }
            Some(kind @ (ProofKind::Confirm | ProofKind::Extract)) => {
                Some(Claims::read(kind, &parameters.claims, &permit.fields)?)
            }
        };
        let service = service.clone();
        let question = Question { service, parameters: given, subject_reference, claims };
        Ok(Some((question, reading)))
    }

    fn open(
        &self,
        serve: &ServeTransfer,
        permit: &Permit,
        query: &wire::Query,
    ) -> Result<wire::QueryParameters, Refused> {
        let sealed = serve.parameters.as_ref().ok_or(Refused::Missing("query's parameters"))?;
        if question::digest(sealed).as_bytes() != query.parameters_sha256.as_slice() {
            return Err(Refused::OtherParameters);
        }
        let binding = ParameterBinding { transfer: permit.transfer, grant: permit.terms.grant };
        self.0.parameter_key.open(sealed, &binding).map_err(Refused::Parameters)
    }
}
