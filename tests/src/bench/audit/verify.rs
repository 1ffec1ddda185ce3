//! Events a second that an auditor verifies, each against its leaf and all against the signed tree, against reading and hashing the same
//! events.

use std::collections::BTreeMap;

use anyhow::ensure;
use publicdata_audit::client::{LogClient, Verification};
use publicdata_audit_domain::Verifier;
use publicdata_types::Digest;
use tokio::time::Instant;

use super::archive::Archive;
use super::events::EXCHANGE;
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, in_turns, rate};
use crate::bench::memory::Watch;

struct Verifying<'a> {
    archive: &'a Archive,
    auditor: LogClient,
    verifier: Verifier,
    watch: &'a Watch,
}

/// Measures whole verifications.
pub(super) async fn measure(archive: &mut Archive, runs: u32) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    archive.answering(&watch).await?;
    let (auditor, verifier) = (archive.auditor()?, archive.verifier()?);
    let mut contest = Verifying { archive, auditor, verifier, watch: &watch };
    let (values, limits) = in_turns(&mut contest, runs).await?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([("events", archive.leaves())]),
        versions: archive.server.versions(),
    })
}

impl Contest for Verifying<'_> {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let verified = async {
            let started = Instant::now();
            let report = self.auditor.verify(&self.verifier, &Verification::default()).await?;
            anyhow::Ok((rate(report.events, started), report))
        };
        let (rate, report) = self.watch.attend(verified).await?;
        ensure!(report.is_sound(), "the log is not sound: {:?}", report.findings);
        let events = self.archive.leaves();
        ensure!(report.events == events, "{} events were verified, not {events}", report.events);
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let (raw, events) = (&self.archive.server.raw, self.archive.events);
        let mut last = None;
        let started = Instant::now();
        let read = raw.read(EXCHANGE, events, |payload| last = Some(Digest::of(payload))).await;
        read.map_err(anyhow::Error::from_boxed)?;
        ensure!(last.is_some(), "nothing was hashed");
        Ok(rate(events, started))
    }
}
