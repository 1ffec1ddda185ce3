//! A bundle's files, from its evidence: the same files for the same evidence.

use prost::Message as _;
use publicdata_audit_domain::TlogProof;
use publicdata_proto::audit::v1::Leaf;
use publicdata_types::Digest;
use serde::{Deserialize, Serialize};

use super::archive::Files;
use super::{Evidence, EvidenceError, FORMAT, Fault, Item, Statement, report, signatures};
use crate::replay::Storyteller;

pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const REPORT: &str = "report.html";
pub(super) const STATEMENT: &str = "statement.json";

/// The list of a bundle's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// How the bundle is written down.
    pub(super) format: String,
    /// Which version of the program found the words for what the events say.
    pub(super) words: String,
    /// All files but this one.
    pub(super) files: Vec<Listed>,
}

/// A file, as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// Hexadecimal.
    pub(super) sha256: String,
}

pub(super) fn payload(index: u64) -> String {
    format!("events/{index}.bin")
}

pub(super) fn told(index: u64) -> String {
    format!("events/{index}.json")
}

pub(super) fn leaf(index: u64) -> String {
    format!("leaves/{index}.bin")
}

pub(super) fn proof(index: u64) -> String {
    format!("proofs/{index}.tlog-proof")
}

/// Whether a file is written in words that another version of the program may choose otherwise.
pub(super) fn is_in_words(path: &str) -> bool {
    path == REPORT || (path.starts_with("events/") && path.ends_with(".json"))
}

/// All files of a bundle.
pub(super) fn of(
    evidence: &Evidence,
    storyteller: &Storyteller,
    words: &str,
) -> Result<Files, EvidenceError> {
    let mut files = Files::new();
    let mut events = Vec::new();
    let mut signed = Vec::new();
    for item in evidence.items() {
        let told_event = storyteller.tell(item.index, &item.read_leaf()?, &item.payload);
        files.insert(payload(item.index), item.payload.to_vec());
        files.insert(told(item.index), json(&told_event)?);
        files.insert(leaf(item.index), item.leaf.clone());
        files.insert(proof(item.index), item.proof(&evidence.checkpoint).to_string().into());
        events.push(told_event);
        signed.extend(signatures::of(item.index, &item.leaf, &item.payload));
    }
    for der in signed.iter().flat_map(signatures::Signed::certificates) {
        let certificate = pem::Pem::new("CERTIFICATE", der);
        files.insert(signatures::certificate_path(der), pem::encode(&certificate).into());
    }
    files.insert(CHECKPOINT.to_owned(), evidence.checkpoint.clone().into());
    files.insert(STATEMENT.to_owned(), json(&evidence.statement)?);
    let report = report::html(&evidence.statement, &evidence.checkpoint, &events, &signed)?;
    files.insert(REPORT.to_owned(), report.into());
    let manifest = manifest(&files, words);
    files.insert(MANIFEST.to_owned(), json(&manifest)?);
    Ok(files)
}

pub(super) fn manifest(files: &Files, words: &str) -> Manifest {
    let files = files.iter().map(|(path, content)| listed(path, content)).collect();
    Manifest { format: FORMAT.to_owned(), words: words.to_owned(), files }
}

pub(super) fn listed(path: &str, content: &[u8]) -> Listed {
    let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
    Listed { path: path.to_owned(), bytes, sha256: hex::encode(Digest::of(content).as_bytes()) }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// The place in the log that a path names, if it is that of an event.
pub(super) fn index_of(path: &str) -> Option<u64> {
    let index = path.strip_prefix("events/")?.strip_suffix(".bin")?.parse().ok()?;
    (payload(index) == path).then_some(index)
}

/// One event's files, as far as they can be read.
pub(super) fn item(files: &Files, index: u64) -> Result<(Item, Leaf, TlogProof), Fault> {
    let part = |path: String| match files.get(&path) {
        Some(content) => Ok(content.clone()),
        None => Err(Fault::Missing { path }),
    };
    let malformed = || Fault::Leaf { path: leaf(index) };
    let bytes = part(leaf(index))?;
    let entry = Leaf::decode(bytes.as_slice()).map_err(|_| malformed())?;
    let text = String::from_utf8_lossy(&part(proof(index))?).into_owned();
    let tlog_proof: TlogProof =
        text.parse().map_err(|why| Fault::Proof { path: proof(index), why })?;
    let item = Item {
        index,
        leaf: bytes,
        payload: part(payload(index))?.into(),
        hashes: tlog_proof.hashes.clone(),
    };
    Ok((item, entry, tlog_proof))
}

/// What was stated.
pub(super) fn statement(files: &Files) -> Result<Statement, Fault> {
    let Some(content) = files.get(STATEMENT) else {
        return Err(Fault::Missing { path: STATEMENT.to_owned() });
    };
    serde_json::from_slice(content).map_err(|error| Fault::Statement(error.to_string()))
}
