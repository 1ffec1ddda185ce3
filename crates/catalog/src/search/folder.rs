//! Where indexes are kept: one folder each, a file that names the one in use, and a lock.
//!
//! ```text
//! index/
//!   lock        held as long as the process runs
//!   current     names the index in use; replaced by renaming, so it is whole or not there
//!   v1-3/       an index; 1 is the schema's version
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::schema::VERSION;

const LOCK: &str = "lock";
const CURRENT: &str = "current";

/// A folder that this process alone writes.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Let go when it is closed, also by the end of the process.
    _lock: File,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made, or not be written.
    #[error("search index folder {} cannot be written", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error(
        "search index folder {} is in use by another process; give each process of the service a folder of its own",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

impl Folder {
    /// Takes the folder, making it where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = File::create(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The index in use, if it was built for this schema.
    pub(super) fn current(&self) -> io::Result<Option<PathBuf>> {
        let name = match fs::read_to_string(self.path.join(CURRENT)) {
            Ok(name) => name,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let path = self.path.join(name.trim());
        Ok((serial(&path).is_some() && path.is_dir()).then_some(path))
    }

    /// A new folder for an index.
    pub(super) fn fresh(&self) -> io::Result<PathBuf> {
        let taken = self.indexes()?.iter().filter_map(|path| serial(path)).max().unwrap_or(0);
        let path = self.path.join(format!("v{VERSION}-{}", taken + 1));
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// From now on, also after a restart, `index` is the one in use.
    pub(super) fn point_at(&self, index: &Path) -> io::Result<()> {
        let name = index.file_name().unwrap_or_default();
        let new = self.path.join("current.new");
        let mut file = File::create(&new)?;
        file.write_all(name.as_encoded_bytes())?;
        file.sync_all()?;
        fs::rename(new, self.path.join(CURRENT))?;
        File::open(&self.path)?.sync_all()
    }

    /// Removes what is left of indexes other than `kept`.
    pub(super) fn clear(&self, kept: &[&Path]) -> io::Result<()> {
        for index in self.indexes()?.iter().filter(|index| !kept.contains(&index.as_path())) {
            fs::remove_dir_all(index)?;
        }
        Ok(())
    }

    fn indexes(&self) -> io::Result<Vec<PathBuf>> {
        let mut indexes = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                indexes.push(entry.path());
            }
        }
        Ok(indexes)
    }
}

/// The number of an index of this schema.
fn serial(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(&format!("v{VERSION}-"))?.parse().ok()
}

/// How many bytes the files in a folder take.
pub(super) fn size(path: &Path) -> u64 {
    // A file may be merged away while they are counted.
    let files = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests;
