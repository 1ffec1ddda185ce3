//! Sealed files: compressed, encrypted, and known by the digest of what is on disk.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use publicdata_types::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::manifest::digest_text;
use crate::{Error, Identities, Recipients};

/// What zstd calls a level: its default.
const LEVEL: i32 = 3;

/// A file of the backup as it is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Its path below the backup's folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest.
    #[serde(with = "digest_text")]
    pub sha256: Digest,
}

/// Writes what `plain` gives, compressed and encrypted, to `file`; answers size and digest of what was written.
pub(crate) fn seal(
    mut plain: impl Read,
    file: &mut File,
    recipients: &Recipients,
) -> io::Result<(u64, Digest)> {
    let mut hashed = Hashed { file, hasher: Sha256::new(), bytes: 0 };
    let encryptor = age::Encryptor::with_recipients(recipients.all()).map_err(io::Error::other)?;
    let mut encrypted = encryptor.wrap_output(&mut hashed)?;
    zstd::stream::copy_encode(&mut plain, &mut encrypted, LEVEL)?;
    encrypted.finish()?;
    hashed.flush()?;
    Ok((hashed.bytes, Digest::from_bytes(hashed.hasher.finalize().into())))
}

/// Whether the file on disk is the one that was written.
pub(crate) fn check(folder: &Path, sealed: &Sealed) -> Result<(), Error> {
    let path = folder.join(&sealed.path);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::damaged(&path, "it is missing"));
        }
        Err(error) => return Err(Error::file("read", &path)(error)),
    };
    let bytes = file.metadata().map_err(Error::file("read", &path))?.len();
    if bytes != sealed.bytes {
        let what = format!("it has {bytes} bytes, and {} were written", sealed.bytes);
        return Err(Error::damaged(&path, what));
    }
    let found = Digest::of_reader(file).map_err(Error::file("read", &path))?;
    match found == sealed.sha256 {
        true => Ok(()),
        false => Err(Error::damaged(
            &path,
            format!("its digest is {found}, and {} was written", sealed.sha256),
        )),
    }
}

/// Checks a file, and opens it: what was sealed.
pub(crate) fn open(
    folder: &Path,
    sealed: &Sealed,
    identities: &Identities,
    recipients: &[String],
) -> Result<impl Read + use<>, Error> {
    check(folder, sealed)?;
    let path = folder.join(&sealed.path);
    let file = File::open(&path).map_err(Error::file("read", &path))?;
    let unreadable = |error: age::DecryptError| {
        Error::damaged(&path, format!("it cannot be decrypted: {error}"))
    };
    let decryptor = age::Decryptor::new_buffered(BufReader::new(file)).map_err(unreadable)?;
    let plain = match decryptor.decrypt(identities.all()) {
        Ok(plain) => plain,
        Err(age::DecryptError::NoMatchingKeys) => {
            return Err(Error::OtherIdentity { path, recipients: recipients.to_vec() });
        }
        Err(error) => return Err(unreadable(error)),
    };
    zstd::stream::read::Decoder::new(plain).map_err(Error::file("read", &path))
}

struct Hashed<'a> {
    file: &'a mut File,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
