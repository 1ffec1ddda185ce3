//! The time of a search with every facet at its 99th percentile, against the engine alone over the same documents.
//!
//! Ours: a call to the service. A third of what is typed are initials of pinyin or has a character that is wrong. The limit: the
//! engine in this process, asked for what was meant ([`Bare`]).

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use publicdata_proto::catalog::v1::resource_service_client::ResourceServiceClient;
use publicdata_proto::catalog::v1::{ResourceFacet, SearchResourcesRequest};
use publicdata_service_kit::grpc::Channel;
use tokio::time::Instant;

use super::bare::{Bare, PAGE};
use super::{AUTHORITY, Catalogue};
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, interleaved};
use crate::bench::memory::Watch;
use crate::bench::say;
use crate::bench::statistics::Samples;

/// So that the 99th percentile is more than the slowest of all.
const ROUNDS: usize = 25;
const ROUNDS_QUICK: usize = 2;

/// What is typed, and what is meant by it.
#[derive(Clone, Debug)]
pub(super) struct Query {
    typed: String,
    pub(super) meant: String,
}

struct Searching {
    client: ResourceServiceClient<Channel>,
    bare: Bare,
    queries: Vec<Query>,
    found: u64,
    forgiven: u64,
}

/// Measures one search after the other.
pub(super) async fn measure(
    catalogue: &mut Catalogue,
    runs: u32,
    quick: bool,
) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    catalogue.run(&watch).await?;
    say("  the engine alone indexes the same documents");
    let queries = catalogue.filings.queries(if quick { ROUNDS_QUICK } else { ROUNDS });
    let mut contest = Searching {
        client: ResourceServiceClient::new(catalogue.channel(AUTHORITY)?),
        bare: Bare::index(catalogue)?,
        queries,
        found: 0,
        forgiven: 0,
    };
    let (values, limits) = interleaved(&mut contest, runs).await?;
    let Searching { found, forgiven, .. } = contest;
    let searches = u64::try_from(contest.queries.len())?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([
            ("searches", searches),
            ("forgiven", forgiven),
            ("found at most", found),
        ]),
        versions: catalogue.server.versions(),
    })
}

impl Contest for Searching {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let mut took = Vec::with_capacity(self.queries.len());
        self.forgiven = 0;
        for query in &self.queries {
            let request = SearchResourcesRequest {
                query: query.typed.clone(),
                facets: FACETS.map(i32::from).to_vec(),
                page_size: u32::try_from(PAGE)?,
                ..SearchResourcesRequest::default()
            };
            let started = Instant::now();
            let found = self.client.search_resources(request).await?.into_inner();
            took.push(started.elapsed().as_secs_f64() * 1e3);
            ensure!(found.facets.len() == FACETS.len(), "a facet is missing");
            self.found = self.found.max(found.total);
            self.forgiven += u64::from(found.forgiven);
        }
        worst(took)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let mut took = Vec::with_capacity(self.queries.len());
        for query in &self.queries {
            let started = Instant::now();
            self.bare.search(&query.meant)?;
            took.push(started.elapsed().as_secs_f64() * 1e3);
        }
        worst(took)
    }
}

const FACETS: [ResourceFacet; 8] = [
    ResourceFacet::Class,
    ResourceFacet::Provider,
    ResourceFacet::Region,
    ResourceFacet::SharingType,
    ResourceFacet::OpeningType,
    ResourceFacet::Format,
    ResourceFacet::UpdateCycle,
    ResourceFacet::Status,
];

/// Milliseconds at the 99th percentile.
fn worst(took: Vec<f64>) -> anyhow::Result<f64> {
    Ok(Samples::new(took).context("something was searched for")?.percentile(99))
}

impl Query {
    pub(super) fn new(typed: impl Into<String>, meant: impl Into<String>) -> Self {
        Self { typed: typed.into(), meant: meant.into() }
    }
}
