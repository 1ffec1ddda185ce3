//! Where a backup is kept: a folder, which may be a mount of any storage.
//!
//! A file is written beside its place, synced and renamed, so that whatever has its name is whole.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

pub(crate) const MANIFESTS: &str = "manifests";
pub(crate) const SEGMENTS: &str = "segments";
pub(crate) const FILES: &str = "files";
const UNFINISHED: &str = "unfinished";
const LOCK_FILE: &str = "backup.lock";

/// The folder of a backup.
#[derive(Clone, Debug)]
pub struct Place {
    folder: PathBuf,
}

/// Held while a backup is written.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, and let go of when dropped")] File);

impl Place {
    /// The place of a backup that is there, or will be.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// Makes the folders, and lets nobody else write to them. What an earlier run left unfinished is removed.
    pub(crate) fn begin(&self) -> Result<Lock, Error> {
        for name in [MANIFESTS, SEGMENTS, FILES, UNFINISHED] {
            let folder = self.folder.join(name);
            fs::create_dir_all(&folder).map_err(Error::file("make", &folder))?;
        }
        let path = self.folder.join(LOCK_FILE);
        let file = File::create(&path).map_err(Error::file("write", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Busy { folder: self.folder.clone() });
            }
            Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path)(source)),
        }
        for left in names(&self.folder.join(UNFINISHED))? {
            let path = self.folder.join(UNFINISHED).join(left);
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
        Ok(Lock(file))
    }

    /// Writes a file whole, or not at all.
    pub(crate) fn write<T>(
        &self,
        relative: &str,
        write: impl FnOnce(&mut File) -> io::Result<T>,
    ) -> Result<T, Error> {
        let path = self.path(relative);
        let name = relative.replace('/', "-");
        let fresh = self.folder.join(UNFINISHED).join(name);
        let written = File::create(&fresh).and_then(|mut file| {
            let written = write(&mut file)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            path.parent().map_or(Ok(()), sync_folder)?;
            Ok(written)
        });
        written.map_err(|source| {
            // What cannot be removed now is removed by the next run.
            let _ = fs::remove_file(&fresh);
            Error::file("write", &path)(source)
        })
    }

    /// The manifests' names, in order.
    pub(crate) fn manifests(&self) -> Result<Vec<String>, Error> {
        let folder = self.folder.join(MANIFESTS);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        names(&folder)
    }
}

/// Brings the names in a folder to disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::file("read", folder)(source);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(|source| Error::file("read", folder)(source))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
