//! The answers that are asked for: of the sizes, and in the shares, that X-Road measured its load with.

use std::fmt::Write as _;
use std::iter;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngCore as _, SeedableRng as _};

/// The same in every run and in every process, so that no payload has to be handed over.
const SEED: u64 = 2_026;
/// What one row holds: a frame takes 1 MiB at most.
const PART_BYTES: usize = 500_000;
/// As many as a random byte's lowest six bits tell apart; none means anything in CSV or JSON.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A size.
#[derive(Clone, Copy, Debug)]
struct Class {
    name: &'static str,
    bytes: usize,
    /// How many of a thousand requests ask for it.
    in_thousand: usize,
    /// The same of the hundred requests of a quick run, which have one of 2 MB.
    in_hundred: usize,
}

const CLASSES: [Class; 5] = [
    Class { name: "2kB", bytes: 2_000, in_thousand: 300, in_hundred: 30 },
    Class { name: "10kB", bytes: 10_000, in_thousand: 600, in_hundred: 60 },
    Class { name: "100kB", bytes: 100_000, in_thousand: 90, in_hundred: 9 },
    Class { name: "2MB", bytes: 2_000_000, in_thousand: 9, in_hundred: 1 },
    Class { name: "10MB", bytes: 10_000_000, in_thousand: 1, in_hundred: 0 },
];

/// A payload of each size, of random letters, in parts.
#[derive(Debug)]
pub(super) struct Payloads(Vec<Payload>);

/// One payload.
#[derive(Debug)]
pub(super) struct Payload {
    /// What it is asked for by.
    pub(super) name: &'static str,
    /// What it says.
    pub(super) parts: Vec<Bytes>,
}

/// The requests of a run: which payload each asks for.
pub(super) fn mix(quick: bool) -> Vec<&'static str> {
    let many = |class: &Class| if quick { class.in_hundred } else { class.in_thousand };
    let mut order: Vec<_> =
        CLASSES.iter().flat_map(|class| iter::repeat_n(class.name, many(class))).collect();
    order.shuffle(&mut StdRng::seed_from_u64(SEED));
    order
}

/// The smallest payload.
pub(super) const SMALLEST: &str = CLASSES[0].name;
/// The payload that is asked for most.
pub(super) const USUAL: &str = CLASSES[1].name;

impl Payloads {
    /// Makes them.
    pub(super) fn make() -> Self {
        let mut random = StdRng::seed_from_u64(SEED);
        let payload = |class: &Class| {
            let mut text = vec![0; class.bytes];
            random.fill_bytes(&mut text);
            text.iter_mut().for_each(|byte| *byte = LETTERS[usize::from(*byte) % LETTERS.len()]);
            let text = Bytes::from(text);
            let parts = (0..class.bytes).step_by(PART_BYTES);
            let part = |from: usize| text.slice(from..class.bytes.min(from + PART_BYTES));
            Payload { name: class.name, parts: parts.map(part).collect() }
        };
        Self(CLASSES.iter().map(payload).collect())
    }

    /// The payload of this name.
    pub(super) fn named(&self, name: &str) -> anyhow::Result<&Payload> {
        let found = self.0.iter().find(|payload| payload.name == name);
        found.with_context(|| format!("there is no payload {name}"))
    }

    /// How many bytes these requests are answered with in all.
    pub(super) fn bytes(&self, requests: &[&'static str]) -> anyhow::Result<u64> {
        let mut bytes = 0;
        for name in requests {
            bytes += self.named(name)?.parts.iter().map(Bytes::len).sum::<usize>();
        }
        Ok(u64::try_from(bytes)?)
    }

    /// All parts as CSV: the payload's name, the part's number, and what it says.
    pub(super) fn csv(&self) -> anyhow::Result<String> {
        let mut csv = String::new();
        for Payload { name, parts } in &self.0 {
            for (number, part) in parts.iter().enumerate() {
                writeln!(csv, "{name},{number},{}", std::str::from_utf8(part)?)?;
            }
        }
        Ok(csv)
    }
}

impl Payload {
    /// Takes note of a part that came: it has to be the next one.
    pub(super) fn check(&self, came: &mut usize, part: &[u8]) -> anyhow::Result<()> {
        let expected = self.parts.get(*came).context("more parts came than there are")?;
        ensure!(expected == part, "part {came} of {} is another than was stored", self.name);
        *came += 1;
        Ok(())
    }

    /// Whether everything came.
    pub(super) fn complete(&self, came: usize) -> anyhow::Result<()> {
        let expected = self.parts.len();
        ensure!(came == expected, "{came} parts of {} came, not {expected}", self.name);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
