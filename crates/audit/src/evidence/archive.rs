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
/// What stands before a file's content, and of it in the directory, without its name.
const LOCAL_HEADER_BYTES: u64 = 30;
const HEADER_BYTES: u64 = 46;

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

/// Whether the archive is its files' headers and contents, its directory and its end, and not a byte else: what other programs could find
/// in between, this one would not show.
fn is_filled(
    bytes: &[u8],
    archive: &mut ZipArchive<Cursor<&[u8]>>,
) -> zip::result::ZipResult<bool> {
    let (tail, count) = (bytes.len().saturating_sub(END_BYTES), archive.len() as u64);
    let field = |at: usize, length: usize| {
        let field = bytes.get(tail + at..tail + at + length).unwrap_or_default();
        field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    // Disks, files on this one and on all, the directory's size and place, and the comment's length.
    let (directory_bytes, directory) = (field(12, 4), field(16, 4));
    let end = [field(4, 2), field(6, 2), field(8, 2), field(10, 2), field(20, 2)];
    let (mut contents, mut headers) = (0, 0);
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        let name = file.name_raw().len() as u64;
        contents += LOCAL_HEADER_BYTES + name + file.compressed_size();
        headers += HEADER_BYTES + name;
    }
    Ok(end == [0, 0, count, count, 0]
        && directory == archive.central_directory_start()
        && directory + directory_bytes == tail as u64
        && (contents, headers) == (directory, directory_bytes))
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
        (!is_filled(bytes, &mut archive).map_err(unreadable)?, "it has more in it than its files"),
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
