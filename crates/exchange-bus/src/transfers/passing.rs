//! Transfers whose grant is at the bus of another tier (R24.1): recorded here as there, and decided there.

use publicdata_exchange_domain::transfer::{Command, Source, Transfer, Way};
use publicdata_identity::SpiffeId;
use publicdata_proto::common::v1::{Signature, SignedMessage};
use publicdata_proto::exchange::v1::{ConfirmDeliveryRequest, FetchRequest, Grant, GrantTerms};
use publicdata_transfer::{signed, terms};
use publicdata_types::{Actor, GrantId, TransferId};

use super::asked::Asked;
use super::{Exchange, outcome};
use crate::error::Error;
use crate::metrics;
use crate::relay::{Inlet, Reservation};
use crate::tiers::Peer;

/// A request that is about to be passed on.
pub(super) struct Attempt {
    pub(super) asked: Asked,
    pub(super) reservation: Reservation,
    /// Whether it is the first one for its transfer.
    pub(super) is_new: bool,
}

impl Exchange {
    /// A grant that this bus does not have, at the bus of another tier.
    pub(super) async fn found_elsewhere(
        &self,
        grant: GrantId,
        by: &Actor,
        asked_by: Option<&SpiffeId>,
    ) -> Result<Option<(Peer, Grant)>, Error> {
        let region_of = |resource| self.queries.region_of(resource);
        self.tiers.find(grant, (&by.id, asked_by), region_of).await
    }

    /// Passes a request on to the bus that has its grant, or records that no bus says so.
    pub(super) async fn pass_on(
        &self,
        Attempt { asked, reservation, is_new }: Attempt,
        found: Result<(Peer, Grant), Error>,
        by: &Actor,
        asked_by: Option<&SpiffeId>,
    ) -> Result<Inlet, Error> {
        let (source, bus) = match &found {
            Ok((peer, grant)) => (self.source(grant), Some(peer.id().clone())),
            // Where it may be is no fact.
            Err(_) => (None, self.tiers.place_of(asked.grant)),
        };
        let way = Way {
            requested_through: asked_by.map(SpiffeId::to_string),
            served_through: bus.as_ref().map(SpiffeId::to_string),
        };
        self.record_request(&asked, asked.recorded(source, by, way), is_new).await?;

        if let Err(denied) = by.may_consume() {
            let reason = denied.reason();
            return Err(self.refuse(&asked, reason, denied.into()).await?);
        }
        let (peer, _) = match found {
            Ok(found) => found,
            Err(error) => {
                let problem = error.problem();
                let cause = outcome::told(&problem.reason, &problem.to_string());
                metrics::transfer("interrupted", &cause.reason);
                self.record(&asked, "unserved", Command::Interrupt { cause }).await?;
                return Err(Error::Peer(problem));
            }
        };
        let request = FetchRequest {
            request: Some(asked.signed.clone()),
            parameters: asked.parameters.clone(),
        };
        let bus = peer.id().clone();
        let conductor = reservation.serve_through(bus, peer.fetch(&by.id, request));
        Ok(self.conduct(asked, conductor))
    }

    /// Hands a receipt in at the bus that the transfer was passed on to, if it was.
    pub(super) async fn confirm_through(
        &self,
        (id, transfer): (TransferId, &Transfer),
        (receipt, consumer_signature): (&SignedMessage, Option<&Signature>),
        by: &Actor,
    ) -> Result<(), Error> {
        let way = transfer.request().map(|request| &request.way);
        let Some(bus) = way.and_then(|way| way.served_through.as_ref()) else { return Ok(()) };
        let peer = self.tiers.peer(&bus.parse().map_err(Error::unreadable)?)?;
        let request = ConfirmDeliveryRequest {
            transfer_id: id.to_string(),
            receipt: Some(receipt.clone()),
            consumer_signature: consumer_signature.cloned(),
        };
        peer.confirm(&by.id, request).await
    }

    /// What the grant is for, as its provider signed it; none before that.
    fn source(&self, grant: &Grant) -> Option<Source> {
        let signed = grant.signed_terms.as_ref()?;
        let verified = signed::verify::<GrantTerms>(&self.roots, signed, self.clock.now()).ok()?;
        let terms = terms::read(&verified.message).ok()?;
        let is_provider = verified.signer.organisation() == Some(terms.provider);
        let is_it = is_provider && terms.grant.to_string() == grant.id;
        is_it.then_some(Source {
            resource: terms.resource,
            resource_code: terms.resource_code,
            provider: terms.provider,
        })
    }
}
