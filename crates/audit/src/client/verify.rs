//! Verifies the whole log: every event replayed, every digest computed, the tree built anew and held against what was signed.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::TryStreamExt as _;
use publicdata_audit_domain::tree::leaf_hash;
use publicdata_audit_domain::{Checkpoint, Verifier, Witness, proof};
use publicdata_proto::audit::v1::get_inclusion_proof_request::Event;
use publicdata_proto::audit::v1::{
    GetConsistencyProofRequest, GetInclusionProofRequest, StreamCoverage,
};
use publicdata_types::Digest;
use serde::Serialize;
use tonic::{Code, Status};

use super::{LogClient, Selection, Watcher, digests, sampled};

pub use finding::Finding;
use replayed::Replayed;

mod finding;
mod replayed;

const POLL_PAUSE: Duration = Duration::from_millis(100);

/// How thoroughly to verify.
#[derive(Clone, Debug)]
pub struct Verification {
    /// A checkpoint that was kept from before: the log must continue it.
    pub old_checkpoint: Option<Vec<u8>>,
    /// Who must have cosigned the checkpoint, each of them. With any, the checkpoint is the one that outsiders are shown.
    pub witnesses: Vec<Witness>,
    /// How many events to have proven one by one, at most.
    pub samples: u32,
    /// How long to wait for events that happened just now to be logged.
    pub patience: Duration,
    /// Who is told how far it is: that may take minutes.
    pub watcher: Watcher,
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            old_checkpoint: None,
            witnesses: Vec::new(),
            samples: 8,
            patience: Duration::from_secs(10),
            watcher: Watcher::default(),
        }
    }
}

/// What was verified, and what was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The log's name.
    pub origin: String,
    /// How many events the signed tree has.
    pub size: u64,
    /// The signed root hash.
    pub root: String,
    /// The algorithms of the log's keys that were demanded, and have signed it.
    pub signed_with: Vec<&'static str>,
    /// The checkpoint: keep it, and verify against it next time.
    pub checkpoint: String,
    /// How many events were replayed and found as they were logged.
    pub events: u64,
    /// The size of their payloads.
    pub payload_bytes: u64,
    /// How far each stream is in the log.
    pub streams: Vec<StreamReport>,
    /// The events whose inclusion was proven one by one, by their place in the log.
    pub proven: Vec<u64>,
    /// The size of the older checkpoint's tree, if the log was shown to continue it.
    pub continues: Option<u64>,
    /// The witnesses that were asked for and have cosigned the checkpoint, by name.
    pub cosigned_by: Vec<String>,
    /// Everything that is wrong. Empty: the log is sound.
    pub findings: Vec<Finding>,
}

/// How far a stream is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// The stream.
    pub stream: String,
    /// The last sequence number in the stream.
    pub last_sequence: u64,
    /// The last sequence number in the signed tree; as the log says, where the replay ended early.
    pub logged_sequence: u64,
    /// How many of its events were replayed.
    pub replayed: u64,
    /// Everything in its configuration by which it could lose events, as the service says. That makes no log unsound: nothing is lost yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<String>,
}

impl Report {
    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

impl LogClient {
    /// Verifies the log from its first event to its newest checkpoint.
    ///
    /// # Errors
    /// A call failed, so that nothing can be said. What is wrong with the log is no error, but stands in the report.
    pub async fn verify(
        &self,
        verifier: &Verifier,
        options: &Verification,
    ) -> Result<Report, Status> {
        let coverage = self.settled_coverage(options.patience).await?;
        let newest = self.checkpoint().await?;
        let note = match options.witnesses.is_empty() {
            true => newest,
            false => self.settled_offer(verifier, &newest, options.patience).await?,
        };
        let mut report = Report {
            origin: verifier.origin().to_owned(),
            checkpoint: String::from_utf8_lossy(&note).into_owned(),
            ..Report::default()
        };
        let signed = match verifier.checkpoint(&note) {
            Ok(signed) => signed,
            Err(doubt) => {
                report.findings.push(Finding::Checkpoint(doubt));
                return Ok(report);
            }
        };
        cosigned(&note, &options.witnesses, &mut report.cosigned_by, &mut report.findings);
        report.size = signed.size;
        report.root = signed.hash.to_string();
        report.signed_with = verifier.algorithms();
        let old = match options.old_checkpoint.as_deref().map(|old| verifier.checkpoint(old)) {
            Some(Ok(old)) => Some(old),
            Some(Err(doubt)) => {
                report.findings.push(Finding::OldCheckpoint(doubt));
                None
            }
            None => None,
        };

        let replayed = self.rebuild(&signed, old.as_ref(), options, &mut report).await?;
        if replayed.tree.size() == signed.size && replayed.tree.root() != signed.hash {
            let first = self.first_altered(&signed).await?;
            report.findings.push(Finding::OtherRoot { size: signed.size, first });
        }
        self.prove_samples(&signed, &replayed, &mut report).await?;
        if let Some(old) = old {
            self.prove_growth(&old, &signed, &replayed, &mut report).await?;
        }
        cover(&coverage, &replayed, &mut report);
        Ok(report)
    }

