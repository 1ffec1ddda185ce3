//! A file system of its own with little room, which fills up as a disk does.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CHUNK_BYTES: usize = 64 << 10;

/// A file system in memory, mounted at a folder for as long as this value lives.
pub(crate) struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Makes the folder, and mounts a file system of so many MiB there.
    pub(crate) fn new(path: &Path, size_mib: u32) -> Self {
        std::fs::create_dir_all(path).unwrap();
        let options = format!("size={size_mib}m,mode=0777");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(path)
            .status()
            .unwrap();
        assert!(
            mounted.success(),
            "cannot mount a file system at {}: run the tests as root, in a container with the capability SYS_ADMIN",
            path.display()
        );
        Self { path: path.to_owned() }
    }

    /// Fills it, but for so many bytes.
    pub(crate) fn fill(&self, bytes_left: u64) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let chunk = [0_u8; CHUNK_BYTES];
        loop {
            match ballast.write(&chunk) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("cannot fill {}: {error}", self.path.display()),
            }
        }
        let bytes = ballast.metadata().unwrap().len();
        ballast.set_len(bytes.saturating_sub(bytes_left)).unwrap();
    }

    /// Makes room again.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still holds a file there lets go of it when its process ends.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).stderr(Stdio::null()).status();
    }
}
