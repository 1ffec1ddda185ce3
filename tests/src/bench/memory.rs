//! How much memory processes take at their highest: `VmHWM`, which the kernel keeps for each; and how long they compute.

use std::collections::BTreeMap;
use std::fs;
use std::iter;
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
/// Programs that are watched wherever they run below this process.
const SERVERS: [&str; 3] = ["nats-server", "postgres", "psql"];

/// A process at its highest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peak {
    /// What process it is; of several with this name, the largest.
    pub process: String,
    /// Its largest resident set, in KiB.
    pub peak_kib: u64,
    /// How long all of this name computed in runs that were attended to, in ms; 0 if none was.
    pub cpu_ms: u64,
}

/// Watches this process and its descendants until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    watched: Arc<Mutex<Watched>>,
    _looks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Watched {
    /// What processes are called that are told by their id.
    named: BTreeMap<u32, &'static str>,
    peaks: BTreeMap<&'static str, u64>,
    cpu: BTreeMap<&'static str, u64>,
}

impl Watch {
    /// Watches this process, whose peak so far is forgotten where the kernel allows that, and the servers that it starts.
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
        watch.name(std::process::id(), "bench");
        watch
    }

    /// Tells a descendant from others that run the same program.
    pub(super) fn name(&self, process: u32, name: &'static str) {
        lock(&self.watched).named.insert(process, name);
    }

    /// The same for a process that other figures were measured with: its peak so far is forgotten where the kernel allows that.
    pub(super) fn name_anew(&self, process: u32, name: &'static str) {
        let _ = fs::write(format!("/proc/{process}/clear_refs"), RESET_PEAK);
        self.name(process, name);
    }

    /// Counts how long processes compute during a run.
    pub(super) async fn attend<T>(&self, run: impl Future<Output = T>) -> T {
        let before = lock(&self.watched).computed();
        let result = run.await;
        let mut watched = lock(&self.watched);
        for (name, ms) in watched.computed() {
            let earlier = before.get(name).copied().unwrap_or_default();
            *watched.cpu.entry(name).or_default() += ms.saturating_sub(earlier);
        }
        result
    }

    /// Looks once more, and answers what was found, the largest first.
    pub(super) fn peaks(&self) -> Vec<Peak> {
        let mut watched = lock(&self.watched);
        watched.look();
        let peaks = watched.peaks.iter();
        let mut peaks: Vec<Peak> = peaks
            .map(|(process, peak_kib)| Peak {
                process: (*process).to_owned(),
                peak_kib: *peak_kib,
                cpu_ms: watched.cpu.get(process).copied().unwrap_or_default(),
            })
            .collect();
        peaks.sort_by_key(|peak| std::cmp::Reverse(peak.peak_kib));
        peaks
    }
}

impl Watched {
    /// How long all processes of a name have computed, in ms. What ended is not among them.
    fn computed(&self) -> BTreeMap<&'static str, u64> {
        let mut computed = BTreeMap::new();
        for (process, status) in family(std::process::id()) {
            if let Some(name) = self.name_of(process, &status)
                && let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat"))
            {
                *computed.entry(name).or_default() += cpu_ms(&stat).unwrap_or_default();
            }
        }
        computed
    }

    fn name_of(&self, process: u32, status: &str) -> Option<&'static str> {
        self.named.get(&process).copied().or_else(|| server(status))
    }

    fn look(&mut self) {
        for (process, status) in family(std::process::id()) {
            let Some(name) = self.name_of(process, &status) else { continue };
            if let Some(kib) = number(&status, "VmHWM") {
                let peak = self.peaks.entry(name).or_default();
                *peak = kib.max(*peak);
            }
        }
    }
}

fn lock(watched: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The server that a process runs, if it is one of those.
fn server(status: &str) -> Option<&'static str> {
    let program = status.lines().find_map(|line| line.strip_prefix("Name:"))?.trim();
    SERVERS.iter().copied().find(|server| *server == program)
}

/// What a process computed itself and in the kernel. The kernel counts in hundredths of a second, whatever it runs on.
fn cpu_ms(stat: &str) -> Option<u64> {
    const TICK_MS: u64 = 10;

    // The program's name, in brackets, may hold spaces.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut words = after_name.split_whitespace().skip(11);
    let (own, kernel): (u64, u64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((own + kernel) * TICK_MS)
}

/// A process and all its descendants, by their id, with what the kernel says of each.
fn family(ancestor: u32) -> BTreeMap<u32, String> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let all: BTreeMap<u32, String> = processes
        .filter_map(|id| Some((id, fs::read_to_string(format!("/proc/{id}/status")).ok()?)))
        .collect();
    let parent = |id: u32| u32::try_from(number(all.get(&id)?, "PPid")?).ok();
    let belongs = |id: u32| iter::successors(Some(id), |id| parent(*id)).any(|id| id == ancestor);
    all.iter().filter(|(id, _)| belongs(**id)).map(|(id, status)| (*id, status.clone())).collect()
}

#[cfg(test)]
mod tests;
