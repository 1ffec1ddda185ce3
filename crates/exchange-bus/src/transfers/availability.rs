//! Whether what a grant allows is to be had now: of the catalogue, of the subscription that it is a delivery of, and of whom.

use publicdata_exchange_domain::Terms;
use publicdata_exchange_domain::grant::Grant;
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::{ServingNode, TransferRequest};
use publicdata_types::{Actor, GrantId};

use super::Exchange;
use crate::error::Error;
use crate::queries::Reader;

impl Exchange {
    /// Whether what the grant allows is to be had now, and if not, why. What runs goes on; what is asked for from now on is refused.
    pub(super) async fn is_to_be_had(
        &self,
        request: &TransferRequest,
        terms: &Terms,
    ) -> Result<Result<(), (&'static str, Error)>, Error> {
        if self.queries.is_withdrawn(terms.resource).await? {
            return Ok(Err(("RESOURCE_WITHDRAWN", Error::ResourceWithdrawn)));
        }
        match self.subscriptions.must_be_open(request).await {
            Ok(()) => Ok(Ok(())),
            Err(Error::Subscription(rejection)) => {
                Ok(Err((rejection.reason(), Error::Subscription(rejection))))
            }
            Err(error) => Err(error),
        }
    }

    /// Who answers queries under a grant that the caller may use.
    ///
    /// # Errors
    /// There is no such grant in force, as far as the caller may know; or it is of a tier that is cut off.
    pub async fn services(
        &self,
        grant: GrantId,
        by: &Actor,
        asked_by: Option<&SpiffeId>,
    ) -> Result<Vec<ServingNode>, Error> {
        let unknown = || Error::Unknown { what: "grant" };
        let (state, _) = self.grants.get(&grant.to_string()).await?;
        if state == Grant::Absent {
            let found = self.found_elsewhere(grant, by, asked_by).await?;
            let (peer, _) = found.ok_or_else(unknown)?;
            return peer.services(&by.id, grant).await;
        }
        self.queries.grant(grant, &Reader::from(by)).await?.ok_or_else(unknown)?;
        let (terms, _, _) = state.issued().ok_or_else(unknown)?;
        Ok(self.relay.serving(terms.provider, terms.resource))
    }
}
