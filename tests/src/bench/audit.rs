//! The audit log, small and large: a stream of events as of the exchange, the Merkle log of them, and an audit service, as a process
//! of its own.

mod archive;
mod as_of;
mod events;
mod logging;
mod proof;
mod service;
mod verify;

pub(super) use service::{Part, serve};

use super::figure::Measured;
use super::{Kind, Plan, Setting};
use archive::{Archive, Log};

const SMALL: u64 = 200_000;
const MIDDLE: u64 = 1_000_000;
const LARGE: u64 = 10_000_000;
/// A run of the large log takes minutes, and chance has little to say in it.
const RUNS_LARGE: u32 = 1;
/// With `--quick`, everything is so many times smaller.
const QUICK: u64 = 1_000;

/// What is measured of a log.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    Log,
    Bytes,
    Proof,
    Verify,
    AsOf,
}

/// Every figure of the log; those of one size one after the other.
pub(super) const PLANS: [Plan; 6] = [
    plan(Work::Log, SMALL, "log"),
    plan(Work::Bytes, SMALL, "log_bytes"),
    plan(Work::AsOf, MIDDLE, "as_of_1m"),
    plan(Work::Proof, LARGE, "log_proof_10m"),
    plan(Work::Verify, LARGE, "verify_10m"),
    plan(Work::AsOf, LARGE, "as_of_10m"),
];

const fn plan(work: Work, events: u64, name: &'static str) -> Plan {
    let (unit, limit_name) = match work {
        Work::Log => ("events/s", "JetStream pull consumer, the same batches"),
        Work::Bytes => ("bytes an event, less is better", "the stream's own bytes"),
        Work::Proof => ("ms, p99, less is better", "the same rows looked up in SQLite"),
        Work::Verify => ("events/s", "ordered consumer of async-nats, hashing what it reads"),
        Work::AsOf => ("events/s", "ordered consumer of async-nats, once"),
    };
    Plan { name, unit, limit_name, kind: Kind::Audit { work, events } }
}

/// The log that was used last.
#[derive(Default)]
pub(super) struct Shelf(Option<Archive>);

impl Shelf {
    /// Measures; writes a stream and a log if the last ones had another size.
    pub(super) async fn measure(
        &mut self,
        setting: &Setting,
        work: Work,
        events: u64,
    ) -> anyhow::Result<Measured> {
        let wanted = if setting.quick { events / QUICK } else { events };
        let archive = match self.0.take() {
            Some(archive) if archive.events == wanted => archive,
            last => {
                drop(last);
                let log = match work {
                    Work::Log | Work::Bytes => Log::Later,
                    Work::Proof | Work::Verify | Work::AsOf => Log::AtOnce,
                };
                Archive::write(setting, wanted, log).await?
            }
        };
        let archive = self.0.insert(archive);
        let runs = if events == LARGE { RUNS_LARGE } else { setting.runs };
        match work {
            Work::Log => logging::measure(archive, runs).await,
            Work::Bytes => logging::measure_bytes(archive).await,
            Work::Proof => proof::measure(archive, setting.runs, setting.quick).await,
            Work::Verify => verify::measure(archive, runs).await,
            Work::AsOf => as_of::measure(archive, runs).await,
        }
    }
}
