//! Rows that break a rule of their items stay here, on record (R17.2).

use arrow::array::RecordBatch;
use publicdata_transfer::Delivering;
use publicdata_transfer::push::Change;
use publicdata_types::DeliveryMode;

use super::{Broken, Provider};
use crate::dataset::Dataset;
use crate::permit::Permit;
use crate::quality::{Checked, Checks};
use crate::quarantine::Delivery;

impl Provider {
    /// The rules that the grant promises of the fields wanted; none for a proof, which states the record as it is.
    pub(super) async fn checks(
        &self,
        permit: &Permit,
        dataset: &Dataset,
    ) -> Result<Checks, Broken> {
        let fields = match permit.proof {
            Some(_) => &[],
            None => permit.fields.as_slice(),
        };
        // To remember a few values costs less than to ask the source.
        let source = match permit.mode {
            DeliveryMode::Query => None,
            DeliveryMode::Bulk | DeliveryMode::Push => Some(dataset),
        };
        Ok(Checks::prepare(fields, &self.0.datasets, source).await?)
    }

    /// Of a batch, the rows to be delivered. The others are in the quarantine before anything more is sent.
    pub(super) async fn passing(
        &self,
        permit: &Permit,
        checks: &mut Checks,
        (change, batch): (Change, RecordBatch),
        delivering: &mut Delivering,
    ) -> Result<RecordBatch, Broken> {
        // Of a row that is gone only the key is there: rules have nothing to say of it.
        if change == Change::Delete {
            return Ok(batch);
        }
        let Checked { passed, rejected } = checks.apply(batch)?;
        let delivery = Delivery {
            transfer: permit.transfer,
            resource: permit.terms.resource,
            grant: permit.terms.grant,
            consumer: permit.consumer,
        };
        // What is only counted is kept when it is delivered.
        if !permit.request.reconcile {
            self.0.quarantine.keep(&delivery, &rejected, self.0.clock.now()).await?;
        }
        delivering.reject(rejected.len() as u64);
        Ok(passed)
    }
}
