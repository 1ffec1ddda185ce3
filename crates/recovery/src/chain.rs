//! A backup as it lies there: its manifests, each chained to the one before, and what they lead to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::PathBuf;

use publicdata_audit_domain::tree::{self, Hashes};
use publicdata_audit_domain::{Admission, Checkpoint, Coverage, StoredHash, Tree, Verifier};
use publicdata_event_store::Recorded;
use publicdata_proto::recovery::v1::{BackupPoint, SegmentEntry};
use publicdata_types::Digest;

use crate::files::{self, FileEntry};
use crate::manifest::{self, FORMAT, Manifest};
use crate::place::MANIFESTS;
use crate::segment::{self, SegmentFile};
use crate::{Error, Identities, Place, Progress, seal, time};

/// A backup whose manifests fit together, and whose checkpoints the log has signed.
#[derive(Clone, Debug)]
pub struct Backup {
    place: Place,
    links: Vec<Link>,
    /// A tree that its events have to make, too.
    kept: Option<Checkpoint>,
}

/// A manifest, and what follows from its file.
#[derive(Clone, Debug)]
struct Link {
    manifest: Manifest,
    sha256: Digest,
    signed: Checkpoint,
}

/// Events of a backup, in the order of the log; each is checked as it is taken.
pub struct Events<'a> {
    backup: &'a Backup,
    identities: Identities,
    segments: VecDeque<SegmentFile>,
    /// Trees that were signed, by their size, and the manifests that say so.
    signed: BTreeMap<u64, (Digest, PathBuf)>,
    path: PathBuf,
    entries: VecDeque<SegmentEntry>,
    tree: Tree,
    coverage: Coverage,
}

impl Backup {
    /// Reads a backup's manifests, and checks them. Nothing is said of its segments and files yet.
    ///
    /// # Errors
    /// There is none, or a manifest is not what was written.
    pub fn open(place: &Place, verifier: &Verifier) -> Result<Self, Error> {
        match Self::open_if_any(place, verifier)? {
            Some(backup) => Ok(backup),
            None => Err(Error::NoBackup { folder: place.folder().to_owned() }),
        }
    }

    pub(crate) fn open_if_any(place: &Place, verifier: &Verifier) -> Result<Option<Self>, Error> {
        let mut links: Vec<Link> = Vec::new();
        for (name, number) in place.manifests()?.into_iter().zip(1..) {
            let expected = manifest::name(number);
            if name != expected {
                let path = place.path(&format!("{MANIFESTS}/{expected}"));
                return Err(Error::damaged(&path, format!("it is missing, and {name} is there")));
            }
            let link = Link::read(place, number, links.last(), verifier)?;
            links.push(link);
        }
        let place = place.clone();
        Ok((!links.is_empty()).then_some(Self { place, links, kept: None }))
    }

    /// Where it lies.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The newest manifest.
    #[must_use]
    pub fn newest(&self) -> &Manifest {
        &self.newest_link().manifest
    }

    /// The digest of the newest manifest's file.
    #[must_use]
    pub fn newest_sha256(&self) -> Digest {
        self.newest_link().sha256
    }

    /// The tree that was signed for all its events.
    #[must_use]
    pub fn signed(&self) -> Checkpoint {
        self.newest_link().signed
    }

    /// All checkpoints that it holds, the oldest first.
    #[must_use]
    pub fn checkpoints(&self) -> Vec<String> {
        self.links.iter().map(|link| link.manifest.checkpoint.clone()).collect()
    }

