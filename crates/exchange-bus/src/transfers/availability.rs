//! Whether what a grant allows is to be had now: of the catalogue, and of the subscription that it is a delivery of.

use publicdata_exchange_domain::Terms;
use publicdata_proto::exchange::v1::TransferRequest;

use super::Exchange;
use crate::error::Error;

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
}
