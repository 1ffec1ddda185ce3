//! Source and sink compared (对账, R10.1): what both nodes signed goes on record together.

use prost::Message as _;
use publicdata_exchange_domain::subscription::{self, Command, Reconciliation};
use publicdata_exchange_domain::transfer::Transfer;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{Receipt, SinkStatement};
use publicdata_transfer::signed;
use publicdata_types::{Actor, SubscriptionId, TransferId};

use super::Exchange;
use super::asked::derived;
use crate::codec::subscription::rows_from_wire;
use crate::codec::{self, FieldError, values};
use crate::error::Error;

impl Exchange {
    /// Records what a consumer's node says that its sink holds, beside what the provider's node said of its source. Answers the
    /// position of the commit, and whether both hold the same.
    ///
    /// # Errors
    /// The statement is not the caller's, or names no transfer that says what the source holds; or the rules forbid it.
    pub async fn reconcile(&self, signed: SignedMessage, by: Actor) -> Result<(u64, bool), Error> {
        let verified = signed::verify::<SinkStatement>(&self.roots, &signed, self.clock.now())?;
        if verified.signer.to_string() != by.id {
            return Err(Error::NotTheSigner);
        }
        let statement = verified.message;
        let id: SubscriptionId = values::parse("subscription_id", &statement.subscription_id)?;
        let transfer: TransferId = values::parse("transfer_id", &statement.transfer_id)?;
        let (known, _) = self.subscriptions.subscriptions.get(&id.to_string()).await?;
        // Whoever is no party to it cannot tell it from one that does not exist (H3).
        let own = known.settings().filter(|settings| settings.consumer == by.organisation);
        let settings = own.ok_or(subscription::Rejection::Absent)?;

        let (state, _) = self.transfers.get(&transfer.to_string()).await?;
        let Transfer::Completed(receipt) = &state else {
            return Err(Error::Unknown { what: "transfer" });
        };
        if receipt.grant != settings.grant || receipt.consumer != by.organisation {
            return Err(Error::Unknown { what: "transfer" });
        }
        let wire = Receipt::decode(receipt.signed.0.as_slice()).map_err(Error::unreadable)?;
        let said_nothing = || FieldError {
            field: "transfer_id",
            source: "its receipt does not say what the source holds".into(),
        };
        let source = rows_from_wire("source", Some(wire.source.ok_or_else(said_nothing)?))?;

        let reconciliation = Reconciliation {
            transfer,
            statement: codec::grant::seal(&signed),
            source,
            sink: rows_from_wire("sink", statement.sink)?,
        };
        let equal = reconciliation.is_equal();
        let meta = self.meta(derived(transfer, &signed.message), by.id.clone());
        let reconciliation = Box::new(reconciliation);
        let command = Command::Reconcile { reconciliation, by };
        let subscriptions = &self.subscriptions.subscriptions;
        let done = subscriptions.execute(&id.to_string(), &meta, command).await?;
        Ok((done.sequence, equal))
    }
}
