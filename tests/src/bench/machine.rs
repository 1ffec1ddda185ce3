//! The machine that figures were measured on, without which they say nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use anyhow::Context as _;
use serde::Serialize;

/// What kind of machine this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The processor's model, as it calls itself.
    pub cpu: String,
    /// How many threads run at once.
    pub cores: usize,
    /// Main memory in MiB.
    pub memory_mib: u64,
    /// The operating system's kernel.
    pub kernel: String,
    /// The servers that took part, with their versions.
    #[serde(flatten)]
    pub versions: BTreeMap<&'static str, String>,
}

impl Machine {
    /// This one.
    ///
    /// # Errors
    /// If `/proc` cannot be read.
    pub fn here() -> anyhow::Result<Self> {
        let read = |path| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
        let kib = number(&read("/proc/meminfo")?, "MemTotal").context("there is no MemTotal")?;
        Ok(Self {
            cpu: cpu(&read("/proc/cpuinfo")?),
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: kib / 1024,
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease")?.trim()),
            versions: BTreeMap::new(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, memory_mib, kernel, versions } = self;
        write!(f, "{cpu}, {cores} cores, {} GiB, {kernel}", memory_mib.div_ceil(1024))?;
        for (server, version) in versions {
            write!(f, ", {server} {version}")?;
        }
        Ok(())
    }
}

/// The first processor's model; some architectures tell none.
fn cpu(info: &str) -> String {
    let line = info.lines().find_map(|line| line.strip_prefix("model name"));
    let model = line.and_then(|line| line.split_once(':')).map(|(_, model)| model.trim());
    model.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// The number of a line such as `MemTotal:  24572712 kB`, as several files below `/proc` have them.
pub(super) fn number(text: &str, key: &str) -> Option<u64> {
    let mut words =
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?.split_whitespace();
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests;
