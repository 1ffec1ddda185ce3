//! Files that are no events: what was published, and what was archived. They never change once they have their names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use publicdata_types::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::manifest::digest_text;
use crate::place::{FILES, Place, sync_folder};
use crate::seal::{self, Sealed};
use crate::{Error, Identities, Recipients};

/// A folder of files that never change once they have their names, below the folder that is backed up.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Its name there.
    pub name: String,
    /// Folders in it that hold what is not complete yet, or is of no use to others.
    pub without: Vec<String>,
}

/// A file, in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path below the folder that is backed up.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Digest of its content.
    #[serde(with = "digest_text")]
    pub sha256: Digest,
    /// Where it is.
    pub sealed: Sealed,
}

/// What became of files that were not known.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Those that were sealed.
    pub(crate) files: Vec<FileEntry>,
    /// Those that are not what their names say, and were left out: their paths.
    pub(crate) damaged: Vec<String>,
}

/// Seals the files that are not `known`.
pub(crate) fn write(
    place: &Place,
    root: &Path,
    folders: &[Folder],
    known: &BTreeSet<String>,
    recipients: &Recipients,
) -> Result<Written, Error> {
    let mut written = Written::default();
    for folder in folders {
        let mut paths = Vec::new();
        collect(&root.join(&folder.name), &folder.without, &mut paths)?;
        for path in paths {
            let relative = relative(root, &path)?;
            if !known.contains(&relative) {
                match write_one(place, &path, relative.clone(), recipients)? {
                    Some(entry) => written.files.push(entry),
                    None => written.damaged.push(relative),
                }
            }
        }
    }
    Ok(written)
}

fn write_one(
    place: &Place,
    path: &Path,
    relative: String,
    recipients: &Recipients,
) -> Result<Option<FileEntry>, Error> {
    let plain = File::open(path).map_err(Error::file("read", path))?;
    let bytes = plain.metadata().map_err(Error::file("read", path))?.len();
    let sha256 = Digest::of_reader(&plain).map_err(Error::file("read", path))?;
    if content_name(&relative).is_some_and(|name| name != sha256) {
        // In a backup it could never be restored, nor be replaced by what it should be.
        return Ok(None);
    }
    let plain = File::open(path).map_err(Error::file("read", path))?;
    // Named by its path, not by its content: who has no key learns nothing of it.
    let name = hex::encode(Digest::of(&relative).as_bytes());
    let sealed_path = format!("{FILES}/{name}.age");
    let (sealed_bytes, sealed_sha256) =
        place.write(&sealed_path, |file| seal::seal(plain, file, recipients))?;
    let sealed = Sealed { path: sealed_path, bytes: sealed_bytes, sha256: sealed_sha256 };
    Ok(Some(FileEntry { path: relative, bytes, sha256, sealed }))
}

/// Whether a path of a manifest stays below the folder that it is restored into.
pub(crate) fn is_safe(path: &str) -> bool {
    let path = Path::new(path);
    let mut components = path.components();
    components.all(|component| matches!(component, Component::Normal(_)))
        && path.components().next().is_some()
}

/// Checks a file of the backup, and writes it where it was, unless `root` is none.
pub(crate) fn read(
    folder: &Path,
    entry: &FileEntry,
    identities: &Identities,
    recipients: &[String],
    root: Option<&Path>,
) -> Result<(), Error> {
    let sealed_path = folder.join(&entry.sealed.path);
    let mut plain = seal::open(folder, &entry.sealed, identities, recipients)?;
    let mut hashed = Hashed { inner: Box::new(io::sink()), hasher: Sha256::new() };
    let target = root.map(|root| root.join(&entry.path));
    if let Some(target) = &target {
        let parent = target.parent().unwrap_or(target);
        fs::create_dir_all(parent).map_err(Error::file("make", parent))?;
        hashed.inner = Box::new(File::create_new(target).map_err(Error::file("write", target))?);
    }
    io::copy(&mut plain, &mut hashed).map_err(|error| match &target {
        Some(target) if error.kind() == io::ErrorKind::StorageFull => {
            Error::file("write", target)(error)
        }
        Some(_) | None => Error::damaged(&sealed_path, format!("it cannot be unpacked: {error}")),
    })?;
    let found = Digest::from_bytes(hashed.hasher.finalize().into());
    if found != entry.sha256 {
        let what = format!("{} in it has digest {found}, not {}", entry.path, entry.sha256);
        return Err(Error::damaged(&sealed_path, what));
    }
    if let Some(name) = content_name(&entry.path)
        && name != found
    {
        let what = format!("{} in it has digest {found}, which its name denies", entry.path);
        return Err(Error::damaged(&sealed_path, what));
    }
    match target.as_deref() {
        Some(target) => sync(target).map_err(Error::file("write", target)),
        None => Ok(()),
    }
}

/// The digest that a file is named by, if it is named by one.
fn content_name(path: &str) -> Option<Digest> {
    let name = Path::new(path).file_name()?.to_str()?;
    format!("sha256:{name}").parse().ok()
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn collect(folder: &Path, without: &[String], paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    if !folder.exists() {
        return Ok(());
    }
    let failed = |source| Error::file("read", folder)(source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        found.push(entry.map_err(|source| Error::file("read", folder)(source))?.path());
    }
    found.sort();
    for path in found {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        match path.is_dir() {
            _ if name.starts_with('.') => {}
            true if without.contains(&name) => {}
            true => collect(&path, without, paths)?,
            false => paths.push(path),
        }
    }
    Ok(())
}

fn relative(root: &Path, path: &Path) -> Result<String, Error> {
    let relative = path.strip_prefix(root).ok().and_then(Path::to_str);
    relative.map(ToOwned::to_owned).ok_or_else(|| {
        let why = io::Error::new(io::ErrorKind::InvalidData, "its name is not in UTF-8");
        Error::file("back up", path)(why)
    })
}

struct Hashed {
    inner: Box<dyn io::Write>,
    hasher: Sha256,
}

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
