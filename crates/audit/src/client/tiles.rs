//! Verifies a log from its tiles alone, over plain HTTP: no certificate, no account, no gRPC.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use prost::Message as _;
use publicdata_audit_domain::tile::{self, Kind, Tile};
use publicdata_audit_domain::tree::Hashes;
use publicdata_audit_domain::{Admission, Checkpoint, Coverage, Logged, Tree, Verifier};
use publicdata_proto::audit::v1::Leaf;
use publicdata_types::Digest;
use serde::Serialize;

use super::verify::{Finding, cosigned};
use super::{Verification, Watcher};
use crate::web::{Limits, Web, WebError};

const HASH_BYTES: usize = 32;
/// From the hashes of one tile to those of the tile above.
const TILE_LEVELS: usize = 8;
/// As long as a bundle of the longest entries.
const LIMITS: Limits = Limits { time: Duration::from_secs(60), body_bytes: 17 << 20 };

/// A log, read over HTTP.
#[derive(Clone, Debug)]
pub struct TileLog {
    web: Web,
    url: String,
}

/// What was verified, and what was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TileReport {
    /// The log's name.
    pub origin: String,
    /// How many entries the signed tree has.
    pub size: u64,
    /// The signed root hash.
    pub root: String,
    /// The algorithms of the log's keys that were demanded, and have signed it.
    pub signed_with: Vec<&'static str>,
    /// The checkpoint: keep it, and verify against it next time.
    pub checkpoint: String,
    /// How many entries were read.
    pub entries: u64,
    /// How many of them are of each stream.
    pub streams: BTreeMap<String, u64>,
    /// The size of the older checkpoint's tree, if the log was shown to continue it.
    pub continues: Option<u64>,
    /// The witnesses that were asked for and have cosigned the checkpoint, by name.
    pub cosigned_by: Vec<String>,
    /// Everything that is wrong. Empty: the log is sound.
    pub findings: Vec<Finding>,
}

/// Why nothing can be said of a log.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// It is no address.
    #[error("{url} is not an address such as http://log.example:7005")]
    Address {
        /// What was given.
        url: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// It cannot be read.
    #[error("cannot read {url}")]
    Web {
        /// Where.
        url: String,
        /// Why.
        source: WebError,
    },
    /// It answers with something that is no bundle of the log's.
    #[error("{path} of the log holds not the entries that it should")]
    Malformed {
        /// Which bundle.
        path: String,
    },
    /// It answers with something else.
    #[error("{url} was answered with {status}: {said}")]
    Status {
        /// Where.
        url: String,
        /// How.
        status: u16,
        /// In words, as far as they are of interest.
        said: String,
    },
}

/// What was read so far.
#[derive(Default)]
struct Read {
    tree: Tree,
    /// The hashes of the last bundle's leaves.
    leaves: Hashes,
    /// Those that stand in tiles of upper levels: one for 256 leaves.
    upper: Hashes,
    coverage: Coverage,
    /// The root that the tree had when it was as large as the older checkpoint's.
    old_root: Option<Digest>,
}

