//! The place that archives are kept at: a folder.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use publicdata_proto::exchange::v1::LogArchive;
use publicdata_types::Digest;
use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File};
use tokio::io::AsyncReadExt as _;
use url::Url;
use uuid::Uuid;

use super::{ArchiveError, Named};
use crate::error::Error;

/// Where files are until they are sealed.
const UNSEALED: &str = "unsealed";
/// How much of a file is hashed at once.
const READ_BYTES: usize = 1 << 20;

/// Where archives are kept. Cheap to clone; clones share what was verified.
#[derive(Clone, Debug)]
pub struct Place {
    folder: Arc<Path>,
    /// By path below the folder.
    verified: Arc<Mutex<HashMap<String, Opened>>>,
}

/// A place that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The URL does not name a folder.
    #[error("it does not begin with `file:///` and go on with a folder")]
    Scheme,
    /// The folder cannot be made.
    #[error("the folder cannot be made")]
    Folder(#[source] io::Error),
}

/// A file whose digest is known, and how it is laid out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Opened {
    path: PathBuf,
    state: State,
    /// The digest of the whole file.
    pub(super) digest: Digest,
    /// What its footer says.
    pub(super) metadata: ArrowReaderMetadata,
}

/// What changes whenever a file does: also the time of its last change, which nobody can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

// === impl Place ===

impl Place {
    /// A place by its URL: `file:///<folder>`, which is made.
    ///
    /// # Errors
    /// It is no such place.
    pub fn open(url: &str) -> Result<Self, PlaceError> {
        let url: Url = url.parse().map_err(|_| PlaceError::Scheme)?;
        if url.scheme() != "file" {
            return Err(PlaceError::Scheme);
        }
        let folder = url.to_file_path().map_err(|()| PlaceError::Scheme)?;
        std::fs::create_dir_all(&folder).map_err(PlaceError::Folder)?;
        Ok(Self { folder: folder.into(), verified: Arc::default() })
    }

    /// The file of an archive, once its digest was verified: now, or before and the file is the same.
    pub(crate) async fn sealed(&self, archive: &LogArchive) -> Result<Opened, Error> {
        let known = self.known(&archive.path);
        match (known, File::open(self.path(&archive.path)).await) {
            (Some(known), Ok(file)) if State::of(&file).await.ok() == Some(known.state) => {
                Ok(known)
            }
            _ => self.verify(archive).await,
        }
    }

    /// The same, but the digest is verified now.
    pub(crate) async fn verify(&self, archive: &LogArchive) -> Result<Opened, Error> {
        let named = Box::new(Named::of(archive)?);
        let path = self.path(&archive.path);
        let opened = match File::open(&path).await {
            Ok(file) => digest_of(file).await,
            Err(error) => Err(error),
        };
        let (state, found) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ArchiveError::Missing { archive: named }.into());
            }
            Err(error) => return Err(ArchiveError::place("read")(error).into()),
        };
        if found != named.digest {
            return Err(ArchiveError::Altered { archive: named, found }.into());
        }
        let opened = Opened::of(path, state, found).await;
        let opened =
            opened.map_err(|source| ArchiveError::Unreadable { archive: named, source })?;
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.insert(archive.path.clone(), opened.clone());
        Ok(opened)
    }

    /// Reads a file that no seal names yet.
    pub(super) async fn unsealed(&self, path: &str) -> Result<Opened, Error> {
        let failed = ArchiveError::place::<io::Error>;
        let path = self.path(path);
        let file = File::open(&path).await.map_err(failed("read back"))?;
        let (state, digest) = digest_of(file).await.map_err(failed("read back"))?;
        let opened = Opened::of(path, state, digest).await;
        Ok(opened.map_err(ArchiveError::place("read back"))?)
    }

    /// A new file that is not sealed yet, with its name.
    pub(super) async fn create(&self) -> Result<(String, File), Error> {
        let failed = ArchiveError::place::<io::Error>;
        let name = format!("{UNSEALED}/{}.parquet", Uuid::new_v4());
        fs::create_dir_all(self.path(UNSEALED)).await.map_err(failed("written"))?;
        let file = File::create_new(self.path(&name)).await.map_err(failed("written"))?;
        Ok((name, file))
    }

    /// Gives a file that was read back the name that its seal will say. A power failure does not undo it.
    pub(crate) async fn settle(&self, from: &str, to: &str) -> Result<(), Error> {
        let named = async {
            fs::rename(self.path(from), self.path(to)).await?;
            File::open(&self.folder).await?.sync_all().await
        };
        Ok(named.await.map_err(ArchiveError::place("named"))?)
    }

    /// Deletes what earlier attempts left behind.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        match fs::remove_dir_all(self.path(UNSEALED)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ArchiveError::place("cleared")(error).into())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Deletes a file; one that is not there is deleted already.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Error> {
        match fs::remove_file(self.path(path)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ArchiveError::place("deleted")(error).into())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn known(&self, path: &str) -> Option<Opened> {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.get(path).cloned()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}

// === impl Opened ===

impl Opened {
    async fn of(
        path: PathBuf,
        state: State,
        digest: Digest,
    ) -> Result<Self, publicdata_event_store::BoxError> {
        let mut file = File::open(&path).await?;
        let options = ArrowReaderOptions::new();
        let metadata = ArrowReaderMetadata::load_async(&mut file, options).await?;
        Ok(Self { path, state, digest, metadata })
    }

    /// The file's size in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.bytes
    }

    /// The file, to read from.
    pub(super) async fn file(&self) -> io::Result<File> {
        let file = File::open(&self.path).await?;
        match State::of(&file).await? == self.state {
            true => Ok(file),
            false => Err(changed()),
        }
    }

    /// Makes sure that what was read since came from the file that was verified.
    pub(super) async fn is_unchanged(&self) -> io::Result<()> {
        self.file().await.map(drop)
    }
}

impl State {
    async fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata().await?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// The digest of a file, and its state while it was read.
async fn digest_of(mut file: File) -> io::Result<(State, Digest)> {
    let state = State::of(&file).await?;
    let mut hasher = Sha256::new();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match file.read(&mut bytes).await? {
            0 => break,
            read => hasher.update(&bytes[..read]),
        }
    }
    match State::of(&file).await? == state {
        true => Ok((state, Digest::from_bytes(hasher.finalize().into()))),
        false => Err(changed()),
    }
}

fn changed() -> io::Error {
    io::Error::other("the file was changed while it was read")
}
