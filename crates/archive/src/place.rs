//! The place of archives: a folder. Files are added to it, and read; nothing else is done to it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use publicdata_audit_domain::Verifier;
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_event_store::BoxError;
use publicdata_types::Digest;
use url::Url;

use crate::{Archive, ArchiveError, Fault, Packed, Proven, seal};

/// Where files of a folder are until they are whole.
pub const UNSEALED: &str = "unsealed";

/// Where archives are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Place(Arc<Path>);

/// A URL that names no place of archives.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It is of another kind.
    #[error("`{url}` is no place of archives; write `file:///<folder>`")]
    Url {
        /// What was written.
        url: String,
    },
    /// The folder cannot be made.
    #[error("the folder {} cannot be made", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Place {
    /// A place by its URL: `file:///<folder>`, which is made.
    ///
    /// # Errors
    /// It names no such place.
    pub fn open(url: &str) -> Result<Self, PlaceError> {
        let unknown = || PlaceError::Url { url: url.to_owned() };
        let parsed: Url = url.parse().map_err(|_| unknown())?;
        match parsed.scheme() == "file" {
            true => Self::folder(parsed.to_file_path().map_err(|()| unknown())?),
            false => Err(unknown()),
        }
    }

    /// A place in this folder, which is made.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(folder: impl Into<PathBuf>) -> Result<Self, PlaceError> {
        let folder = folder.into();
        match std::fs::create_dir_all(&folder) {
            Ok(()) => Ok(Self(folder.into())),
            Err(source) => Err(PlaceError::Folder { folder, source }),
        }
    }

    /// Stores a file under its name, so that it outlives a power failure, unless a file of that name is there: it is never overwritten.
    ///
    /// # Errors
    /// The place failed.
    pub async fn put(&self, packed: &Packed) -> Result<(), ArchiveError> {
        let path = packed.path();
        let (folder, to, bytes) = (Arc::clone(&self.0), self.0.join(&path), packed.bytes.clone());
        let stored = blocking(move || create(&folder.join(UNSEALED), &to, &bytes)).await;
        stored.map_err(|source| Fault::place("written")(source).of(path))
    }

    /// The file that was sealed, once its digest was verified.
    ///
    /// # Errors
    /// It is not there, or is not the one that was sealed.
    pub async fn sealed(&self, seal: &Seal) -> Result<Archive, ArchiveError> {
        let bytes = self.get(&seal.path, seal.bytes).await.map_err(|fault| fault.of(&seal.path))?;
        let found = Digest::of(&bytes);
        if found != seal.digest {
            return Err(Fault::Altered { found, sealed: seal.digest }.of(&seal.path));
        }
        Archive::open(bytes).map_err(|fault| fault.of(&seal.path))
    }

    /// The same, once it was also proven that each of its events is in the log.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub async fn verify(
        &self,
        seal: &Seal,
        verifier: &Verifier,
    ) -> Result<(Archive, Proven), ArchiveError> {
        let archive = self.sealed(seal).await?;
        let proven = archive.prove(verifier).map_err(|fault| fault.of(&seal.path))?;
        seal::compare(seal, &proven).map_err(|fault| fault.of(&seal.path))?;
        Ok((archive, proven))
    }

    /// A file of so many bytes. One of another size is not read.
    async fn get(&self, path: &str, sealed: u64) -> Result<Bytes, Fault> {
        let from = self.0.join(path);
        let read = move || {
            let found = std::fs::metadata(&from)?.len();
            let bytes = if found == sealed { std::fs::read(from)? } else { Vec::new() };
            Ok((found, bytes))
        };
        match blocking(read).await.map_err(missing_or_failed)? {
            (found, bytes) if found == sealed => Ok(bytes.into()),
            (found, _) => Err(Fault::Size { found, sealed }),
        }
    }
}

/// Writes a file elsewhere, and gives it its name once it is on disk.
fn create(unsealed: &Path, to: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = to.parent().unwrap_or_else(|| Path::new(""));
    std::fs::create_dir_all(folder)?;
    std::fs::create_dir_all(unsealed)?;
    let mut file = tempfile::NamedTempFile::new_in(unsealed)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(to) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    // The name has to outlive a power failure as well, and so has the folder's.
    std::fs::File::open(folder)?.sync_all()?;
    folder.parent().map_or(Ok(()), |above| std::fs::File::open(above)?.sync_all())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BoxError> {
    Ok(tokio::task::spawn_blocking(work).await??)
}

fn missing_or_failed(error: BoxError) -> Fault {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    match kind == Some(io::ErrorKind::NotFound) {
        true => Fault::Missing,
        false => Fault::place("read")(error),
    }
}
