//! Verifies a bundle with nothing but the file and public keys: no network, no configuration.

use std::collections::BTreeSet;

use prost_reflect::DescriptorError;
use publicdata_audit_domain::{Checkpoint, TlogProof, Verifier, Witness, proof, tree};
use publicdata_identity::TrustRoots;
use publicdata_proto::audit::v1::Leaf;
use publicdata_types::Digest;
use serde::Serialize;

use super::archive::{self, Files};
use super::files::{self, CHECKPOINT, MANIFEST, Manifest};
use super::{Evidence, FORMAT, Fault, Item, Statement, report, signatures};
use crate::replay::{Storyteller, Told};

/// Whom whoever verifies trusts.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The log.
    pub log: Verifier,
    /// Who must have cosigned the checkpoint, each of them.
    pub witnesses: Vec<Witness>,
    /// The root of those who sign within events. Without it, these signatures are not checked, and the verdict says so.
    pub roots: Option<TrustRoots>,
}

/// What to do about texts that another version of the program wrote, and that this one would write otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Texts {
    /// Hold them against the events: they are refused.
    #[default]
    Compare,
    /// The report is told anew, and theirs counts for nothing: the verdict names them.
    Retell,
}

/// What was verified, and what was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verdict {
    /// What the bundle is about: stated, not proven.
    pub statement: Statement,
    /// The log's name.
    pub origin: String,
    /// How many leaves the signed tree has.
    pub size: u64,
    /// The signed root hash.
    pub root: String,
    /// The witnesses that were asked for and have cosigned the checkpoint, by name.
    pub cosigned_by: Vec<String>,
    /// What the events say that are proven to be in the log, in its order.
    pub events: Vec<Told>,
    /// The signatures within these events.
    pub signatures: Vec<SignatureVerdict>,
    /// The files of which nothing is said.
    pub not_covered: Vec<String>,
    /// Everything that is wrong. Empty: the evidence holds.
    pub faults: Vec<Fault>,
    /// The report, told anew from the events; empty if they cannot be read.
    #[serde(skip)]
    pub report: String,
}

/// What was found of one signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignatureVerdict {
    /// The event's place in the log, from 0.
    pub index: u64,
    /// What is signed.
    pub what: &'static str,
    /// Whose signature it has to be.
    pub role: &'static str,
    /// Who signed; as the certificate says, unless it was checked.
    pub signer: String,
    /// Whether it was accepted; none if there was no root certificate to check it by.
    pub accepted: Option<bool>,
}

impl Verdict {
    /// Whether the evidence holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Verifies a bundle. What is wrong with it is no error, but stands in the verdict.
///
/// # Errors
/// This build's descriptors are damaged, so that nothing can be told.
pub fn verify(bundle: &[u8], trust: &Trust, texts: Texts) -> Result<Verdict, DescriptorError> {
    let mut verdict = Verdict { origin: trust.log.origin().to_owned(), ..Verdict::default() };
    let files = match archive::read(bundle) {
        Ok(files) => files,
        Err(fault) => {
            verdict.faults.push(fault);
            return Ok(verdict);
        }
    };
    if let Some(words) = verdict.take_manifest(&files) {
        let storyteller = Storyteller::new()?;
        let reading = Reading { files: &files, storyteller: &storyteller, words: &words, texts };
        verdict.take_sources(&reading, trust);
    }
    Ok(verdict)
}

/// What is read, and how.
struct Reading<'a> {
    files: &'a Files,
    storyteller: &'a Storyteller,
    /// Which version of the program wrote the texts.
    words: &'a str,
    texts: Texts,
}

