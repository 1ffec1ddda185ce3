//! What each crate has, and what files are called.

#[cfg(test)]
mod tests;

use syn::spanned::Spanned;

use crate::finding::Finding;
use crate::tree::{Package, README, Source, Tree};

/// Names that say nothing, and so attract everything.
const DRAWERS: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];
/// Generated code keeps no lints.
const WITHOUT_LINTS: &str = "proto";
const INCLUDED_README: &str = r#"include_str!("../README.md")"#;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &tree.packages {
        findings.extend(check_package(tree, package));
    }
    for source in &tree.sources {
        findings.extend(check_name(source));
        findings.extend(check_inline_tests(source));
    }
    findings
}

fn check_package(tree: &Tree, package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !package.has_readme {
        let readme = package.folder.join(README);
        let remedy = "write its purpose, its invariants, and what is deliberately absent";
        findings.push(Finding::new(readme, 1, "the crate has no README", remedy));
    }

    let lib = package.folder.join("src/lib.rs");
    let lib = tree.sources.iter().find(|source| source.path == lib);
    if let Some(lib) = lib
        && !lib.text.contains(INCLUDED_README)
    {
        let remedy = format!("begin it with #![doc = {INCLUDED_README}]");
        findings.push(Finding::new(&lib.path, 1, "the README is not the crate's doc", remedy));
    }

    let lints = package.table.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    if lints != Some(true) && package.name != WITHOUT_LINTS {
        let manifest = package.folder.join("Cargo.toml");
        let what = "the workspace's lints do not apply";
        findings.push(Finding::new(manifest, 1, what, "add [lints] workspace = true"));
    }
    findings
}

fn check_name(source: &Source) -> Option<Finding> {
    if source.path.file_name().is_some_and(|name| name == "mod.rs") {
        let what = "mod.rs says nothing in a list of files";
        let remedy = "call it after its folder: foo.rs beside foo/";
        return Some(Finding::new(&source.path, 1, what, remedy));
    }
    let stem = source.path.with_extension("");
    let drawer = stem.iter().find_map(|part| DRAWERS.iter().find(|drawer| part == **drawer))?;
    let what = format!("`{drawer}` has no subject");
    Some(Finding::new(&source.path, 1, what, "call it after what it is about"))
}

fn check_inline_tests(source: &Source) -> Option<Finding> {
    let inline = source.syntax.items.iter().find_map(|item| {
        let syn::Item::Mod(module) = item else { return None };
        (module.ident == "tests" && module.content.is_some()).then_some(module)
    })?;
    let line = inline.span().start().line;
    let remedy = "move them to tests.rs in a folder of the module's name";
    Some(Finding::new(&source.path, line, "tests stand inside the code", remedy))
}
