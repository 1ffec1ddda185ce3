//! The log's keys: each made at the first start, kept in the data folder, its public half beside it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use publicdata_audit_domain::checkpoint::KeyError;
use publicdata_audit_domain::{LogKey, Sm2Key};
use rand::TryRngCore as _;

/// The secret key's file.
pub const KEY_FILE: &str = "log.key";
/// The public verifier key's file.
pub const VERIFIER_KEY_FILE: &str = "log.vkey";
/// The secret SM2 key's file, where the log is signed with SM2 too.
pub const SM2_KEY_FILE: &str = "log.sm2.key";
/// The public verifier key of SM2.
pub const SM2_VERIFIER_KEY_FILE: &str = "log.sm2.vkey";

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
        source: KeyError,
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
    open_as(folder, origin, KEY_FILE, VERIFIER_KEY_FILE)
}

/// The same for the key of SM2, which signs beside the other.
///
/// # Errors
/// As for [`open`].
pub fn open_sm2(folder: &Path, origin: &str) -> Result<Sm2Key, KeyFileError> {
    open_as(folder, origin, SM2_KEY_FILE, SM2_VERIFIER_KEY_FILE)
}

/// What both kinds of keys have.
trait Key: FromStr<Err = KeyError> {
    /// A key of random bytes, unless none can be made of these.
    fn draw(origin: &str, seed: [u8; 32]) -> Result<Option<Self>, KeyError>;
    fn origin(&self) -> &str;
    fn expose(&self) -> &str;
    fn verifier_key(&self) -> &str;
}

impl Key for LogKey {
    fn draw(origin: &str, seed: [u8; 32]) -> Result<Option<Self>, KeyError> {
        Self::from_seed(origin, seed).map(Some)
    }

    fn origin(&self) -> &str {
        self.origin()
    }

    fn expose(&self) -> &str {
        self.expose()
    }

    fn verifier_key(&self) -> &str {
        self.verifier_key()
    }
}

impl Key for Sm2Key {
    fn draw(origin: &str, seed: [u8; 32]) -> Result<Option<Self>, KeyError> {
        Self::from_seed(origin, &seed)
    }

    fn origin(&self) -> &str {
        self.origin()
    }

    fn expose(&self) -> &str {
        self.expose()
    }

    fn verifier_key(&self) -> &str {
        self.verifier_key()
    }
}

fn open_as<K: Key>(
    folder: &Path,
    origin: &str,
    secret: &str,
    public: &str,
) -> Result<K, KeyFileError> {
    fs::create_dir_all(folder).map_err(failed("create", folder))?;
    let path = folder.join(secret);
    let key: K = match fs::read_to_string(&path) {
        Ok(text) => read(&path, &text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path, origin)?,
        Err(error) => return Err(failed("read", &path)(error)),
    };
    if key.origin() != origin {
        let (found, origin) = (key.origin().to_owned(), origin.to_owned());
        return Err(KeyFileError::OtherOrigin { path, found, origin });
    }

    let public = folder.join(public);
    fs::write(&public, format!("{}\n", key.verifier_key())).map_err(failed("write", &public))?;
    Ok(key)
}

fn read<K: Key>(path: &Path, text: &str) -> Result<K, KeyFileError> {
    let mode = fs::metadata(path).map_err(failed("read", path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned() });
    }
    text.trim().parse().map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

/// Written under another name first: a crash leaves no half key, and of two first starts at once one wins.
fn make<K: Key>(path: &Path, origin: &str) -> Result<K, KeyFileError> {
    let key = loop {
        let mut seed = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut seed).map_err(KeyFileError::Random)?;
        let drawn = K::draw(origin, seed);
        let drawn = drawn.map_err(|source| KeyFileError::Key { path: path.to_owned(), source })?;
        if let Some(key) = drawn {
            break key;
        }
    };

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
