//! Evidence: one file that shows events, and that they are in the log, to somebody who never met the platform (R46.2).
//!
//! A bundle is a zip archive. What stands in it that is not proven by itself is derived from what is, so that whoever verifies it
//! derives it anew and compares:
//!
//! | file | holds |
//! | --- | --- |
//! | `report.html` | what happened, for people; derived |
//! | `events/<index>.bin` | the event as it was stored: `publicdata.event.v1.Commit` |
//! | `events/<index>.json` | what it says; derived |
//! | `leaves/<index>.bin` | the log's entry of it: `publicdata.audit.v1.Leaf`, which holds the event's SHA-256 |
//! | `proofs/<index>.tlog-proof` | that the entry is in the log (C2SP tlog-proof), with the checkpoint |
//! | `checkpoint` | the signed tree, the same for all proofs (C2SP tlog-checkpoint), with cosignatures |
//! | `certificates/<id>.pem` | by which the signatures within events are checked; derived |
//! | `statement.json` | what whoever made the bundle says of it: stated, not proven |
//! | `manifest.json` | each file's length and SHA-256; derived |

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::DescriptorError;
use publicdata_audit_domain::TlogProof;
use publicdata_proto::audit::v1::Leaf;
use publicdata_types::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::replay::Storyteller;

pub use fault::Fault;
pub use signatures::Signed;
pub use verify::{SignatureVerdict, Texts, Trust, Verdict, verify};

mod archive;
mod fault;
mod files;
mod report;
mod signatures;
mod verify;

/// How many events a bundle holds at most.
pub const EVENTS_MAX: usize = 10_000;
/// How many bytes the events of a bundle have at most, together.
pub const EVENT_BYTES_MAX: usize = 64 << 20;
/// What is written down first: other numbers for other ways to write it down.
const FORMAT: &str = "publicdata-evidence/1";

/// What a bundle is about, in the words of whoever made it. Nothing proves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// One line.
    pub title: String,
    /// Which events were chosen, in words.
    pub selection: String,
    /// A finding whose evidence this is, in its JSON form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Value>,
}

/// One event, and that it is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The place in the log, from 0.
    pub index: u64,
    /// The log's entry: `publicdata.audit.v1.Leaf`.
    pub leaf: Vec<u8>,
    /// The event as it was stored: `publicdata.event.v1.Commit`.
    pub payload: Bytes,
    /// From the leaf's sibling up to the root that the checkpoint signs.
    pub hashes: Vec<Digest>,
}

/// Events with their proofs, in the tree of one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it is about.
    pub statement: Statement,
    /// The signed tree: a note.
    pub checkpoint: String,
    /// The events by their place in the log.
    items: BTreeMap<u64, Item>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// There is nothing to show.
    #[error("no event was chosen: there is nothing to show")]
    Empty,
    /// There is too much to show.
    #[error(
        "that is more than {EVENTS_MAX} events or {} MiB of them; choose fewer, such as a period",
        EVENT_BYTES_MAX >> 20
    )]
    TooMuch,
    /// A log's entry is none.
    #[error("leaf {index} of the log is malformed")]
    Leaf {
        /// The place in the log.
        index: u64,
    },
    /// The build's descriptors are damaged.
    #[error("the descriptors of this build are damaged")]
    Descriptors(#[from] DescriptorError),
    /// The report cannot be written.
    #[error("the report cannot be written")]
    Report(#[from] askama::Error),
    /// A part cannot be written as JSON.
    #[error("a part of the bundle cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// The archive cannot be written.
    #[error("the archive cannot be written")]
    Archive(#[from] zip::result::ZipError),
    /// The archive cannot be written.
    #[error("the archive cannot be written")]
    Write(#[from] std::io::Error),
}

impl Evidence {
    /// Evidence of these events in the tree of this checkpoint. What is given twice counts once.
    ///
    /// # Errors
    /// There is none, or too much of it.
    pub fn new(
        statement: Statement,
        checkpoint: String,
        items: impl IntoIterator<Item = Item>,
    ) -> Result<Self, EvidenceError> {
        let items: BTreeMap<u64, Item> = items.into_iter().map(|item| (item.index, item)).collect();
        let bytes: usize = items.values().map(|item| item.payload.len()).sum();
        match items.len() {
            0 => Err(EvidenceError::Empty),
            count if count > EVENTS_MAX || bytes > EVENT_BYTES_MAX => Err(EvidenceError::TooMuch),
            _ => Ok(Self { statement, checkpoint, items }),
        }
    }

    /// The events in the order of the log.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &Item> {
        self.items.values()
    }

    /// Writes the bundle: a zip archive, the same for the same evidence.
    ///
    /// # Errors
    /// A leaf is malformed, or a part cannot be written.
    pub fn write(&self) -> Result<Vec<u8>, EvidenceError> {
        archive::write(&files::of(self, &Storyteller::new()?, &report::words())?)
    }
}

impl Item {
    fn read_leaf(&self) -> Result<Leaf, EvidenceError> {
        let index = self.index;
        Leaf::decode(self.leaf.as_slice()).map_err(|_| EvidenceError::Leaf { index })
    }

    fn proof(&self, checkpoint: &str) -> TlogProof {
        let (index, hashes) = (self.index, self.hashes.clone());
        TlogProof { index, hashes, checkpoint: checkpoint.to_owned() }
    }
}

#[cfg(test)]
mod tests;