    /// The checkpoint that outsiders are shown, once it covers the newest, or patience is at its end.
    pub(super) async fn settled_offer(
        &self,
        verifier: &Verifier,
        newest: &[u8],
        patience: Duration,
    ) -> Result<Vec<u8>, Status> {
        // One that does not count is not waited for.
        let size = |note: &[u8]| verifier.checkpoint(note).map(|signed| signed.size);
        let wanted = size(newest).unwrap_or_default();
        let settled = async {
            loop {
                let offered = self.offered_checkpoint().await?;
                if size(&offered).is_ok_and(|size| size < wanted) {
                    tokio::time::sleep(POLL_PAUSE).await;
                    continue;
                }
                return Ok(offered);
            }
        };
        match tokio::time::timeout(patience, settled).await {
            Ok(settled) => settled,
            Err(_) => self.offered_checkpoint().await,
        }
    }

    /// How far the log is, once it has what had happened when verification began, or patience is at its end.
    async fn settled_coverage(&self, patience: Duration) -> Result<Vec<StreamCoverage>, Status> {
        let first = self.coverage().await?;
        let wanted: BTreeMap<&str, u64> =
            first.iter().map(|line| (line.stream.as_str(), line.last_sequence)).collect();
        let settled = async {
            loop {
                let mut now = self.coverage().await?;
                let wanted = |line: &StreamCoverage| {
                    wanted.get(line.stream.as_str()).copied().unwrap_or_default()
                };
                let is_there = now
                    .iter()
                    .all(|line| line.logged_sequence >= wanted(line) || !line.finding.is_empty());
                if is_there {
                    // What has happened since, and is not logged yet, does not count.
                    for line in &mut now {
                        let counted = line.logged_sequence.max(wanted(line));
                        line.last_sequence = line.last_sequence.min(counted);
                    }
                    return Ok(now);
                }
                tokio::time::sleep(POLL_PAUSE).await;
            }
        };
        match tokio::time::timeout(patience, settled).await {
            Ok(settled) => settled,
            Err(_) => Ok(first.clone()),
        }
    }

    /// Builds the tree anew from every event up to the checkpoint; stops at the first that is not as it was logged.
    async fn rebuild(
        &self,
        signed: &Checkpoint,
        old: Option<&Checkpoint>,
        options: &Verification,
        report: &mut Report,
    ) -> Result<Replayed, Status> {
        let samples = sampled(signed, options.samples);
        let mut replayed = Replayed { samples, ..Replayed::default() };
        let mut events = self.events(Selection::default()).await?;
        while replayed.tree.size() < signed.size {
            let event = match events.try_next().await {
                Ok(Some(event)) => event,
                Ok(None) => {
                    let (size, replayed) = (signed.size, replayed.tree.size());
                    report.findings.push(Finding::Short { size, replayed });
                    break;
                }
                Err(status) => {
                    report.findings.push(damage(status)?);
                    break;
                }
            };
            if let Err(finding) = replayed.take(&event) {
                report.findings.push(finding);
                break;
            }
            if old.is_some_and(|old| old.size == replayed.tree.size()) {
                replayed.roots.insert(replayed.tree.size(), replayed.tree.root());
            }
            options.watcher.tell(replayed.tree.size(), signed.size);
        }
        report.events = replayed.tree.size();
        report.payload_bytes = replayed.payload_bytes;
        Ok(replayed)
    }

