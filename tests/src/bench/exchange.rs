//! What the exchange carries: ten million rows, many small answers, proofs, with many nodes connected, and transfers side by side.

mod asker;
mod echo;
mod idle;
mod large;
mod load;
mod payloads;
mod proof;
mod push;
mod requests;
mod revoke;
mod town;
mod transfers;

pub(super) use echo::serve as echo;

use super::figure::Measured;
use super::{Kind, Plan, Setting};
use town::Town;

/// What is measured of the exchange.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// One long transfer.
    Large,
    /// Answers of the sizes that are common.
    Mix,
    /// Proofs at half of the highest rate.
    Proof,
    /// Answers while so many further nodes are connected.
    Nodes(usize),
    /// So many transfers side by side.
    Transfers(usize),
    /// Changes that are pushed.
    Push,
    /// Transfers that are stopped.
    Revoke,
}

/// Every figure of the exchange.
pub(super) const PLANS: [Plan; 13] = [
    plan(Work::Large, "fetch_10m"),
    plan(Work::Mix, "small"),
    plan(Work::Proof, "proof"),
    plan(Work::Nodes(1), "nodes_1"),
    plan(Work::Nodes(10), "nodes_10"),
    plan(Work::Nodes(100), "nodes_100"),
    plan(Work::Nodes(500), "nodes_500"),
    plan(Work::Transfers(1), "transfers_1"),
    plan(Work::Transfers(4), "transfers_4"),
    plan(Work::Transfers(16), "transfers_16"),
    plan(Work::Transfers(64), "transfers_64"),
    plan(Work::Push, "push"),
    plan(Work::Revoke, "revoke"),
];

const fn plan(work: Work, name: &'static str) -> Plan {
    let (unit, limit_name) = match work {
        Work::Large => ("rows/s", "psql COPY TO STDOUT into a file"),
        Work::Mix | Work::Nodes(_) => ("requests/s", "bare tonic server, mutual TLS"),
        Work::Proof => ("ms, p99, less is better", "bare tonic server, at the same times"),
        Work::Transfers(_) => ("rows/s", "as many psql COPY, into files"),
        Work::Push => ("ms, p50, less is better", "bare poller of the same interval"),
        Work::Revoke => ("ms, p50, less is better", "the same call, until it is answered"),
    };
    Plan { name, unit, limit_name, kind: Kind::Exchange { work } }
}

/// The town that all these figures share.
#[derive(Default)]
pub(super) struct Shelf(Option<Town>);

impl Shelf {
    /// Measures; settles the town if there is none yet.
    pub(super) async fn measure(
        &mut self,
        setting: &Setting,
        work: Work,
    ) -> anyhow::Result<Measured> {
        let town = match self.0.take() {
            Some(town) => town,
            None => Town::settle(setting).await?,
        };
        let town = self.0.insert(town);
        match work {
            Work::Large => large::measure(setting, town).await,
            Work::Mix => requests::mix(setting, town).await,
            Work::Proof => proof::measure(setting, town).await,
            Work::Nodes(nodes) => requests::among(setting, town, nodes).await,
            Work::Transfers(transfers) => transfers::measure(setting, town, transfers).await,
            Work::Push => push::measure(setting, town).await,
            Work::Revoke => revoke::measure(setting, town).await,
        }
    }
}
