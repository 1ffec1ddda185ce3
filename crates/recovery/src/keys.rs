//! Whom a backup is encrypted for, and who can read it. Whoever makes backups holds recipients alone.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use age::secrecy::ExposeSecret as _;
use age::x25519;

use crate::Error;

const OWNER_ONLY: u32 = 0o600;

/// Public keys: each of their owners can read the backup alone.
#[derive(Clone)]
pub struct Recipients(Vec<x25519::Recipient>);

/// Secret keys, of which one is enough.
#[derive(Clone)]
pub struct Identities(Vec<x25519::Identity>);

impl Recipients {
    /// Reads them, each `age1…`.
    ///
    /// # Errors
    /// There is none, or one is no recipient.
    pub fn parse(texts: &[String]) -> Result<Self, Error> {
        const WHY: &str =
            "a recipient begins with `age1`, as `publicdata backup key` and `age-keygen` print it";
        let parsed = texts.iter().map(|text| {
            let what = format!("`{text}`");
            text.trim().parse().map_err(|_| Error::Key { what, why: WHY })
        });
        let recipients = parsed.collect::<Result<Vec<_>, Error>>()?;
        match recipients.is_empty() {
            true => Err(Error::Key { what: "nothing".to_owned(), why: WHY }),
            false => Ok(Self(recipients)),
        }
    }

    /// As they are written.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.0.iter().map(|recipient| recipient as &dyn age::Recipient)
    }
}

impl Identities {
    /// Reads an identity file, as `publicdata backup key` or `age-keygen` made it.
    ///
    /// # Errors
    /// It cannot be read, or holds none.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let why = "a line of an identity file begins with `AGE-SECRET-KEY-1`";
        let text = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
        let lines = text.lines().map(str::trim);
        let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let parsed: Result<Vec<_>, _> = keys.map(str::parse).collect();
        match parsed {
            Ok(identities) if !identities.is_empty() => Ok(Self(identities)),
            Ok(_) | Err(_) => Err(Error::Key { what: path.display().to_string(), why }),
        }
    }

    /// Makes one, and writes it to a file that only its owner can read. Answers its recipient.
    ///
    /// # Errors
    /// There is a file already, or it cannot be written.
    pub fn generate(path: &Path) -> Result<String, Error> {
        let identity = x25519::Identity::generate();
        let recipient = identity.to_public().to_string();
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(OWNER_ONLY).open(path);
        let mut file = file.map_err(Error::file("write", path))?;
        writeln!(file, "# public key: {recipient}\n{}", identity.to_string().expose_secret())
            .and_then(|()| file.sync_all())
            .map_err(Error::file("write", path))?;
        Ok(recipient)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|identity| identity as &dyn age::Identity)
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.texts()).finish()
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities").field("count", &self.0.len()).finish_non_exhaustive()
    }
}
