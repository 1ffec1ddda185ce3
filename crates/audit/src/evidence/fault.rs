//! What can be wrong with a bundle, and where.

use publicdata_audit_domain::checkpoint::Doubt;
use publicdata_audit_domain::tlog_proof::TlogProofError;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::FORMAT;

/// One thing that is wrong with a bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is no archive, or one that can be read in two ways.
    #[error("the file is not a whole zip archive as bundles are: {0}")]
    Archive(String),
    /// A file in it cannot be unpacked.
    #[error("{path} cannot be unpacked: {why}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
    /// A file is not there.
    #[error("{path} is missing")]
    Missing {
        /// Which.
        path: String,
    },
    /// A file is there that belongs to nothing.
    #[error("{path} does not belong to the bundle")]
    Extra {
        /// Which.
        path: String,
    },
    /// A file is not the one that the manifest lists.
    #[error("{path} is not the file that manifest.json lists: its length or SHA-256 differs")]
    Altered {
        /// Which.
        path: String,
    },
    /// The list of files can't be read.
    #[error("manifest.json cannot be read: {0}")]
    Manifest(String),
    /// It is written in another way.
    #[error("the bundle is of format {found}, this program reads {FORMAT}")]
    Format {
        /// Its format.
        found: String,
    },
    /// There is no event in it.
    #[error("the bundle holds no event")]
    Empty,
    /// What was stated can't be read.
    #[error("statement.json cannot be read: {0}")]
    Statement(String),
    /// The signed tree does not count.
    #[error("checkpoint does not count: {0}")]
    Checkpoint(Doubt),
    /// A witness has not signed the tree.
    #[error("witness {witness} has not cosigned the checkpoint")]
    NotCosigned {
        /// Its name.
        witness: String,
    },
    /// What stands under a witness's name is not its signature.
    #[error("a witness's cosignature does not count: {0}")]
    Cosignature(Doubt),
    /// A proof can't be read.
    #[error("{path} is no proof: {why}")]
    Proof {
        /// Which.
        path: String,
        /// Why.
        why: TlogProofError,
    },
    /// A proof is of another entry, or leads to another tree.
    #[error("{path} is not about this event in the tree of checkpoint")]
    OtherProof {
        /// Which.
        path: String,
    },
    /// An entry is not in the log.
    #[error("{path} does not show that leaves/{index}.bin is in the signed tree of {size} leaves")]
    Inclusion {
        /// The proof.
        path: String,
        /// The place in the log.
        index: u64,
        /// The signed tree's size.
        size: u64,
    },
    /// An entry can't be read.
    #[error("{path} is no entry of the log")]
    Leaf {
        /// Which.
        path: String,
    },
    /// An event is not the one that was logged.
    #[error("{path} is not the event that was logged, {sequence} of stream {stream}")]
    Payload {
        /// Which.
        path: String,
        /// The stream.
        stream: String,
        /// The place in it.
        sequence: u64,
    },
    /// What is told is not what the events say.
    #[error("{path} does not say what the events say")]
    Told {
        /// Which.
        path: String,
    },
    /// What is told was written by another program, and says it otherwise than this one.
    #[error(
        "{path} was written by another version of the program ({words}), and cannot be compared: have the report written anew, \
         from the events"
    )]
    OtherWords {
        /// Which.
        path: String,
        /// The version.
        words: String,
    },
    /// A signature within an event does not count.
    #[error("the signature of {role} on the {what} of event {index} does not count: {why}")]
    Signature {
        /// The event's place in the log.
        index: u64,
        /// What is signed.
        what: &'static str,
        /// Whose it has to be.
        role: &'static str,
        /// Why.
        why: String,
    },
    /// An event says something else than what it holds signed.
    #[error("event {index} says in `{field}` something else than the receipt that it holds signed")]
    Contradiction {
        /// The event's place in the log.
        index: u64,
        /// The field.
        field: &'static str,
    },
}

impl Fault {
    /// The stable code that programs may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Archive(_) => "ARCHIVE_DAMAGED",
            Self::Unreadable { .. } => "FILE_UNREADABLE",
            Self::Missing { .. } => "FILE_MISSING",
            Self::Extra { .. } => "FILE_EXTRA",
            Self::Altered { .. } => "FILE_ALTERED",
            Self::Manifest(_) => "MANIFEST_MALFORMED",
            Self::Format { .. } => "FORMAT_UNKNOWN",
            Self::Empty => "NO_EVENT",
            Self::Statement(_) => "STATEMENT_MALFORMED",
            Self::Checkpoint(_) => "CHECKPOINT_DOUBTFUL",
            Self::NotCosigned { .. } => "COSIGNATURE_MISSING",
            Self::Cosignature(_) => "COSIGNATURE_DOUBTFUL",
            Self::Proof { .. } => "PROOF_MALFORMED",
            Self::OtherProof { .. } => "PROOF_OF_ANOTHER",
            Self::Inclusion { .. } => "INCLUSION_NOT_PROVEN",
            Self::Leaf { .. } => "LEAF_MALFORMED",
            Self::Payload { .. } => "PAYLOAD_REWRITTEN",
            Self::Told { .. } => "TEXT_DIFFERS",
            Self::OtherWords { .. } => "TEXT_OF_ANOTHER_VERSION",
            Self::Signature { .. } => "SIGNATURE_REFUSED",
            Self::Contradiction { .. } => "EVENT_CONTRADICTS_RECEIPT",
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fault = serializer.serialize_struct("Fault", 2)?;
        fault.serialize_field("reason", self.reason())?;
        fault.serialize_field("message", &self.to_string())?;
        fault.end()
    }
}
