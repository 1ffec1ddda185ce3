//! Attempts that run, and what they send.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use publicdata_types::{GrantId, OrganisationCode, TransferId};
use tokio_util::sync::CancellationToken;

use crate::journal::Journal;
use crate::permit::Permit;

/// One lock for both, so that a revocation either keeps a delivery from beginning or stops it.
pub(super) struct Memory {
    pub(super) journal: Journal,
    /// Attempts by their numbers, until what they delivered is counted.
    pub(super) running: HashMap<u64, Running>,
    /// The number of the last attempt.
    last: u64,
}

pub(super) struct Running {
    pub(super) transfer: TransferId,
    pub(super) grant: GrantId,
    consumer: OrganisationCode,
    stop: CancellationToken,
}

/// What an attempt sends.
pub(super) struct Count {
    pub(super) key: (GrantId, OrganisationCode),
    pub(super) transfer: TransferId,
    /// The attempt's number.
    pub(super) number: u64,
    /// Rows that the attempts before it were sent.
    pub(super) earlier_rows: u64,
    /// Rows of this one.
    pub(super) rows: AtomicU64,
    /// Up to which frame, over all attempts.
    pub(super) frames: AtomicU64,
}

impl Memory {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal, running: HashMap::new(), last: 0 }
    }

    /// Whether another transfer of this consumer runs under this grant.
    pub(super) fn is_used(
        &self,
        (grant, consumer): (GrantId, OrganisationCode),
        by_now: TransferId,
    ) -> bool {
        self.running.values().any(|running| {
            running.transfer != by_now && running.grant == grant && running.consumer == consumer
        })
    }

    /// Takes up an attempt in the place of earlier ones at the same transfer; its number.
    pub(super) fn run(&mut self, permit: &Permit, stop: CancellationToken) -> u64 {
        let transfer = permit.transfer;
        self.cancel(|earlier| earlier.transfer == transfer);
        self.last += 1;
        let (grant, consumer) = permit.key();
        self.running.insert(self.last, Running { transfer, grant, consumer, stop });
        self.last
    }

    pub(super) fn cancel(&self, which: impl Fn(&Running) -> bool) {
        for running in self.running.values().filter(|running| which(running)) {
            running.stop.cancel();
        }
    }
}
