//! Requirements and the tests that show them, by their ids: `R26.2` of an article, `H1` of what holds everywhere.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Report;
use crate::finding::Finding;
use crate::tree::{README, Tree};

pub(crate) fn check(tree: &Tree, report: &mut Report) {
    let Some(readme) = &tree.readme else {
        report.notes.push(format!("{README} is absent: requirements were not looked at"));
        return;
    };
    let promised = promised(readme);
    let named = named(tree);
    if promised.is_empty() {
        let what = "no table of requirements";
        let remedy = "add one whose first column is the id, such as R26.2";
        report.findings.push(Finding::new(README, 1, what, remedy));
        return;
    }
    for (id, line) in &promised {
        if !named.contains_key(id) {
            let what = format!("no test names requirement {id}");
            let remedy = format!("show it in a test whose doc comment begins with `{id}:`");
            report.findings.push(Finding::new(README, *line, what, remedy));
        }
    }
    for (id, (path, line)) in &named {
        if !promised.contains_key(id) {
            let what = format!("requirement {id} does not stand in {README}'s table");
            let remedy = "add it there, or correct the id";
            report.findings.push(Finding::new(*path, *line, what, remedy));
        }
    }
}

/// The ids in the first column of the README's tables, and their lines.
fn promised(readme: &str) -> BTreeMap<&str, usize> {
    let mut ids = BTreeMap::new();
    for (index, line) in readme.lines().enumerate() {
        let Some(row) = line.trim_start().strip_prefix('|') else { continue };
        let first = row.split('|').next().unwrap_or_default();
        let first = first.trim().trim_matches(['`', '*']);
        if is_id(first) {
            ids.entry(first).or_insert(index + 1);
        }
    }
    ids
}

/// The ids that doc comments of tests name, and where each is first met.
fn named(tree: &Tree) -> BTreeMap<&str, (&PathBuf, usize)> {
    let mut ids = BTreeMap::new();
    // xtask's own tests speak of requirements that do not exist.
    let others = |path: &Path| !path.starts_with("crates/xtask");
    for source in tree.sources.iter().filter(|source| source.is_test() && others(&source.path)) {
        for (index, line) in source.text.lines().enumerate() {
            for id in ids_in_doc(line) {
                ids.entry(id).or_insert((&source.path, index + 1));
            }
        }
    }
    ids
}

fn ids_in_doc(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start();
    let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).unwrap_or_default();
    let words = doc.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    words.map(|word| word.trim_end_matches('.')).filter(|word| is_id(word))
}

fn is_id(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(general) = word.strip_prefix('H') {
        return is_number(general);
    }
    let article = word.strip_prefix('R').and_then(|rest| rest.split_once('.'));
    article.is_some_and(|(article, number)| is_number(article) && is_number(number))
}
