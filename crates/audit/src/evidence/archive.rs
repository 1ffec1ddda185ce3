//! The zip archive around a bundle's files.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{EVENTS_MAX, EvidenceError, Fault};

/// By their paths.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Each event has four files, and certificates are fewer than signatures.
const FILES_MAX: usize = EVENTS_MAX * 8;
/// What a bundle unpacks to, at most.
const BYTES_MAX: u64 = 512 << 20;

/// An archive's last record, as long as it is without a comment, and how it begins.
const END_BYTES: usize = 22;
const END: &[u8] = b"PK\x05\x06";

/// Times and permissions are left out: the same files give the same archive.
pub(super) fn write(files: &Files) -> Result<Vec<u8>, EvidenceError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        archive.start_file(path.as_str(), options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Reads all files. An archive that two programs could read in two ways is refused: what one verifies, another would not show.
pub(super) fn read(bytes: &[u8]) -> Result<Files, Fault> {
    let unreadable = |error: zip::result::ZipError| Fault::Archive(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    archive.validate_header_consistency().map_err(unreadable)?;
    let tail = bytes.len().saturating_sub(END_BYTES);
    let ambiguous = [
        (archive.offset() != 0, "something stands before the archive"),
        (!bytes[tail..].starts_with(END), "something stands after the archive"),
        (archive.len() > FILES_MAX, "it has more files than a bundle can have"),
    ];
    if let Some((_, what)) = ambiguous.iter().find(|(is_so, _)| *is_so) {
        return Err(Fault::Archive((*what).to_owned()));
    }

    let mut files = Files::new();
    let mut left = BYTES_MAX;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(unreadable)?;
        let path = file.name().map_err(unreadable)?.into_owned();
        let mut content = Vec::new();
        let read = file.take(left + 1).read_to_end(&mut content);
        read.map_err(|error| Fault::Unreadable { path: path.clone(), why: error.to_string() })?;
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(length).ok_or_else(|| {
            Fault::Archive(format!("it unpacks to more than {} MiB", BYTES_MAX >> 20))
        })?;
        files.insert(path, content);
    }
    Ok(files)
}
