//! The workspace as files: its packages and its Rust sources, read once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Everything that rules about code look at.
pub(crate) struct Tree {
    /// The README of the whole, if there is one.
    pub(crate) readme: Option<String>,
    pub(crate) packages: Vec<Package>,
    pub(crate) sources: Vec<Source>,
}

/// A folder with a `Cargo.toml`.
pub(crate) struct Package {
    /// Relative to the root: `crates/views`.
    pub(crate) folder: PathBuf,
    /// Without the common prefix: `views`.
    pub(crate) name: String,
    pub(crate) manifest: String,
    pub(crate) table: toml::Table,
    pub(crate) has_readme: bool,
}

/// A Rust file.
pub(crate) struct Source {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

pub(crate) const README: &str = "README.md";
const PREFIX: &str = "publicdata-";

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut folders = vec![PathBuf::from("tests")];
        for path in entries(&root.join("crates"))? {
            folders.push(relative(root, &path));
        }
        folders.retain(|folder| root.join(folder).join("Cargo.toml").is_file());

        let mut packages = Vec::new();
        let mut sources = Vec::new();
        for folder in folders {
            for path in files(&root.join(&folder))? {
                if path.extension().is_some_and(|extension| extension == "rs") {
                    sources.push(Source::read(root, &path)?);
                }
            }
            packages.push(Package::read(root, folder)?);
        }
        let readme = root.join(README);
        let readme = if readme.is_file() { Some(read(&readme)?) } else { None };
        Ok(Self { readme, packages, sources })
    }
}

impl Package {
    fn read(root: &Path, folder: PathBuf) -> Result<Self> {
        let path = root.join(&folder).join("Cargo.toml");
        let manifest = read(&path)?;
        let table: toml::Table =
            manifest.parse().with_context(|| format!("cannot parse {}", path.display()))?;
        let name = table
            .get("package")
            .and_then(|package| package.get("name")?.as_str())
            .with_context(|| format!("{} has no package name", path.display()))?;
        let name = short_name(name).to_owned();
        let has_readme = root.join(&folder).join(README).is_file();
        Ok(Self { folder, name, manifest, table, has_readme })
    }

    /// The names of all dependencies, those of tests and build scripts included.
    pub(crate) fn dependencies(&self) -> Vec<String> {
        let targets = self.table.get("target").and_then(toml::Value::as_table);
        let per_target = targets.into_iter().flat_map(toml::Table::values);
        let tables = std::iter::once(&self.table)
            .chain(per_target.filter_map(toml::Value::as_table))
            .flat_map(|table| {
                ["dependencies", "dev-dependencies", "build-dependencies"]
                    .into_iter()
                    .filter_map(|kind| table.get(kind)?.as_table())
            });
        let mut names = Vec::new();
        for (key, value) in tables.flatten() {
            let renamed = value.get("package").and_then(toml::Value::as_str);
            names.push(renamed.unwrap_or(key).to_owned());
        }
        names.sort();
        names.dedup();
        names
    }

    /// The line of the manifest that begins with this word.
    pub(crate) fn line_of(&self, word: &str) -> usize {
        let names_it = |line: &str| {
            let rest = line.trim_start().strip_prefix(word);
            rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        };
        self.manifest.lines().position(names_it).map_or(1, |index| index + 1)
    }
}

impl Source {
    fn read(root: &Path, path: &Path) -> Result<Self> {
        let text = read(path)?;
        let syntax = syn::parse_file(&text)
            .with_context(|| format!("cannot parse {} as Rust", path.display()))?;
        Ok(Self { path: relative(root, path), text, syntax })
    }

    /// Whether this is test code: `src/foo/tests.rs`, a crate's `tests/`, the fleet's `tests/it/`.
    pub(crate) fn is_test(&self) -> bool {
        let is_named_so = self.path.file_name().is_some_and(|name| name == "tests.rs");
        is_named_so
            || self.path.starts_with("tests/it")
            || self.path.starts_with("crates")
                && self.path.components().any(|part| part.as_os_str() == "tests")
    }
}

/// `views` for `publicdata-views`.
pub(crate) fn short_name(package: &str) -> &str {
    package.strip_prefix(PREFIX).unwrap_or(package)
}

/// All files below a folder, sorted; none if there is no such folder.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            // A crate may be built on its own, into a folder of its own.
            if path.file_name().is_none_or(|name| name != "target") {
                found.extend(files(&path)?);
            }
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// What stands in a folder, sorted; nothing if there is no such folder.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let context = || format!("cannot list {}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        paths.push(entry.with_context(context)?.path());
    }
    paths.sort();
    Ok(paths)
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

pub(crate) fn relative(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}