    /// All files that it holds.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.links.iter().flat_map(|link| &link.manifest.files)
    }

    /// The size of all that is sealed.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        let manifests = self.links.iter().map(|link| &link.manifest);
        manifests.map(Manifest::sealed_bytes).sum()
    }

    /// How far it reaches, as events say it.
    #[must_use]
    pub fn point(&self) -> BackupPoint {
        let Manifest { checkpoint, size, made_at, newest_recorded_at, .. } = self.newest();
        BackupPoint {
            manifest_sha256: self.newest_sha256().as_bytes().to_vec(),
            checkpoint: checkpoint.clone().into_bytes(),
            size: *size,
            made_at: Some(time::to_proto(*made_at)),
            newest_recorded_at: newest_recorded_at.map(time::to_proto),
        }
    }

    /// Refuses a backup that ends before a checkpoint that somebody has kept. That its events make that tree, too, shows when they are read:
    /// from now on they have to.
    ///
    /// # Errors
    /// It ends before, or the checkpoint does not count.
    pub fn reaches(&mut self, known: &[u8], verifier: &Verifier) -> Result<(), Error> {
        let known = verifier.checkpoint(known).map_err(Error::Doubt)?;
        let backup = self.newest().size;
        if backup < known.size {
            return Err(Error::OlderBackup { backup, known: known.size });
        }
        let is_other = |link: &Link| {
            let Checkpoint { size, hash } = link.signed;
            size == known.size && hash != known.hash
        };
        if let Some(link) = self.links.iter().find(|link| is_other(link)) {
            let path = self.place.path(&Link::path(link.manifest.number));
            return Err(Error::damaged(
                &path,
                "it is of another log than the checkpoint that was given",
            ));
        }
        self.kept = Some(known);
        Ok(())
    }

    /// Checks that every sealed file is the one that was written. That takes no key, and proves nothing of events.
    ///
    /// # Errors
    /// Names the first that is not.
    pub fn check_files(&self, progress: Progress<'_>) -> Result<(), Error> {
        let folder = self.place.folder();
        let segments = self.segments().map(|segment| &segment.sealed);
        let all: Vec<_> = segments.chain(self.files().map(|file| &file.sealed)).collect();
        for (done, sealed) in all.iter().enumerate() {
            progress("files", done as u64, all.len() as u64);
            seal::check(folder, sealed)?;
        }
        Ok(())
    }

    /// Reads everything: each event and each file is what was backed up, none is missing, and the events make the trees that the log has
    /// signed.
    ///
    /// # Errors
    /// Names the first thing that is wrong.
    pub async fn verify(
        &self,
        identities: &Identities,
        progress: Progress<'_>,
    ) -> Result<(), Error> {
        self.check_files(progress)?;
        let mut events = self.events(identities);
        while let Some((index, _)) = events.next().await? {
            progress("events", index + 1, self.newest().size);
        }
        for file in self.files() {
            self.read_file(file, identities, None).await?;
        }
        Ok(())
    }

    /// Its events.
    #[must_use]
    pub fn events(&self, identities: &Identities) -> Events<'_> {
        let signed = self.links.iter().map(|link| {
            let path = self.place.path(&Link::path(link.manifest.number));
            (link.signed.size, (link.signed.hash, path))
        });
        let kept = self.kept.iter().filter(|kept| kept.size > 0);
        let kept = kept
            .map(|kept| (kept.size, (kept.hash, PathBuf::from("the checkpoint that was given"))));
        Events {
            backup: self,
            identities: identities.clone(),
            segments: self.segments().cloned().collect(),
            signed: signed.chain(kept).collect(),
            path: PathBuf::new(),
            entries: VecDeque::new(),
            tree: Tree::default(),
            coverage: Coverage::default(),
        }
    }

    pub(crate) async fn read_file(
        &self,
        file: &FileEntry,
        identities: &Identities,
        root: Option<PathBuf>,
    ) -> Result<(), Error> {
        let (folder, file) = (self.place.folder().to_owned(), file.clone());
        let (identities, recipients) = (identities.clone(), self.newest().recipients.clone());
        let read = move || files::read(&folder, &file, &identities, &recipients, root.as_deref());
        tokio::task::spawn_blocking(read).await?
    }

    pub(crate) fn tree(&self) -> Result<Tree, Error> {
        let link = self.newest_link();
        link.tree(&self.place)
    }

    pub(crate) fn known_files(&self) -> BTreeSet<String> {
        self.files().map(|file| file.path.clone()).collect()
    }

    fn segments(&self) -> impl Iterator<Item = &SegmentFile> {
        self.links.iter().flat_map(|link| &link.manifest.segments)
    }

    fn newest_link(&self) -> &Link {
        self.links.last().expect("a backup has a manifest: `open` sees to it")
    }
}

impl Link {
    fn path(number: u64) -> String {
        format!("{MANIFESTS}/{}", manifest::name(number))
    }

