//! The log's key: made at the first start, kept in the data folder, its public half beside it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use publicdata_audit_domain::{LogKey, checkpoint};
use rand::TryRngCore as _;

/// The secret key's file.
pub const KEY_FILE: &str = "log.key";
/// The public verifier key's file.
pub const VERIFIER_KEY_FILE: &str = "log.vkey";

const OWNER_ONLY: u32 = 0o600;

/// Why the log has no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// A file cannot be read or written.
    #[error("cannot {operation} {}", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Others may read the secret key.
    #[error("{} can be read by others than its owner; run `chmod 600` on it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no key, or the origin cannot name one.
    #[error("{} holds no key that the log can sign with", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: checkpoint::KeyError,
    },
    /// The key was made for a log of another name.
    #[error("{} is the key of the log {found}, not of {origin}; a log keeps its origin for life", path.display())]
    OtherOrigin {
        /// The file.
        path: PathBuf,
        /// The log that the key belongs to.
        found: String,
        /// The log as configured.
        origin: String,
    },
    /// The system has no randomness to give.
    #[error("the operating system gave no random bytes for a key")]
    Random(#[source] rand::rand_core::OsError),
}

/// Reads the key of the log `origin` in `folder`, or makes one, and writes the verifier key beside it.
///
/// # Errors
/// The key is unreadable, readable by others, or another log's.
pub fn open(folder: &Path, origin: &str) -> Result<LogKey, KeyFileError> {
    fs::create_dir_all(folder).map_err(failed("create", folder))?;
    let path = folder.join(KEY_FILE);
    let key = match fs::read_to_string(&path) {
        Ok(text) => read(&path, &text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path, origin)?,
        Err(error) => return Err(failed("read", &path)(error)),
    };
    if key.origin() != origin {
        let (found, origin) = (key.origin().to_owned(), origin.to_owned());
        return Err(KeyFileError::OtherOrigin { path, found, origin });
    }

    let public = folder.join(VERIFIER_KEY_FILE);
    fs::write(&public, format!("{}\n", key.verifier_key())).map_err(failed("write", &public))?;
    Ok(key)
}

fn read(path: &Path, text: &str) -> Result<LogKey, KeyFileError> {
    let mode = fs::metadata(path).map_err(failed("read", path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned() });
    }
    text.trim().parse().map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

/// Written under another name first: a crash leaves no half key, and of two first starts at once one wins.
fn make(path: &Path, origin: &str) -> Result<LogKey, KeyFileError> {
    let mut seed = [0; 32];
    rand::rngs::OsRng.try_fill_bytes(&mut seed).map_err(KeyFileError::Random)?;
    let key = LogKey::from_seed(origin, seed)
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })?;

    let fresh = path.with_extension(format!("key.new-{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWNER_ONLY)
        .open(&fresh)
        .and_then(|mut file| {
            writeln!(file, "{}", key.expose())?;
            file.sync_all()
        })
        .and_then(|()| fs::hard_link(&fresh, path));
    fs::remove_file(&fresh).map_err(failed("remove", &fresh))?;
    match written {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path, &fs::read_to_string(path).map_err(failed("read", path))?)
        }
        Err(error) => Err(failed("write", path)(error)),
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyFileError {
    move |source| KeyFileError::File { operation, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
