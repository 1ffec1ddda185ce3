//! Golden files: what a released version wrote, every later version must read. Once recorded, they never change.
//!
//! A folder called `golden` holds them, and `SHA256SUMS` beside them their digests, in the form of `sha256sum`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::finding::{Finding, Recorded};
use crate::tree::{self, relative};

const RECORD: &str = "SHA256SUMS";
const KEEP: &str = "restore it, and give the new shape a version and a file of its own";

/// Holds all golden files below `root` against their record.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for folder in Folder::all(root)? {
        findings.extend(folder.changed(root));
        for (path, _) in folder.unrecorded() {
            let path = relative(root, &folder.path.join(path));
            findings.push(Finding::new(
                path,
                1,
                "golden file without a digest",
                "run `make golden`",
            ));
        }
    }
    Ok(findings)
}

/// Adds the digests of new golden files to the record, unless a recorded one has changed.
pub fn record(root: &Path) -> Result<Recorded> {
    let folders = Folder::all(root)?;
    let findings: Vec<_> = folders.iter().flat_map(|folder| folder.changed(root)).collect();
    let mut added = 0;
    if !findings.is_empty() {
        return Ok(Recorded { added, findings });
    }
    for folder in folders {
        let mut lines = folder.record.clone();
        for (path, digest) in folder.unrecorded() {
            lines.push_str(&format!("{digest}  {path}\n"));
            added += 1;
        }
        if lines != folder.record {
            let path = folder.path.join(RECORD);
            fs::write(&path, lines).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(Recorded { added, findings })
}

/// A folder of golden files.
struct Folder {
    path: PathBuf,
    /// What the record says, as text.
    record: String,
    /// The files that there are, relative to the folder, and their digests.
    present: BTreeMap<String, String>,
}

impl Folder {
    fn all(root: &Path) -> Result<Vec<Self>> {
        let mut paths = Vec::new();
        for part in ["crates", "tests"] {
            for file in tree::files(&root.join(part))? {
                let file = relative(root, &file);
                if file.extension().is_some_and(|extension| extension == "rs") {
                    continue;
                }
                let mut folders = file.ancestors().skip(1);
                let golden = folders.find(|folder| folder.ends_with("golden"));
                paths.extend(golden.map(|folder| root.join(folder)));
            }
        }
        paths.dedup();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Result<Self> {
        let mut record = String::new();
        let mut present = BTreeMap::new();
        for file in tree::files(&path)? {
            let name = relative(&path, &file).display().to_string();
            if name.ends_with(".rs") {
                continue;
            }
            if name == RECORD {
                record = tree::read(&file)?;
                continue;
            }
            let bytes =
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            present.insert(name, hex::encode(Sha256::digest(bytes)));
        }
        Ok(Self { path, record, present })
    }

    /// The record's lines: digest and file.
    fn recorded(&self) -> impl Iterator<Item = (&str, &str)> {
        self.record.lines().map(|line| line.split_once("  ").unwrap_or((line, "")))
    }

    fn changed(&self, root: &Path) -> Vec<Finding> {
        let record = relative(root, &self.path.join(RECORD));
        let mut findings = Vec::new();
        for (index, (digest, path)) in self.recorded().enumerate() {
            let what = match self.present.get(path) {
                Some(present) if present == digest => continue,
                Some(_) => format!("golden file {path} was edited"),
                None => format!("golden file {path} is gone"),
            };
            findings.push(Finding::new(&record, index + 1, what, KEEP));
        }
        findings
    }

    fn unrecorded(&self) -> impl Iterator<Item = (&String, &String)> {
        self.present.iter().filter(|(path, _)| !self.recorded().any(|(_, known)| known == *path))
    }
}