    fn read(
        place: &Place,
        number: u64,
        before: Option<&Self>,
        verifier: &Verifier,
    ) -> Result<Self, Error> {
        let path = place.path(&Self::path(number));
        let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|error| Error::damaged(&path, format!("it is no manifest: {error}")))?;
        let sha256 = Digest::of(&bytes);
        let signed = verifier
            .checkpoint(manifest.checkpoint.as_bytes())
            .map_err(|source| Error::Checkpoint { path: path.clone(), source })?;
        let link = Self { manifest, sha256, signed };
        match link.fault(number, before, verifier) {
            Some(what) => return Err(Error::damaged(&path, what)),
            None => link.tree(place)?,
        };
        Ok(link)
    }

    /// What does not fit together, if anything does not.
    fn fault(&self, number: u64, before: Option<&Self>, verifier: &Verifier) -> Option<String> {
        let Manifest { format, previous_sha256, origin, size, segments, files, .. } =
            &self.manifest;
        if *format != FORMAT {
            return Some(format!("its form is {format}; this program reads {FORMAT}"));
        }
        if self.manifest.number != number || origin != verifier.origin() {
            return Some(format!("it is number {} of {origin}", self.manifest.number));
        }
        if *previous_sha256 != before.map(|before| before.sha256) {
            return Some("the manifest before it is not the one that it was made after".to_owned());
        }
        if *size != self.signed.size {
            return Some(format!(
                "its checkpoint is of {} events, not of {size}",
                self.signed.size
            ));
        }
        let mut next = before.map_or(0, |before| before.manifest.size);
        for segment in segments {
            if segment.first_index != next || segment.events == 0 {
                return Some(format!("event {next} of the log is in none of its segments"));
            }
            next = next.checked_add(segment.events)?;
        }
        if next != *size {
            return Some(format!("its segments end at {next}, and its checkpoint at {size}"));
        }
        let unsafe_path = |path: &str| !files::is_safe(path);
        let sealed = segments.iter().map(|segment| &segment.sealed);
        let sealed = sealed.chain(files.iter().map(|file| &file.sealed));
        let paths = sealed.map(|sealed| sealed.path.as_str());
        let mut paths = paths.chain(files.iter().map(|file| file.path.as_str()));
        paths.find(|path| unsafe_path(path)).map(|path| format!("it names the file {path}"))
    }

    /// The tree that the next run goes on with.
    fn tree(&self, place: &Place) -> Result<Tree, Error> {
        let Self { manifest: Manifest { number, size, edge, .. }, signed, .. } = self;
        let stored = tree::edge_indexes(*size).into_iter().zip(edge);
        let hashes: Hashes =
            stored.map(|(index, hash)| StoredHash { index, hash: *hash }).collect();
        match Tree::resume(*size, &hashes) {
            Ok(tree) if tree.root() == signed.hash => Ok(tree),
            Ok(_) | Err(_) => {
                let path = place.path(&Self::path(*number));
                Err(Error::damaged(&path, "its edge does not make the root that was signed"))
            }
        }
    }
}

impl Events<'_> {
    /// The next event, with its place in the log from 0; none at the end, where all of them are known to be what was signed.
    ///
    /// # Errors
    /// It is not what was backed up.
    pub async fn next(&mut self) -> Result<Option<(u64, Recorded)>, Error> {
        while self.entries.is_empty() {
            let Some(file) = self.segments.pop_front() else { return Ok(None) };
            self.open(file).await?;
        }
        let Some(entry) = self.entries.pop_front() else { return Ok(None) };
        let index = self.tree.size();
        let leaf = entry.leaf.clone();
        let Some(recorded) = segment::recorded(entry) else {
            let what = format!("event {index} of the log is not what its leaf says");
            return Err(Error::damaged(&self.path, what));
        };
        let (stream, sequence) = (&recorded.stream, recorded.sequence);
        if self.coverage.admit(stream, sequence) != Admission::Enters {
            let what = format!("event {sequence} of stream {stream} stands out of place in it");
            return Err(Error::damaged(&self.path, what));
        }
        self.tree.append(&leaf);
        let size = self.tree.size();
        if let Some((root, manifest)) = self.signed.get(&size)
            && *root != self.tree.root()
        {
            let what = format!(
                "the {size} events up to here do not make the tree that was signed, says {}",
                manifest.display()
            );
            return Err(Error::damaged(&self.path, what));
        }
        Ok(Some((index, recorded)))
    }

    async fn open(&mut self, file: SegmentFile) -> Result<(), Error> {
        let folder = self.backup.place.folder().to_owned();
        self.path = folder.join(&file.sealed.path);
        let Manifest { origin, recipients, .. } = self.backup.newest().clone();
        let identities = self.identities.clone();
        let read = move || segment::read(&folder, &origin, &file, &identities, &recipients);
        self.entries = tokio::task::spawn_blocking(read).await??.into();
        Ok(())
    }
}

impl std::fmt::Debug for Events<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("next", &self.tree.size()).finish_non_exhaustive()
    }
}

// === impl Manifest ===

impl Manifest {
    /// The size of what came with its run.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        let segments = self.segments.iter().map(|segment| segment.sealed.bytes);
        segments.chain(self.files.iter().map(|file| file.sealed.bytes)).sum()
    }
}
