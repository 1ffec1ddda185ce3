//! Files by their digest, in a folder of this process's own.
//!
//! A file is written beside its place, synced and renamed, so that whatever stands under a digest is whole. It is read back
//! and compared once, before it is first given out.

use std::collections::HashMap;
use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use publicdata_types::Digest;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;

const INCOMING: &str = "incoming";
const LOCK_FILE: &str = ".lock";

/// The folder.
#[derive(Debug)]
pub(crate) struct Blobs {
    folder: PathBuf,
    bytes_max: u64,
    received: AtomicU64,
    /// Whether a file was found to be what its name says. Held while one is read, so that one is read at a time.
    verified: Mutex<HashMap<Digest, bool>>,
    /// Locked as long as this lives.
    _lock: fs::File,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made, read or written.
    #[error("cannot use the content folder {}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process works on it.
    #[error("another process uses the content folder {}; give each its own", .0.display())]
    InUse(PathBuf),
}

/// Why a file is not taken or given out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    #[error("content is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error("content {digest} is missing or damaged")]
    Damaged { digest: Digest },
    #[error("the content folder cannot be used")]
    Folder(#[from] io::Error),
}

/// A file that is being received. Dropped before it is kept, it is gone.
#[derive(Debug)]
pub(crate) struct Incoming {
    file: tokio::fs::File,
    path: Temporary,
    hasher: Sha256,
    bytes: u64,
    bytes_max: u64,
}

/// A file that was received, and is on disk. Dropped before it is kept, it is gone.
#[derive(Debug)]
pub(crate) struct Received {
    path: Temporary,
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
}

/// A file that is removed when this is dropped, unless it was renamed.
#[derive(Debug)]
struct Temporary(PathBuf);

// === impl Blobs ===

impl Blobs {
    /// Opens the folder, and removes what a crash has left half received.
    pub(crate) fn open(folder: &Path, bytes_max: u64) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { folder: folder.to_owned(), source };
        let incoming = folder.join(INCOMING);
        fs::create_dir_all(&incoming).map_err(failed)?;
        let lock = fs::File::create(folder.join(LOCK_FILE)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        for left in fs::read_dir(&incoming).map_err(failed)? {
            fs::remove_file(left.map_err(failed)?.path()).map_err(failed)?;
        }
        Ok(Self {
            folder: folder.to_owned(),
            bytes_max,
            received: AtomicU64::new(0),
            verified: Mutex::default(),
            _lock: lock,
        })
    }

    /// Begins to receive a file.
    pub(crate) async fn receive(&self) -> Result<Incoming, BlobError> {
        let number = self.received.fetch_add(1, Ordering::Relaxed);
        let path = Temporary(self.folder.join(INCOMING).join(number.to_string()));
        let file = tokio::fs::File::create(&path.0).await?;
        Ok(Incoming { file, path, hasher: Sha256::new(), bytes: 0, bytes_max: self.bytes_max })
    }

    /// Keeps a file under its digest, for good.
    pub(crate) async fn keep(&self, received: Received) -> Result<(), BlobError> {
        let (folder, place) = (self.folder.clone(), self.path(&received.digest));
        let digest = received.digest;
        let renamed = tokio::task::spawn_blocking(move || {
            fs::rename(&received.path.0, place)?;
            fs::File::open(folder)?.sync_all()
        });
        renamed.await.map_err(io::Error::other)??;
        // Whatever stood there before, this is what its name says.
        self.verified.lock().await.insert(digest, true);
        Ok(())
    }

    /// Where the file of this digest is, once it is known to be just that.
    pub(crate) async fn verified(&self, digest: &Digest) -> Result<PathBuf, BlobError> {
        let mut verified = self.verified.lock().await;
        let path = self.path(digest);
        let good = match verified.get(digest) {
            Some(good) => *good,
            None => {
                let read = path.clone();
                let found =
                    tokio::task::spawn_blocking(move || Digest::of_reader(fs::File::open(&read)?));
                let good = match found.await.map_err(io::Error::other)? {
                    Ok(found) => found == *digest,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                    Err(error) => return Err(error.into()),
                };
                if !good {
                    tracing::error!(content.digest = %digest, "content is missing or damaged");
                }
                verified.insert(*digest, good);
                good
            }
        };
        match good {
            true => Ok(path),
            false => Err(BlobError::Damaged { digest: *digest }),
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(hex::encode(digest.as_bytes()))
    }
}

// === impl Incoming ===

impl Incoming {
    /// Takes the next part.
    pub(crate) async fn write(&mut self, part: &[u8]) -> Result<(), BlobError> {
        self.bytes += part.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(BlobError::TooLarge { bytes_max: self.bytes_max });
        }
        self.hasher.update(part);
        self.file.write_all(part).await?;
        Ok(())
    }

    /// That was all: brings it to disk.
    pub(crate) async fn finish(mut self) -> Result<Received, BlobError> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        let digest = Digest::from_bytes(self.hasher.finalize().into());
        Ok(Received { path: self.path, digest, bytes: self.bytes })
    }
}

// === impl Received ===

impl Received {
    /// Opens it for reading.
    pub(crate) fn open(&self) -> io::Result<fs::File> {
        fs::File::open(&self.path.0)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It has another name by now, if it was kept; what cannot be removed is removed at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests;
