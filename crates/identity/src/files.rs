//! Files that are whole or absent, and private where they hold a key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub(crate) const PUBLIC: u32 = 0o644;
pub(crate) const PRIVATE: u32 = 0o600;

/// Replaces several files of a folder. All are on disk before the first takes its name, so a full
/// disk changes nothing.
pub(crate) fn replace_all(folder: &Path, files: &[(&str, &str, u32)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, content, mode) in files {
        write_synced(&folder.join(draft(name)), content, *mode)?;
    }
    for (name, _, _) in files {
        fs::rename(folder.join(draft(name)), folder.join(name))?;
    }
    File::open(folder)?.sync_all()
}

fn draft(name: &str) -> String {
    format!(".{name}.new")
}

fn write_synced(path: &Path, content: &str, mode: u32) -> io::Result<()> {
    // An abandoned draft may have another mode, and `create_new` never follows a link.
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}
