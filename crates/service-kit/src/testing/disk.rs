//! A file system of its own with little room, which fills up as a disk does.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CHUNK_BYTES: usize = 64 << 10;
/// What `mount` says to whoever may not.
const MAY_NOT: [&str; 2] = ["permission denied", "must be superuser"];

/// A file system in memory, mounted at a folder for as long as this value lives.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Makes the folder, and mounts a file system of so many MiB there; none, and says so, where nobody may mount: it takes root, and in
    /// a container the capability `SYS_ADMIN`.
    ///
    /// # Panics
    /// If `mount` fails otherwise.
    #[expect(clippy::print_stderr, reason = "what is not tried has to be seen")]
    #[must_use]
    pub fn mount(path: &Path, size_mib: u32) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a folder");
        let options = format!("size={size_mib}m,mode=0777");
        let mounting = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(path)
            .output()
            .expect("the program `mount`");
        let said = String::from_utf8_lossy(&mounting.stderr);
        if MAY_NOT.iter().any(|words| said.contains(words)) {
            eprintln!("not tried, for nothing can be mounted here: {said}");
            return None;
        }
        assert!(mounting.status.success(), "cannot mount at {}: {said}", path.display());
        Some(Self { path: path.to_owned() })
    }

    /// Fills it, but for so many bytes.
    ///
    /// # Panics
    /// If writing fails otherwise than for want of room.
    pub fn fill(&self, bytes_left: u64) {
        let mut ballast = File::create(self.ballast()).expect("a file");
        let chunk = [0_u8; CHUNK_BYTES];
        loop {
            match ballast.write(&chunk) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("cannot fill {}: {error}", self.path.display()),
            }
        }
        let bytes = ballast.metadata().expect("a file's size").len();
        ballast.set_len(bytes.saturating_sub(bytes_left)).expect("a shorter file");
    }

    /// Makes room again.
    ///
    /// # Panics
    /// If it was not filled.
    pub fn make_room(&self) {
        std::fs::remove_file(self.ballast()).expect("a file to remove");
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
