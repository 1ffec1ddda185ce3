//! Making a backup: what is new since the last one is read, held against the log, and sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use prost::Message as _;
use publicdata_audit::client::TileLog;
use publicdata_audit::leaf;
use publicdata_audit_domain::{Checkpoint, Tree, Verifier};
use publicdata_event_store::{Recorded, Store};
use publicdata_proto::audit::v1::Leaf;
use publicdata_proto::recovery::v1::Segment;
use publicdata_service_kit::Clock;
use publicdata_types::Digest;
use serde::Serialize;
use tokio::time::{Instant, sleep};

pub use crate::files::Folder;
use crate::manifest::{self, FORMAT, Manifest, digest_text};
use crate::place::MANIFESTS;
use crate::segment::{self, BYTES_MAX, EVENTS_MAX, SegmentFile};
use crate::streams::Cursors;
use crate::views::ViewDigest;
use crate::{Backup, Error, Place, Progress, Recipients, files};

/// How long the log may take until it has what the views hold.
const LOG_PATIENCE: Duration = Duration::from_secs(60);
const LOG_POLL: Duration = Duration::from_millis(100);

/// What is backed up.
#[derive(Clone, Debug)]
pub struct Source {
    /// The events.
    pub store: Store,
    /// The log, which says which events there are, and in which order.
    pub log: TileLog,
    /// Checks what the log says.
    pub verifier: Verifier,
    /// The folder that the others are below.
    pub root: PathBuf,
    /// Folders of files that are no events.
    pub folders: Vec<Folder>,
    /// What the views hold: taken before the call, so that the backup reaches further than they do.
    pub views: Vec<ViewDigest>,
    /// Tells when it was made.
    pub clock: Clock,
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Made {
    /// The newest manifest's number.
    pub manifest: u64,
    /// Its digest.
    #[serde(with = "digest_text")]
    pub manifest_sha256: Digest,
    /// How many events the backup holds.
    pub events: u64,
    /// How many of them are new.
    pub new_events: u64,
    /// How many files are new.
    pub new_files: u64,
    /// How much was written.
    pub new_bytes: u64,
    /// When the newest event was received.
    pub newest_recorded_at: Option<Timestamp>,
    /// The checkpoint that it was verified with.
    pub checkpoint: String,
    /// Files of the platform that are not what their names say, and are not in the backup: their paths. They are tried again each time.
    pub damaged: Vec<String>,
}

/// A run.
struct Run<'a> {
    source: &'a Source,
    place: &'a Place,
    recipients: &'a Recipients,
    tree: Tree,
    streams: BTreeMap<String, u64>,
    newest_recorded_at: Option<Timestamp>,
    segments: Vec<SegmentFile>,
    /// The segment that is being filled.
    segment: Segment,
    segment_bytes: usize,
}

/// Adds what is new to the backup at `place`, or begins one. If nothing is new, nothing is written.
///
/// # Errors
/// The platform is not the one that was backed up, something cannot be read or written, or an event is not what was logged. The backup
/// is then what it was before.
pub async fn run(
    source: &Source,
    place: &Place,
    recipients: &Recipients,
    progress: Progress<'_>,
) -> Result<Made, Error> {
    let _lock = place.begin()?;
    let before = Backup::open_if_any(place, &source.verifier)?;
    let mut run = Run::after(source, place, recipients, before.as_ref())?;
    let first = run.tree.size();
    let (checkpoint, signed) = run.take_events(progress).await?;
    run.seal_segment().await?;
    let known = before.as_ref().map(Backup::known_files).unwrap_or_default();
    let written = files::write(place, &source.root, &source.folders, &known, recipients)?;
    let files::Written { files: new_files, damaged } = written;

    let is_new = signed.size > first || !new_files.is_empty();
    let manifest = match &before {
        Some(before) if !is_new => before.newest().clone(),
        before => run.manifest(before.as_ref(), checkpoint, new_files),
    };
    let (new_events, new_files) = (signed.size - first, manifest.files.len() as u64);
    let manifest_sha256 = match before {
        Some(before) if !is_new => before.newest_sha256(),
        Some(_) | None => write_manifest(place, &manifest)?,
    };
    Ok(Made {
        manifest: manifest.number,
        manifest_sha256,
        events: signed.size,
        new_events,
        new_files: if is_new { new_files } else { 0 },
        new_bytes: if is_new { manifest.sealed_bytes() } else { 0 },
        newest_recorded_at: manifest.newest_recorded_at,
        checkpoint: manifest.checkpoint,
        damaged,
    })
}

fn write_manifest(place: &Place, manifest: &Manifest) -> Result<Digest, Error> {
    let path = format!("{MANIFESTS}/{}", manifest::name(manifest.number));
    let text = serde_json::to_vec_pretty(manifest)
        .map_err(|error| Error::file("write", place.path(&path))(std::io::Error::other(error)))?;
    place.write(&path, |file| file.write_all(&text))?;
    Ok(Digest::of(&text))
}