    /// The first leaf that can't be proven to be in the signed tree.
    async fn first_altered(&self, signed: &Checkpoint) -> Result<Option<u64>, Status> {
        for index in 0..signed.size {
            if self.inclusion(signed, index, None).await?.is_err() {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    async fn prove_samples(
        &self,
        signed: &Checkpoint,
        replayed: &Replayed,
        report: &mut Report,
    ) -> Result<(), Status> {
        for &index in &replayed.samples {
            match self.inclusion(signed, index, replayed.leaves.get(&index)).await? {
                Ok(()) => report.proven.push(index),
                Err(finding) => report.findings.push(finding),
            }
        }
        Ok(())
    }

    /// Whether the leaf at `index`, which should have this hash, is proven to be in the signed tree.
    async fn inclusion(
        &self,
        signed: &Checkpoint,
        index: u64,
        expected: Option<&Digest>,
    ) -> Result<Result<(), Finding>, Status> {
        let request =
            GetInclusionProofRequest { event: Some(Event::Index(index)), size: signed.size };
        let answer = match self.calls.clone().get_inclusion_proof(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return damage(status).map(Err),
        };
        let hash = leaf_hash(&answer.leaf);
        let refuted = Finding::Inclusion { index, size: signed.size };
        if answer.index != index || expected.is_some_and(|expected| *expected != hash) {
            return Ok(Err(refuted));
        }
        let Some(hashes) = digests(&answer.hashes) else { return Ok(Err(refuted)) };
        Ok(proof::check_inclusion(signed, index, &hash, &hashes).map_err(|_| refuted))
    }

    /// Whether the log continues the older checkpoint: by proof, and by the replayed events themselves.
    async fn prove_growth(
        &self,
        old: &Checkpoint,
        signed: &Checkpoint,
        replayed: &Replayed,
        report: &mut Report,
    ) -> Result<(), Status> {
        let refuted = Finding::Consistency { old_size: old.size, new_size: signed.size };
        if old.size > signed.size {
            report.findings.push(refuted);
            return Ok(());
        }
        let request = GetConsistencyProofRequest { old_size: old.size, new_size: signed.size };
        let answer = match self.calls.clone().get_consistency_proof(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                report.findings.push(damage(status)?);
                return Ok(());
            }
        };
        let proven = digests(&answer.hashes)
            .is_some_and(|hashes| proof::check_consistency(old, signed, &hashes).is_ok());
        let replayed = replayed.roots.get(&old.size).is_none_or(|root| *root == old.hash);
        match proven && replayed {
            true => report.continues = Some(old.size),
            false => report.findings.push(refuted),
        }
        Ok(())
    }
}

/// Which witnesses have cosigned the checkpoint, and which have not.
pub(super) fn cosigned(
    note: &[u8],
    witnesses: &[Witness],
    by: &mut Vec<String>,
    findings: &mut Vec<Finding>,
) {
    for witness in witnesses {
        let name = witness.name().to_owned();
        match witness.cosignature(note) {
            Ok(Some(_)) => by.push(name),
            Ok(None) => findings.push(Finding::NotCosigned { witness: name }),
            Err(doubt) => findings.push(Finding::Cosignature(doubt)),
        }
    }
}

/// What the service says is damaged is a finding; any other failure says nothing of the log.
fn damage(status: Status) -> Result<Finding, Status> {
    match status.code() == Code::DataLoss {
        true => Ok(Finding::Event(status.message().to_owned())),
        false => Err(status),
    }
}

fn cover(coverage: &[StreamCoverage], replayed: &Replayed, report: &mut Report) {
    let is_whole = replayed.tree.size() == report.size;
    for line in coverage {
        let stream = line.stream.clone();
        let logged = match is_whole {
            true => replayed.coverage.of(&stream).sequence,
            false => line.logged_sequence,
        };
        if !line.finding.is_empty() {
            let finding = line.finding.clone();
            report.findings.push(Finding::Stopped { finding });
        } else if logged < line.last_sequence {
            let last = line.last_sequence;
            report.findings.push(Finding::Behind { stream: stream.clone(), logged, last });
        }
        report.streams.push(StreamReport {
            replayed: replayed.coverage.of(&stream).count,
            stream,
            last_sequence: line.last_sequence,
            logged_sequence: logged,
            risks: line.risks.clone(),
        });
    }
}
