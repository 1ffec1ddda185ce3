//! Questions a second to a data service, against the same answers of a bare server.
//!
//! Ours: a system asks its node by Arrow Flight; the node asks the bus, which asks the provider's node, which asks its Postgres; each
//! hop with mutual TLS, sealed, signed for and logged. The limit: one hop with mutual TLS, out of memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::ensure;
use jiff::Timestamp;
use publicdata::commands::answer;
use publicdata_proto::exchange::v1::{ListTransfersRequest, TransferStatus};
use publicdata_service_kit::Clock;
use tokio::time::Instant;

use super::asker::Asker;
use super::load::{Latencies, side_by_side};
use super::payloads::{USUAL, mix as mixed};
use super::town::{PAYLOADS, Town};
use crate::bench::city::until;
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, interleaved, rate};
use crate::bench::memory::Watch;
use crate::bench::{Setting, psql};

const MIX_AT_ONCE: usize = 64;
const USUAL_AT_ONCE: usize = 16;
const USUAL_REQUESTS: usize = 500;
const USUAL_REQUESTS_QUICK: usize = 50;
/// With `--quick`, so many times fewer nodes are connected.
const NODES_QUICK: usize = 10;
const PAGE: u32 = 500;

struct Requests {
    data_service: Asker,
    bare: Asker,
    requests: usize,
    at_once: usize,
    ours: Latencies,
    limit: Latencies,
}

/// Measures answers of the sizes that are common.
pub(super) async fn mix(setting: &Setting, town: &mut Town) -> anyhow::Result<Measured> {
    town.connect(0).await?;
    measure(setting, town, mixed(setting.quick), MIX_AT_ONCE).await
}

/// Measures answers of the size that is most common, while so many further nodes are connected.
pub(super) async fn among(
    setting: &Setting,
    town: &mut Town,
    nodes: usize,
) -> anyhow::Result<Measured> {
    let nodes = if setting.quick { nodes.div_ceil(NODES_QUICK) } else { nodes };
    town.connect(nodes).await?;
    let requests = if setting.quick { USUAL_REQUESTS_QUICK } else { USUAL_REQUESTS };
    let mut measured = measure(setting, town, vec![USUAL; requests], USUAL_AT_ONCE).await?;
    // Those that were connected still are.
    town.connect(nodes).await?;
    measured.counts.insert("further nodes", u64::try_from(nodes)?);
    Ok(measured)
}

async fn measure(
    setting: &Setting,
    town: &Town,
    order: Vec<&'static str>,
    at_once: usize,
) -> anyhow::Result<Measured> {
    let bytes = town.payloads.bytes(&order)?;
    let order: Arc<[&'static str]> = order.into();
    let mut contest = Requests {
        data_service: town.data_service(Arc::clone(&order))?,
        bare: town.bare(Arc::clone(&order))?,
        requests: order.len(),
        at_once,
        ours: Latencies::default(),
        limit: Latencies::default(),
    };
    let watch = Watch::begin();
    town.name(&watch);
    let begun = Clock::system().now();
    let (values, limits) = interleaved(&mut contest, setting.runs).await?;
    let logged = completed(town, begun, order.len() * (values.count() + 1)).await?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([
            ("µs p50", contest.ours.microseconds(50)?),
            ("µs p99", contest.ours.microseconds(99)?),
            ("µs p50 of the limit", contest.limit.microseconds(50)?),
            ("µs p99 of the limit", contest.limit.microseconds(99)?),
            ("bytes in a run", bytes),
            ("requests logged", logged),
        ]),
        versions: psql::versions(&town.postgres.url()).await?,
    })
}

/// The exchange log has each of the requests since then, and each was completed.
async fn completed(town: &Town, begun: Timestamp, requests: usize) -> anyhow::Result<u64> {
    until("the exchange log has every request completed", async || {
        let (mut logged, mut page_token) = (0, String::new());
        loop {
            let request = ListTransfersRequest {
                grant_id: town.city.grants[PAYLOADS].clone(),
                requested_from: Some(publicdata_transfer::time::to_wire(begun)),
                page_size: PAGE,
                page_token,
                ..ListTransfersRequest::default()
            };
            let page = answer(town.city.consumer.transfers()?.list_transfers(request).await)?;
            for transfer in &page.transfers {
                let status = transfer.status();
                ensure!(status == TransferStatus::Completed, "{}: {status:?}", transfer.id);
            }
            logged += page.transfers.len();
            if page.next_page_token.is_empty() {
                break;
            }
            page_token = page.next_page_token;
        }
        ensure!(logged == requests, "{logged} requests are logged, not {requests}");
        Ok(u64::try_from(logged)?)
    })
    .await
}

impl Requests {
    async fn run(&self, asker: &Asker) -> anyhow::Result<(f64, Vec<f64>)> {
        let started = Instant::now();
        let took = side_by_side(asker, self.requests, self.at_once).await?;
        ensure!(took.len() == self.requests, "{} answers came", took.len());
        Ok((rate(u64::try_from(self.requests)?, started), took))
    }
}

impl Contest for Requests {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let (rate, took) = self.run(&self.data_service).await?;
        self.ours.turn(&took);
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let (rate, took) = self.run(&self.bare).await?;
        self.limit.turn(&took);
        Ok(rate)
    }
}