impl<'a> Run<'a> {
    fn after(
        source: &'a Source,
        place: &'a Place,
        recipients: &'a Recipients,
        before: Option<&Backup>,
    ) -> Result<Self, Error> {
        let tree = before.map(Backup::tree).transpose()?.unwrap_or_default();
        let newest = before.map(Backup::newest);
        if let Some(Manifest { recipients: known, .. }) = newest {
            let given = recipients.texts();
            let set = |texts: &[String]| texts.iter().cloned().collect::<BTreeSet<_>>();
            if set(known) != set(&given) {
                return Err(Error::OtherRecipients { known: known.clone(), given });
            }
        }
        Ok(Self {
            source,
            place,
            recipients,
            segment: Segment { first_index: tree.size(), ..Segment::default() },
            tree,
            streams: newest.map(|newest| newest.streams.clone()).unwrap_or_default(),
            newest_recorded_at: newest.and_then(|newest| newest.newest_recorded_at),
            segments: Vec::new(),
            segment_bytes: 0,
        })
    }

    /// Takes every event up to the log's checkpoint, and waits for one that reaches as far as the views do.
    async fn take_events(&mut self, progress: Progress<'_>) -> Result<(String, Checkpoint), Error> {
        let Source { store, log, verifier, .. } = self.source;
        let mut cursors = Cursors::after(store, &self.streams);
        let deadline = Instant::now() + LOG_PATIENCE;
        loop {
            let note = log.checkpoint().await?;
            let signed = verifier.checkpoint(&note).map_err(Error::Doubt)?;
            if signed.size < self.tree.size() {
                return Err(Error::OlderLog { backup: self.tree.size(), log: signed.size });
            }
            while self.tree.size() < signed.size {
                for leaf in log.leaves(self.tree.size(), signed.size).await? {
                    self.take(leaf, &mut cursors).await?;
                }
                progress("events", self.tree.size(), signed.size);
            }
            if self.tree.root() != signed.hash {
                let (size, where_from) = (signed.size, "the platform");
                return Err(Error::OtherTree { size, where_from });
            }
            match self.view_ahead() {
                None => {
                    let note = String::from_utf8_lossy(&note).into_owned();
                    return Ok((note, signed));
                }
                Some(view) if Instant::now() > deadline => {
                    let (service, view) = (view.service.clone(), view.view.clone());
                    let seconds = LOG_PATIENCE.as_secs();
                    return Err(Error::LogBehind { service, view, seconds });
                }
                Some(_) => sleep(LOG_POLL).await,
            }
        }
    }

    /// A view that holds more than was taken.
    fn view_ahead(&self) -> Option<&'a ViewDigest> {
        let taken = |stream: &String| self.streams.get(stream).copied().unwrap_or_default();
        let is_ahead = |view: &&ViewDigest| {
            view.positions.iter().any(|(stream, position)| *position > taken(stream))
        };
        self.source.views.iter().find(is_ahead)
    }

    async fn take(&mut self, leaf: Vec<u8>, cursors: &mut Cursors<'_>) -> Result<(), Error> {
        let index = self.tree.size();
        let logged = Leaf::decode(leaf.as_slice()).unwrap_or_default();
        let differs = |what| {
            let (stream, sequence) = (logged.stream.clone(), logged.sequence);
            Error::EventDiffers { stream, sequence, index, what }
        };
        let recorded = cursors.next(&logged.stream).await?;
        let recorded = recorded.ok_or_else(|| differs("it is gone"))?;
        let found = leaf::of(&recorded);
        if let Some(what) = leaf::difference(&logged, &found) {
            return Err(differs(what));
        }
        if found.encode_to_vec() != leaf {
            return Err(differs("its leaf is not in the form that it was logged in"));
        }

        self.tree.append(&leaf);
        self.note(&recorded);
        self.segment_bytes += leaf.len() + recorded.payload.len();
        self.segment.entries.push(segment::entry(leaf, &recorded));
        if self.segment_bytes >= BYTES_MAX || self.segment.entries.len() >= EVENTS_MAX {
            self.seal_segment().await?;
        }
        Ok(())
    }

    fn note(&mut self, recorded: &Recorded) {
        self.streams.insert(recorded.stream.clone(), recorded.sequence);
        self.newest_recorded_at = self.newest_recorded_at.max(Some(recorded.recorded_at));
    }

    async fn seal_segment(&mut self) -> Result<(), Error> {
        let next = Segment { first_index: self.tree.size(), ..Segment::default() };
        let mut segment = std::mem::replace(&mut self.segment, next);
        self.segment_bytes = 0;
        if segment.entries.is_empty() {
            return Ok(());
        }
        segment.origin = self.source.verifier.origin().to_owned();
        let (place, recipients) = (self.place.clone(), self.recipients.clone());
        let write = move || segment::write(&place, &segment, &recipients);
        self.segments.push(tokio::task::spawn_blocking(write).await??);
        Ok(())
    }

    fn manifest(
        self,
        before: Option<&Backup>,
        checkpoint: String,
        files: Vec<files::FileEntry>,
    ) -> Manifest {
        Manifest {
            format: FORMAT,
            number: before.map_or(0, |before| before.newest().number) + 1,
            previous_sha256: before.map(Backup::newest_sha256),
            origin: self.source.verifier.origin().to_owned(),
            made_at: self.source.clock.now(),
            checkpoint,
            size: self.tree.size(),
            edge: self.tree.edge().to_vec(),
            streams: self.streams,
            newest_recorded_at: self.newest_recorded_at,
            recipients: self.recipients.texts(),
            segments: self.segments,
            files,
            views: self.source.views.clone(),
        }
    }
}
