//! The place of archives: a folder, or a bucket. Files are added to it, and read; nothing else is done to it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use publicdata_audit_domain::Verifier;
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_event_store::BoxError;
use publicdata_types::Digest;
use url::Url;

use self::bucket::Bucket;
use crate::{Archive, ArchiveError, Fault, Packed, Proven, seal};

mod bucket;
mod http;

pub use self::bucket::{BucketError, BucketProblem};
#[cfg(any(test, feature = "testing"))]
pub(crate) use self::http::Connector;

/// Where files of a folder are until they are whole.
pub const UNSEALED: &str = "unsealed";

/// From when on nobody is still writing a file there: it takes seconds.
const LEFT_BEHIND_AFTER: Duration = Duration::from_hours(24);

/// Where archives are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Place(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Folder(Arc<Path>),
    Bucket(Bucket),
}

/// Name and value of a setting of a bucket, as the environment has them: `AWS_REGION`, for one.
pub type Setting = (String, String);

/// A URL that names no place of archives.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It is of another kind.
    #[error(
        "`{url}` is no place of archives; write `file:///<folder>` or `s3://<bucket>/<prefix>`"
    )]
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
    /// Keys and archives would go over the network in the clear.
    #[error(
        "`{endpoint}` would get keys and archives in the clear; write `https://`, or set AWS_ALLOW_HTTP=true"
    )]
    InTheClear {
        /// Who would be asked.
        endpoint: String,
    },
    /// The settings of a bucket do not go together.
    #[error("`{url}` cannot be used: {why}; see to the variables AWS_… of the environment")]
    Settings {
        /// The place.
        url: String,
        /// What is wrong with them.
        why: String,
    },
}

impl Place {
    /// A place by its URL: `file:///<folder>`, which is made, or `s3://<bucket>/<prefix>`, whose bucket must be there. Who keeps the bucket,
    /// and the key to it, are in the environment: `AWS_ENDPOINT`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, and whatever
    /// else `object_store` reads.
    ///
    /// # Errors
    /// It names no such place. Whether a bucket can be reached, the first archive shows.
    pub fn open(url: &str) -> Result<Self, PlaceError> {
        let text = |(key, value): (OsString, OsString)| {
            Some((key.into_string().ok()?, value.into_string().ok()?))
        };
        Self::open_with(url, std::env::vars_os().filter_map(text))
    }

    /// The same, with these settings rather than those of the environment.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        url: &str,
        settings: impl IntoIterator<Item = Setting>,
    ) -> Result<Self, PlaceError> {
        let unknown = || PlaceError::Url { url: url.to_owned() };
        let parsed: Url = url.parse().map_err(|_| unknown())?;
        match parsed.scheme() {
            "file" => Self::folder(parsed.to_file_path().map_err(|()| unknown())?),
            "s3" => Ok(Self(Kind::Bucket(Bucket::open(&parsed, settings)?))),
            _ => Err(unknown()),
        }
    }

    /// A place in this folder, which is made.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(folder: impl Into<PathBuf>) -> Result<Self, PlaceError> {
        let folder = folder.into();
        match std::fs::create_dir_all(&folder) {
            Ok(()) => Ok(Self(Kind::Folder(folder.into()))),
            Err(source) => Err(PlaceError::Folder { folder, source }),
        }
    }

    /// Stores a file under its name, so that it outlives a power failure, unless a file of that name is there: it is never overwritten.
    ///
    /// # Errors
    /// The place failed.
    pub async fn put(&self, packed: &Packed) -> Result<(), ArchiveError> {
        let (path, bytes) = (packed.path(), packed.bytes.clone());
        let stored = match &self.0 {
            Kind::Folder(folder) => write(folder, &path, bytes).await,
            Kind::Bucket(bucket) => bucket.put(&path, bytes).await,
        };
        stored.map_err(|fault| fault.of(path))
    }

    /// Whether there is a file of this name, whatever is in it.
    ///
    /// # Errors
    /// The place failed.
    pub async fn has(&self, path: &str) -> Result<bool, ArchiveError> {
        let found = match &self.0 {
            Kind::Folder(folder) => find(folder, path).await,
            Kind::Bucket(bucket) => bucket.find(path).await,
        };
        match found {
            Ok(()) => Ok(true),
            Err(Fault::Missing) => Ok(false),
            Err(fault) => Err(fault.of(path)),
        }
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

    async fn get(&self, path: &str, sealed: u64) -> Result<Bytes, Fault> {
        match &self.0 {
            Kind::Folder(folder) => read(folder, path, sealed).await,
            Kind::Bucket(bucket) => bucket.get(path, sealed).await,
        }
    }
}

async fn write(folder: &Path, path: &str, bytes: Bytes) -> Result<(), Fault> {
    let (unsealed, to) = (folder.join(UNSEALED), folder.join(path));
    let stored = blocking(move || create(&unsealed, &to, &bytes)).await;
    stored.map_err(Fault::place("written"))
}

async fn find(folder: &Path, path: &str) -> Result<(), Fault> {
    let file = folder.join(path);
    let found = blocking(move || std::fs::metadata(file)).await;
    found.map(drop).map_err(missing_or_failed)
}

/// A file of so many bytes. One of another size is not read.
async fn read(folder: &Path, path: &str, sealed: u64) -> Result<Bytes, Fault> {
    let from = folder.join(path);
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

/// Writes a file elsewhere, and gives it its name once it is on disk.
fn create(unsealed: &Path, to: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = to.parent().unwrap_or_else(|| Path::new(""));
    std::fs::create_dir_all(folder)?;
    std::fs::create_dir_all(unsealed)?;
    let mut file = tempfile::NamedTempFile::new_in(unsealed)?;
    sweep(unsealed, file.as_file().metadata()?.modified()?)?;
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

/// Removes what was left behind by processes that ended while they wrote. The clock is the file system's, which may be another machine's.
fn sweep(unsealed: &Path, now: SystemTime) -> io::Result<()> {
    for entry in std::fs::read_dir(unsealed)? {
        let entry = entry?;
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|written| now.duration_since(written).ok());
        if age.is_some_and(|age| age > LEFT_BEHIND_AFTER) {
            // It is in nobody's way: if it cannot be removed now, then with the next archive, or another process was faster.
            let _ = std::fs::remove_file(entry.path());
        }
    }
    Ok(())
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
