//! The administrative divisions that the platform knows: the city's, by one revision of GB/T 2260.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use publicdata_types::{RegionCode, RegionRevision};

/// The revision that the list below is of; source and licence in `deploy/data/README.md`.
pub(crate) const REVISION: RegionRevision = RegionRevision::of(2023);
const AREAS: &str = include_str!("../../../deploy/data/chengdu-areas.csv");
const CITY: &str = "510100";
/// Codes that the city's districts once had, and what became of them.
const FORMER: [(&str, &str); 6] = [
    ("510122", "510116"),
    ("510123", "510115"),
    ("510124", "510117"),
    ("510125", "510114"),
    ("510132", "510118"),
    ("512081", "510185"),
];
const HINTS_MAX: usize = 3;

static DIVISIONS: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let rows = AREAS.lines().skip(1).filter_map(|line| {
        let (code, rest) = line.split_once(',')?;
        Some((code.to_owned(), rest.split(',').next()?))
    });
    rows.collect()
});

/// A code that no division of the city has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnknownDivision {
    /// It had one once.
    #[error(
        "no division has the code {code} since revision {REVISION}; it became {now} {name}. Name \
         that, or the revision that the code is of"
    )]
    Former {
        /// The code.
        code: RegionCode,
        /// What became of it.
        now: &'static str,
        /// Its name.
        name: &'static str,
    },
    /// It may be mistyped.
    #[error(
        "no division of {CITY} has the code {code} in revision {REVISION}{}. Name one that has, or \
         the revision that the code is of",
        hint(.nearest)
    )]
    Unknown {
        /// The code.
        code: RegionCode,
        /// Divisions whose codes differ by one digit.
        nearest: Vec<String>,
    },
}

/// Whether a division is known. Of other cities and other revisions the platform knows no list: there the form is all that
/// counts.
pub(crate) fn check(code: &RegionCode, revision: RegionRevision) -> Result<(), UnknownDivision> {
    let text = code.to_string();
    let listed = revision != REVISION || text == CITY || DIVISIONS.contains_key(&text);
    if listed {
        return Ok(());
    }
    if let Some((_, now)) = FORMER.into_iter().find(|(former, _)| *former == text) {
        let name = DIVISIONS.get(now).copied().unwrap_or_default();
        return Err(UnknownDivision::Former { code: *code, now, name });
    }
    match text.starts_with(&CITY[..4]) {
        true => Err(UnknownDivision::Unknown { code: *code, nearest: nearest(&text) }),
        false => Ok(()),
    }
}

fn nearest(code: &str) -> Vec<String> {
    let differing =
        |other: &str| other.bytes().zip(code.bytes()).filter(|(one, two)| one != two).count();
    let near = DIVISIONS.iter().filter(|(other, _)| differing(other) == 1);
    near.map(|(code, name)| format!("{code} {name}")).take(HINTS_MAX).collect()
}

fn hint(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        near => format!("; {} is near", near.join(", ")),
    }
}

#[cfg(test)]
mod tests;
