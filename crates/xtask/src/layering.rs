//! Which crate may import which.

#[cfg(test)]
mod tests;

use crate::finding::Finding;
use crate::tree::{Package, short_name};

/// From what everything stands on to what stands on everything. A crate imports what stands in a row above its own.
const LAYERS: &[&[&str]] = &[
    &["types"],
    &["decider"],
    &["catalog-domain", "exchange-domain", "open-data-domain", "audit-domain"],
    &["proto"],
    &["catalogue-formats"],
    &["event-store"],
    &["views"],
    &["identity"],
    &["archive"],
    &["service-kit"],
    &["directory"],
    &["transfer"],
    &["catalog", "exchange-bus", "node-agent", "open-data", "audit"],
    // It reads and writes what the services keep, and asks none of them.
    &["recovery"],
    &["publicdata"],
    &["tests"],
];

/// Beside the layers: it imports none of them, and none imports it.
const APART: &str = "xtask";

/// What few may import, and why.
const RESERVED: &[Reserved] = &[
    Reserved::new("async-nats", &["event-store"], "go through publicdata-event-store"),
    // The bench gives the catalogue's own commands.
    Reserved::new("catalog-domain", &["catalog", "tests"], OWN_RULES),
    // What a grant says is read once, in `transfer`, for the bus and the nodes.
    Reserved::new("exchange-domain", &["exchange-bus", "node-agent", "transfer"], OWN_RULES),
    Reserved::new("open-data-domain", &["open-data"], OWN_RULES),
    // An auditor's command line checks proofs itself, rather than ask the service that made them; and so do archives and backups.
    Reserved::new(
        "audit-domain",
        &["archive", "audit", "publicdata", "recovery", "tests"],
        OWN_RULES,
    ),
];
const OWN_RULES: &str = "a domain's rules belong to its service: ask it through its contract";

/// What a domain cannot have and still be a pure function: I/O, time, chance, and the shapes of the wire.
const IMPURE: &[&str] = &[
    "async-trait",
    "futures",
    "prost",
    "prost-types",
    "rand",
    "serde",
    "serde_json",
    "sqlx",
    "tokio",
    "tonic",
    "tracing",
];
const DOMAIN_SUFFIX: &str = "-domain";

struct Reserved {
    name: &'static str,
    importers: &'static [&'static str],
    remedy: &'static str,
}

impl Reserved {
    const fn new(
        name: &'static str,
        importers: &'static [&'static str],
        remedy: &'static str,
    ) -> Self {
        Self { name, importers, remedy }
    }
}

pub(crate) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let manifest = package.folder.join("Cargo.toml");
        if package.name != APART && layer(&package.name).is_none() {
            let what = format!("{} stands in no layer", package.name);
            let remedy = "give it a place in LAYERS, in crates/xtask/src/layering.rs";
            findings.push(Finding::new(&manifest, package.line_of("name"), what, remedy));
            continue;
        }
        for dependency in package.dependencies() {
            let Some(remedy) = objection(&package.name, &dependency) else { continue };
            let line = package.line_of(&dependency);
            let what = format!("{} must not import {dependency}", package.name);
            findings.push(Finding::new(&manifest, line, what, remedy));
        }
    }
    findings
}

/// What to do instead, if this edge must not be.
fn objection(importer: &str, dependency: &str) -> Option<&'static str> {
    let imported = short_name(dependency);
    if imported == importer {
        // Its own tests turn on one of its features.
        return None;
    }
    let reserved = RESERVED.iter().find(|reserved| reserved.name == imported);
    if let Some(reserved) = reserved
        && !reserved.importers.contains(&importer)
    {
        return Some(reserved.remedy);
    }
    if importer.ends_with(DOMAIN_SUFFIX) && IMPURE.contains(&dependency) {
        return Some("a domain decides and nothing else: do this in its service");
    }
    if importer == APART || imported == APART {
        let is_ours = imported == APART || layer(imported).is_some();
        return is_ours.then_some("xtask stands apart from what it judges");
    }
    if layer(imported)? < layer(importer)? {
        return None;
    }
    Some("a crate imports what stands above it: move the common part up, or talk through proto")
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|crates| crates.contains(&name))
}
