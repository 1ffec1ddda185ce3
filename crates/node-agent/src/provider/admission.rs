//! Whether a request is served.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::Timestamp;
use publicdata_exchange_domain::{Standing, Terms, Usage};
use publicdata_proto::exchange::v1::{DeliveryFailure, ServeTransfer};
use publicdata_service_kit::problem::chain;
use publicdata_transfer::question::Shape;
use tokio_util::sync::CancellationToken;

use super::Provider;
use super::attempts::{Count, Memory};
use super::question::Question;
use crate::dataset::Dataset;
use crate::journal::{Journal, JournalError, Seen, Written};
use crate::permit::{Attempt, Permit, Refused};
use crate::reference::References;
use crate::service::Reading;
use crate::source::Scan;

/// A delivery that was admitted and waits to be made.
pub struct Admitted {
    pub(super) permit: Permit,
    pub(super) scan: Scan,
    pub(super) dataset: Dataset,
    pub(super) question: Option<Question>,
    pub(super) stop: CancellationToken,
    pub(super) count: Arc<Count>,
}

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The node cannot remember it, and so must not serve it.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Provider {
    /// Decides on a request, and remembers it if it is to be served. Writes to disk, so it belongs on
    /// a thread that may block.
    pub fn admit(&self, serve: &ServeTransfer) -> Result<Admitted, AdmissionError> {
        let now = self.0.clock.now();
        let known =
            |terms: &Terms, attempt: &Attempt| known(&self.memory().journal, terms, attempt);
        let mut permit = self.0.gate.check(serve, now, known)?;
        let (question, Reading { dataset, scan, .. }) = self.reading(serve, &permit)?;

        // All that takes long was done before, so that nobody waits for another's signatures; or is done after.
        let (stop, count, written) = {
            let mut memory = self.memory();
            take_up(&mut memory, &mut permit, now)?
        };
        if let Err(error) = written.sync() {
            self.memory().running.remove(&count.number);
            return Err(error.into());
        }
        Ok(Admitted { permit, scan, dataset, question, stop, count })
    }

    /// What has to be read for a request, and which question it answers, if one was asked.
    fn reading(
        &self,
        serve: &ServeTransfer,
        permit: &Permit,
    ) -> Result<(Option<Question>, Reading), Refused> {
        let terms = &permit.terms;
        let resource = terms.resource;
        let dataset = self.0.datasets.get(&resource).ok_or(Refused::NotServed { resource })?;
        let (question, mut reading) = match self.question(serve, permit)? {
            Some((question, reading)) => (Some(question), reading),
            None => {
                let filter = terms.row_filter.as_deref();
                let scan = dataset.scan(&permit.fields, &terms.columns(), filter);
                let scan = scan.map_err(Refused::Filter)?;
                (None, Reading { dataset: dataset.clone(), scan, key: dataset.key().to_vec() })
            }
        };
        match Shape::of(&permit.request) {
            Shape::Rows => {}
            Shape::RowsWithReferences | Shape::Proof => {
                reading.scan.readings.extend(References::readings(&reading.key));
            }
        }
        Ok((question, reading))
    }
}

/// Remembers a request, if its grant still allows it.
fn take_up(
    memory: &mut Memory,
    permit: &mut Permit,
    now: Timestamp,
) -> Result<(CancellationToken, Arc<Count>, Written), AdmissionError> {
    let attempt = permit.attempt();
    let (standing, used) = known(&memory.journal, &permit.terms, &attempt);
    permit.authorise(standing, &used, now).map_err(Refused::from)?;
    let Permit { terms, request, .. } = &*permit;
    if terms.total_rows_max.is_some() && memory.is_used(permit.key(), permit.transfer) {
        return Err(Refused::VolumeInUse.into());
    }
    let (key, at) = (&request.seal_public_key, permit.requested_at);
    match memory.journal.serve(permit.transfer, key, at, now)? {
        Seen::Never => {}
        Seen::Before => return Err(Refused::Replayed.into()),
    }
    // Without a key to seal with, nothing can be delivered: it is on record, and no use.
    let earlier_rows = match request.seal_public_key.is_empty() {
        true => 0,
        false => {
            let attempt = (permit.transfer, request.received_frames);
            memory.journal.begin(terms, permit.consumer, attempt, now)?
        }
    };
    let stop = CancellationToken::new();
    let number = memory.run(permit, stop.clone());
    let count = Count {
        key: permit.key(),
        transfer: permit.transfer,
        number,
        earlier_rows,
        rows: AtomicU64::new(0),
        frames: AtomicU64::new(0),
    };
    Ok((stop, Arc::new(count), memory.journal.written()))
}

/// How a grant stands, and how much of it was used.
fn known(journal: &Journal, terms: &Terms, attempt: &Attempt) -> (Standing, Usage) {
    let standing = match journal.is_revoked(terms.grant) {
        true => Standing::Revoked,
        false => Standing::InForce,
    };
    let Attempt { consumer, transfer, received_frames } = *attempt;
    (standing, journal.usage((terms.grant, consumer), transfer, received_frames))
}

// === impl AdmissionError ===

impl AdmissionError {
    /// What the bus and the consumer are told.
    #[must_use]
    pub fn failure(&self) -> DeliveryFailure {
        match self {
            Self::Refused(refused) => DeliveryFailure {
                reason: refused.reason().to_owned(),
                message: chain(refused),
                // It may be resumed once the other one has ended, or sealed anew.
                refused: !matches!(refused, Refused::VolumeInUse | Refused::Parameters(_)),
            },
            Self::Journal(_) => DeliveryFailure {
                reason: "NODE_FAILED".to_owned(),
                message: "the provider's node cannot serve; its operator finds why in its log"
                    .to_owned(),
                refused: false,
            },
        }
    }
}
