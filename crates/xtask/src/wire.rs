//! What is written to streams stays readable: the shapes of events, and of all that they carry, are only ever added to.
//!
//! `proto/baseline.txt` records them, a line a message, enum, field and value. What is stored or signed stands in any file
//! but `service.proto`, or is reachable from there; requests and responses are free to change.

#[cfg(test)]
mod tests;

mod shape;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::finding::{Finding, Recorded};
use crate::tree;
use crate::wire::shape::{Name, Shapes};

/// The record, relative to the workspace.
pub const BASELINE: &str = "proto/baseline.txt";
const CONTRACTS: &str = "proto";
const HEADER: &str = "\
# What events and signed messages look like on the wire. `make proto-baseline` adds what is new; nothing here ever changes.
";

/// Holds the contracts in `root` against the record.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let Some(shapes) = compile(root)? else { return Ok(Vec::new()) };
    let baseline = Baseline::read(root)?;
    let mut findings = baseline.broken_by(&shapes);
    let added = baseline.added_by(&shapes);
    if !added.is_empty() {
        let first: Vec<_> = added.iter().take(3).map(ToString::to_string).collect();
        let what = format!("not recorded yet, {} in all: {}", added.len(), first.join(", "));
        findings.push(Finding::new(BASELINE, 1, what, "run `make proto-baseline`"));
    }
    Ok(findings)
}

/// Adds to the record what is new, unless something recorded has changed.
pub fn record(root: &Path) -> Result<Recorded> {
    let shapes =
        compile(root)?.with_context(|| format!("{} has no {CONTRACTS}", root.display()))?;
    let baseline = Baseline::read(root)?;
    let findings = baseline.broken_by(&shapes);
    let added = baseline.added_by(&shapes).len();
    if findings.is_empty() && added > 0 {
        let lines: String =
            shapes.iter().map(|(name, shape)| format!("{name} = {shape}\n")).collect();
        let path = root.join(BASELINE);
        fs::write(&path, format!("{HEADER}{lines}"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(Recorded { added, findings })
}

/// The record: names, and what they stood for, with the line that says so.
struct Baseline(BTreeMap<String, (String, usize)>);

impl Baseline {
    fn read(root: &Path) -> Result<Self> {
        let path = root.join(BASELINE);
        let text = if path.is_file() { tree::read(&path)? } else { String::new() };
        let mut recorded = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if let Some((name, shape)) = line.split_once(" = ") {
                recorded.insert(name.to_owned(), (shape.to_owned(), index + 1));
            }
        }
        Ok(Self(recorded))
    }

    fn broken_by(&self, shapes: &Shapes) -> Vec<Finding> {
        let current: BTreeMap<String, &String> =
            shapes.iter().map(|(name, shape)| (name.to_string(), shape)).collect();
        let mut findings = Vec::new();
        for (name, (recorded, line)) in &self.0 {
            let what = match current.get(name) {
                Some(shape) if *shape == recorded => continue,
                Some(shape) => format!("{name} was `{recorded}`, and is `{shape}` now"),
                None => format!("{name}, `{recorded}`, is gone"),
            };
            let remedy = "put it back as it was, and add a field or a new version of the event";
            findings.push(Finding::new(BASELINE, *line, what, remedy));
        }
        findings
    }

    fn added_by<'a>(&self, shapes: &'a Shapes) -> Vec<&'a Name> {
        shapes.keys().filter(|name| !self.0.contains_key(&name.to_string())).collect()
    }
}

fn compile(root: &Path) -> Result<Option<Shapes>> {
    let contracts = root.join(CONTRACTS);
    let is_contract =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "proto");
    let files: Vec<_> = tree::files(&contracts)?.into_iter().filter(is_contract).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let descriptors =
        protox::compile(files, [&contracts]).context("cannot compile the contracts")?;
    Ok(Some(shape::durable(&descriptors)))
}