impl Verdict {
    /// Holds the files against their list; answers in whose words they are.
    fn take_manifest(&mut self, files: &Files) -> Option<String> {
        let Some(content) = files.get(MANIFEST) else {
            self.faults.push(Fault::Missing { path: MANIFEST.to_owned() });
            return None;
        };
        let format = |content| serde_json::from_slice::<serde_json::Value>(content).ok();
        let found =
            format(content).and_then(|value| Some(value.get("format")?.as_str()?.to_owned()));
        if let Some(found) = found.filter(|found| found != FORMAT) {
            self.faults.push(Fault::Format { found });
            return None;
        }
        let manifest: Manifest = match serde_json::from_slice(content) {
            Ok(manifest) => manifest,
            Err(error) => {
                self.faults.push(Fault::Manifest(error.to_string()));
                return None;
            }
        };
        let mut unlisted: BTreeSet<&str> = files.keys().map(String::as_str).collect();
        unlisted.remove(MANIFEST);
        for listed in &manifest.files {
            let path = listed.path.clone();
            unlisted.remove(path.as_str());
            match files.get(&path) {
                None => self.faults.push(Fault::Missing { path }),
                Some(content) if files::listed(&path, content) != *listed => {
                    self.faults.push(Fault::Altered { path });
                }
                Some(_) => {}
            }
        }
        self.faults.extend(unlisted.into_iter().map(|path| Fault::Extra { path: path.to_owned() }));
        Some(manifest.words)
    }

    /// Checks what is proven by itself, and then what is derived from it.
    fn take_sources(&mut self, reading: &Reading<'_>, trust: &Trust) {
        let files = reading.files;
        let Some(note) = files.get(CHECKPOINT) else { return self.miss(CHECKPOINT) };
        let signed = match trust.log.checkpoint(note) {
            Ok(signed) => signed,
            Err(doubt) => return self.faults.push(Fault::Checkpoint(doubt)),
        };
        (self.size, self.root) = (signed.size, signed.hash.to_string());
        self.take_cosignatures(note, &trust.witnesses);
        let statement = match files::statement(files) {
            Ok(statement) => statement,
            Err(fault) => return self.note(fault),
        };
        self.statement = statement.clone();
        let note = String::from_utf8_lossy(note).into_owned();
        let items = self.take_events(reading, &signed, &note);
        let count = files.keys().filter_map(|path| files::index_of(path)).count();
        if count == 0 {
            return self.faults.push(Fault::Empty);
        }
        self.take_signatures(&items, trust.roots.as_ref());
        if items.len() < count {
            // What is derived from all of them cannot be derived; and there is a fault that says why.
            return;
        }
        let derived = Evidence::new(statement, note, items)
            .and_then(|evidence| files::of(&evidence, reading.storyteller, reading.words));
        match derived {
            Ok(derived) => self.compare(reading, &derived),
            Err(error) => self.faults.push(Fault::Archive(error.to_string())),
        }
    }

    /// The events that are proven.
    fn take_events(&mut self, reading: &Reading<'_>, signed: &Checkpoint, note: &str) -> Vec<Item> {
        let files = reading.files;
        let mut items = Vec::new();
        let mut indexes: Vec<u64> = files.keys().filter_map(|path| files::index_of(path)).collect();
        indexes.sort_unstable();
        for index in indexes {
            let (item, leaf, proof) = match files::item(files, index) {
                Ok(read) => read,
                Err(fault) => {
                    self.note(fault);
                    continue;
                }
            };
            match prove(&item, &leaf, &proof, (signed, note)) {
                Ok(()) => {
                    self.events.push(reading.storyteller.tell(index, &leaf, &item.payload));
                    items.push(item);
                }
                Err(fault) => self.faults.push(fault),
            }
        }
        items
    }

    fn take_cosignatures(&mut self, note: &[u8], witnesses: &[Witness]) {
        for witness in witnesses {
            let name = witness.name().to_owned();
            match witness.cosignature(note) {
                Ok(Some(_)) => self.cosigned_by.push(name),
                Ok(None) => self.faults.push(Fault::NotCosigned { witness: name }),
                Err(doubt) => self.faults.push(Fault::Cosignature(doubt)),
            }
        }
    }

