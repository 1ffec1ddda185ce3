//! The figures of catalogues, small and large, and what they share: of each size, one catalogue is filled.

use super::{Catalogue, import, rebuild, search};
use crate::bench::figure::Measured;
use crate::bench::{Kind, Plan, Setting};

const SMALL: usize = 10_000;
const LARGE: usize = 1_000_000;
/// Building views of the large one takes a quarter of an hour or more, and chance has little to say in it.
const RUNS_LARGE: u32 = 1;
/// With `--quick`, everything is so many times smaller.
const QUICK: usize = 100;

/// What is measured of a catalogue.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) enum Work {
    Rebuild,
    Search,
    Import,
}

/// Every figure of a catalogue; those of one size one after the other.
pub(in crate::bench) const PLANS: [Plan; 6] = [
    plan(Work::Rebuild, SMALL, "rebuild_10k"),
    plan(Work::Search, SMALL, "search_10k"),
    plan(Work::Import, SMALL, "import_10k"),
    plan(Work::Rebuild, LARGE, "rebuild_1m"),
    plan(Work::Search, LARGE, "search_1m"),
    plan(Work::Import, LARGE, "import_1m"),
];

const fn plan(work: Work, entries: usize, name: &'static str) -> Plan {
    let (unit, limit_name) = match work {
        Work::Rebuild => ("entries/s", "ordered consumer of async-nats, once"),
        Work::Search => ("ms, p99, less is better", "tantivy alone, no pinyin or typing errors"),
        Work::Import => ("entries/s", "JetStream publishes, 64 in flight"),
    };
    Plan { name, unit, limit_name, kind: Kind::Catalogue { work, entries } }
}

/// The catalogue that was used last.
#[derive(Default)]
pub(in crate::bench) struct Shelf(Option<Catalogue>);

impl Shelf {
    /// Measures; fills a catalogue if the last one had another size.
    pub(in crate::bench) async fn measure(
        &mut self,
        setting: &Setting,
        work: Work,
        entries: usize,
    ) -> anyhow::Result<Measured> {
        let entries = if setting.quick { entries / QUICK } else { entries };
        let catalogue = match self.0.take() {
            Some(catalogue) if catalogue.entries == entries => catalogue,
            last => {
                drop(last);
                Catalogue::fill(setting, entries).await?
            }
        };
        let catalogue = self.0.insert(catalogue);
        match work {
            Work::Rebuild if entries == LARGE => rebuild::measure(catalogue, RUNS_LARGE).await,
            Work::Rebuild => rebuild::measure(catalogue, setting.runs).await,
            Work::Search => search::measure(catalogue, setting.runs, setting.quick).await,
            Work::Import => import::measure(catalogue, setting.runs, setting.quick).await,
        }
    }
}
