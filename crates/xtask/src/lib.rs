#![doc = include_str!("../README.md")]

pub mod finding;
pub mod golden;
mod habits;
mod layering;
mod layout;
mod requirements;
mod size;
mod tree;
pub mod wire;

#[cfg(test)]
mod fixture;

use std::path::Path;

use anyhow::Result;

use crate::finding::Finding;
use crate::tree::Tree;

/// What a look at the whole tree brought.
#[derive(Debug, Default)]
pub struct Report {
    /// What departs from the rules, by file and line.
    pub findings: Vec<Finding>,
    /// What could not be looked at, and why.
    pub notes: Vec<String>,
}

/// Holds the workspace in `root` against every rule.
pub fn tidy(root: &Path) -> Result<Report> {
    let tree = Tree::read(root)?;
    let mut report = Report::default();
    report.findings.extend(layering::check(&tree.packages));
    report.findings.extend(layout::check(&tree));
    report.findings.extend(size::check(&tree));
    report.findings.extend(habits::check(&tree));
    report.findings.extend(golden::check(root)?);
    report.findings.extend(wire::check(root)?);
    requirements::check(&tree, &mut report);
    report.findings.sort();
    Ok(report)
}