    fn take_signatures(&mut self, items: &[Item], roots: Option<&TrustRoots>) {
        for item in items {
            for signed in signatures::of(item.index, &item.leaf, &item.payload) {
                let checked = roots.map(|roots| signed.check(roots));
                let signer = match &checked {
                    Some(Ok(signer)) => signer.to_string(),
                    Some(Err(_)) | None => signed.claimed().unwrap_or_default(),
                };
                let (index, what, role) = (signed.index, signed.what, signed.role);
                let accepted = checked.as_ref().map(Result::is_ok);
                self.signatures.push(SignatureVerdict { index, what, role, signer, accepted });
                if let Some(Err(error)) = checked {
                    let why = publicdata_service_kit::problem::chain(&error);
                    self.faults.push(Fault::Signature { index, what, role, why });
                }
            }
            let index = item.index;
            let contradictions = signatures::contradictions(&item.payload).into_iter();
            self.faults.extend(contradictions.map(|field| Fault::Contradiction { index, field }));
        }
    }

    /// Holds the bundle's files against those that its own evidence gives.
    fn compare(&mut self, reading: &Reading<'_>, derived: &Files) {
        let Reading { files, words, texts, .. } = *reading;
        let report = derived.get(files::REPORT).cloned().unwrap_or_default();
        self.report = String::from_utf8(report).unwrap_or_default();
        let is_foreign = words != report::words();
        for (path, content) in derived {
            let found = files.get(path);
            let is_equal = found == Some(content);
            if is_equal || path == MANIFEST || self.names(path) {
                continue;
            }
            let path = path.clone();
            match found {
                None => self.faults.push(Fault::Missing { path }),
                Some(_) if is_foreign && files::is_in_words(&path) => match texts {
                    Texts::Retell => self.not_covered.push(path),
                    Texts::Compare => {
                        let words = words.to_owned();
                        self.faults.push(Fault::OtherWords { path, words });
                    }
                },
                Some(_) => self.faults.push(Fault::Told { path }),
            }
        }
        for path in files.keys().filter(|path| !derived.contains_key(*path)) {
            if !self.names(path) {
                self.faults.push(Fault::Extra { path: path.clone() });
            }
        }
        // Where something else is wrong, its list is, too.
        let is_whole = self.faults.is_empty() && self.not_covered.is_empty();
        if is_whole && files.get(MANIFEST) != derived.get(MANIFEST) {
            self.faults.push(Fault::Told { path: MANIFEST.to_owned() });
        }
    }

    /// Whether something is said of this file already.
    fn names(&self, path: &str) -> bool {
        self.faults.iter().any(|fault| {
            matches!(
                fault,
                Fault::Missing { path: found }
                | Fault::Extra { path: found }
                | Fault::Altered { path: found } if found == path
            )
        })
    }

    fn miss(&mut self, path: &str) {
        self.note(Fault::Missing { path: path.to_owned() });
    }

    /// Notes it once.
    fn note(&mut self, fault: Fault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

/// That the event is the one of the leaf, and the leaf in the signed tree.
fn prove(
    item: &Item,
    leaf: &Leaf,
    tlog_proof: &TlogProof,
    (signed, note): (&Checkpoint, &str),
) -> Result<(), Fault> {
    let index = item.index;
    let path = files::proof(index);
    if tlog_proof.index != index || tlog_proof.checkpoint != note {
        return Err(Fault::OtherProof { path });
    }
    let hash = tree::leaf_hash(&item.leaf);
    if proof::check_inclusion(signed, index, &hash, &item.hashes).is_err() {
        return Err(Fault::Inclusion { path, index, size: signed.size });
    }
    if leaf.payload_sha256 != Digest::of(&item.payload).as_bytes() {
        let (path, stream) = (files::payload(index), leaf.stream.clone());
        return Err(Fault::Payload { path, stream, sequence: leaf.sequence });
    }
    Ok(())
}