impl TileReport {
    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

impl TileLog {
    /// The log at this address, which is what stands before `/checkpoint`.
    ///
    /// # Errors
    /// It is no address.
    pub fn new(url: &str) -> Result<Self, TilesError> {
        let url = url.trim_end_matches('/').to_owned();
        let is_web = url.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none()
        });
        match is_web {
            true => Ok(Self { web: Web::new()?, url }),
            false => Err(TilesError::Address { url }),
        }
    }

    /// The checkpoint: a note, not verified.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, TilesError> {
        Ok(self.get("checkpoint").await?.to_vec())
    }

    /// Reads every entry and every tile up to the checkpoint, and builds the tree anew. Payloads are not in a log, so nothing is
    /// said of them.
    ///
    /// # Errors
    /// Something cannot be read, so that nothing can be said. What is wrong with the log is no error, but stands in the report.
    pub async fn verify(
        &self,
        verifier: &Verifier,
        options: &Verification,
    ) -> Result<TileReport, TilesError> {
        let note = self.checkpoint().await?;
        let mut report = TileReport {
            origin: verifier.origin().to_owned(),
            checkpoint: String::from_utf8_lossy(&note).into_owned(),
            ..TileReport::default()
        };
        let signed = match verifier.checkpoint(&note) {
            Ok(signed) => signed,
            Err(doubt) => {
                report.findings.push(Finding::Checkpoint(doubt));
                return Ok(report);
            }
        };
        report.size = signed.size;
        report.root = signed.hash.to_string();
        report.signed_with = verifier.algorithms();
        cosigned(&note, &options.witnesses, &mut report.cosigned_by, &mut report.findings);
        let old = match options.old_checkpoint.as_deref().map(|old| verifier.checkpoint(old)) {
            Some(Err(doubt)) => {
                report.findings.push(Finding::OldCheckpoint(doubt));
                None
            }
            Some(Ok(old)) => Some(old),
            None => None,
        };

        let mut read = Read::default();
        read.pass(old.as_ref());
        let verified = self.read_all(&signed, old.as_ref(), &options.watcher, &mut read).await?;
        report.entries = read.tree.size();
        let counted = |(stream, logged): (&str, Logged)| (stream.to_owned(), logged.count);
        report.streams = read.coverage.streams().map(counted).collect();
        match (old, &verified) {
            (Some(old), Ok(())) if read.old_root == Some(old.hash) => {
                report.continues = Some(old.size);
            }
            (Some(old), Ok(())) => {
                let (old_size, new_size) = (old.size, signed.size);
                report.findings.push(Finding::Consistency { old_size, new_size });
            }
            (Some(_), Err(_)) | (None, _) => {}
        }
        report.findings.extend(verified.err());
        Ok(report)
    }

    /// Stops at the first thing that is wrong.
    async fn read_all(
        &self,
        signed: &Checkpoint,
        old: Option<&Checkpoint>,
        watcher: &Watcher,
        read: &mut Read,
    ) -> Result<Result<(), Finding>, TilesError> {
        let mut index = 0;
        while let Some(bundle) = Tile::in_tree(Kind::Entries, index, signed.size) {
            let entries = self.get(&bundle.to_string()).await?;
            let leaves = Tile { kind: Kind::Hashes { level: 0 }, ..bundle };
            let hashes = self.get(&leaves.to_string()).await?;
            if let Err(finding) = read.take(&bundle, &entries, old) {
                return Ok(Err(finding));
            }
            if let Err(finding) = read.compare(&leaves, &hashes) {
                return Ok(Err(finding));
            }
            watcher.tell(read.tree.size(), signed.size);
            index += 1;
        }
        if read.tree.root() != signed.hash {
            return Ok(Err(Finding::OtherRoot { size: signed.size, first: None }));
        }
        for tile in Tile::above_leaves(signed.size) {
            let hashes = self.get(&tile.to_string()).await?;
            if let Err(finding) = read.compare(&tile, &hashes) {
                return Ok(Err(finding));
            }
        }
        Ok(Ok(()))
    }

    pub(super) async fn get(&self, path: &str) -> Result<Bytes, TilesError> {
        let url = format!("{}/{path}", self.url);
        let uri = url.parse().map_err(|_| TilesError::Address { url: url.clone() })?;
        match self.web.get(uri, LIMITS).await {
            Ok(answer) if answer.status == StatusCode::OK => Ok(answer.body),
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.body);
                let said = said.lines().next().unwrap_or_default().chars().take(200).collect();
                Err(TilesError::Status { url, status: answer.status.as_u16(), said })
            }
            Err(source) => Err(TilesError::Web { url, source }),
        }
    }
}

impl Read {
    /// Appends the entries of a bundle.
    fn take(
        &mut self,
        bundle: &Tile,
        bytes: &[u8],
        old: Option<&Checkpoint>,
    ) -> Result<(), Finding> {
        let malformed = || Finding::Bundle { path: bundle.to_string(), entries: bundle.width };
        let entries = tile::entries(bytes).map_err(|_| malformed())?;
        if u64::try_from(entries.len()) != Ok(bundle.width) {
            return Err(malformed());
        }
        self.leaves = Hashes::default();
        for entry in entries {
            let index = self.tree.size();
            let leaf = Leaf::decode(entry).map_err(|_| Finding::MalformedLeaf { index })?;
            let Leaf { stream, sequence, .. } = leaf;
            match self.coverage.admit(&stream, sequence) {
                Admission::Enters => {}
                Admission::Logged => return Err(Finding::Repeated { index, stream, sequence }),
                Admission::Gap { expected } => {
                    return Err(Finding::Skipped { index, stream, sequence, expected });
                }
            }
            for (level, stored) in self.tree.append(entry).into_iter().enumerate() {
                match level {
                    0 => self.leaves.extend([stored]),
                    level if level % TILE_LEVELS == 0 => self.upper.extend([stored]),
                    _ => {}
                }
            }
            self.pass(old);
        }
        Ok(())
    }

    /// Keeps the root that is to be held against the older checkpoint.
    fn pass(&mut self, old: Option<&Checkpoint>) {
        if old.is_some_and(|old| old.size == self.tree.size()) {
            self.old_root = Some(self.tree.root());
        }
    }

    /// Holds a tile against the tree that was built from the entries.
    fn compare(&self, tile: &Tile, bytes: &[u8]) -> Result<(), Finding> {
        let expected = tile.stored_indexes();
        let differs = |at| Finding::Tile { path: tile.to_string(), at };
        let mut hashes = bytes.chunks(HASH_BYTES);
        for (at, index) in expected.into_iter().enumerate() {
            let expected = self.leaves.at(index).or_else(|_| self.upper.at(index)).ok();
            let found = hashes.next();
            if expected.is_none_or(|expected| found != Some(expected.as_bytes().as_slice())) {
                return Err(differs(at));
            }
        }
        match hashes.next() {
            None => Ok(()),
            Some(_) => Err(differs(tile.stored_indexes().len())),
        }
    }
}
