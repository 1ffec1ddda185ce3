//! How much memory processes take at their highest: `VmHWM`, which the kernel keeps for each.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::machine::number;

/// A process that ended since the last look took its own peak with it, so looks are frequent.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Written to `clear_refs`, it makes the kernel begin anew with this process's peak.
const RESET_PEAK: &str = "5";

/// A process at its highest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peak {
    /// What process it is; of several with this name, the largest.
    pub process: String,
    /// Its largest resident set, in KiB.
    pub peak_kib: u64,
}

/// Watches processes until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    watched: Arc<Mutex<Watched>>,
    _looks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Watched {
    roots: Vec<Root>,
    peaks: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Root {
    process: u32,
    name: &'static str,
    /// What its children are called, if they count.
    children: Option<&'static str>,
}

impl Watch {
    /// Watches this process, whose peak so far is forgotten where the kernel allows that.
    pub(super) fn begin() -> Self {
        // Where it is not allowed, what was measured earlier counts too.
        let _ = fs::write("/proc/self/clear_refs", RESET_PEAK);
        let watched = Arc::new(Mutex::new(Watched::default()));
        let mut looks = JoinSet::new();
        let looking = Arc::clone(&watched);
        looks.spawn(async move {
            let mut interval = interval(LOOK_INTERVAL);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                lock(&looking).look();
            }
        });
        let watch = Self { watched, _looks: looks };
        watch.process("bench", Some(std::process::id()));
        watch
    }

    /// Watches a process as well; one that has ended is not.
    pub(super) fn process(&self, name: &'static str, process: Option<u32>) {
        self.add(process.map(|process| Root { process, name, children: None }));
    }

    fn add(&self, root: Option<Root>) {
        lock(&self.watched).roots.extend(root);
    }

    /// Looks once more, and answers what was found, the largest first.
    pub(super) fn peaks(&self) -> Vec<Peak> {
        let mut watched = lock(&self.watched);
        watched.look();
        let peaks = watched.peaks.iter();
        let mut peaks: Vec<Peak> = peaks
            .map(|(process, peak_kib)| Peak { process: (*process).to_owned(), peak_kib: *peak_kib })
            .collect();
        peaks.sort_by_key(|peak| std::cmp::Reverse(peak.peak_kib));
        peaks
    }
}

impl Watched {
    fn look(&mut self) {
        for root in self.roots.clone() {
            self.note(root.name, root.process);
            if let Some(name) = root.children {
                for child in children(root.process) {
                    self.note(name, child);
                }
            }
        }
    }

    fn note(&mut self, name: &'static str, process: u32) {
        if let Some(kib) = status(process, "VmHWM") {
            let peak = self.peaks.entry(name).or_default();
            *peak = kib.max(*peak);
        }
    }
}

fn lock(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

fn status(process: u32, key: &str) -> Option<u64> {
    number(&fs::read_to_string(format!("/proc/{process}/status")).ok()?, key)
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    processes.filter(|process| status(*process, "PPid") == Some(u64::from(parent))).collect()
}

#[cfg(test)]
mod tests;
