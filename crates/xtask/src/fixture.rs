//! A small workspace in a temporary folder, for tests.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::finding::Finding;
use crate::tree::Tree;

pub(crate) struct Fixture(TempDir);

impl Fixture {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        fs::write(path, text).expect("a file is written");
        self
    }

    /// A crate that keeps every rule of layout, with these dependencies.
    pub(crate) fn package(self, name: &str, dependencies: &[&str]) -> Self {
        let dependencies: String =
            dependencies.iter().map(|name| format!("{name}.workspace = true\n")).collect();
        let manifest = format!(
            "[package]\nname = \"publicdata-{name}\"\n[dependencies]\n{dependencies}[lints]\nworkspace = true\n"
        );
        self.file(&format!("crates/{name}/Cargo.toml"), &manifest)
            .file(&format!("crates/{name}/README.md"), "# A crate\n")
            .file(
                &format!("crates/{name}/src/lib.rs"),
                "#![doc = include_str!(\"../README.md\")]\n",
            )
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::read(self.root()).expect("the fixture is a workspace")
    }
}

/// `file:line: what` of each finding, without the remedy.
pub(crate) fn said(findings: &[Finding]) -> Vec<String> {
    let without_remedy = |finding: &Finding| {
        format!("{}:{}: {}", finding.file.display(), finding.line, finding.what)
    };
    findings.iter().map(without_remedy).collect()
}
