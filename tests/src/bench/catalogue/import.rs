//! Entries a second into a catalogue of some size, each checked, numbered and drafted, against publishing the same bytes.
//!
//! Ours: one department imports, and is answered once views and index hold everything. The limit: as many bare publishes in
//! flight as the service has appends.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use prost_types::Any;
use publicdata_event_store::NewCommit;
use publicdata_proto::catalog::v1::import_resources_request::Part;
use publicdata_proto::catalog::v1::import_service_client::ImportServiceClient;
use publicdata_proto::catalog::v1::{
    ImportOptions, ImportOutcome, ImportResourcesRequest, ImportRow, ResourceDrafted,
};
use publicdata_service_kit::grpc::Channel;
use tokio::time::Instant;
use uuid::Uuid;

use super::Catalogue;
use crate::bench::entry;
use crate::bench::figure::Measured;
use crate::bench::interleave::{Contest, interleaved, rate};
use crate::bench::memory::Watch;

const ROWS: usize = 5_000;
const ROWS_QUICK: usize = 200;
const IN_FLIGHT: usize = 64;
const RAW_STREAM: &str = "RAW";

struct Importing<'a> {
    catalogue: &'a mut Catalogue,
    client: ImportServiceClient<Channel>,
    rows: usize,
    payload: Bytes,
}

/// Measures with entries that are new.
pub(super) async fn measure(
    catalogue: &mut Catalogue,
    runs: u32,
    quick: bool,
) -> anyhow::Result<Measured> {
    let watch = Watch::begin();
    catalogue.run(&watch).await?;
    catalogue.server.store.ensure_stream(RAW_STREAM, &["ev.raw.>".to_owned()], 1).await?;
    let importer = &catalogue.providers[0];
    let drafted = ResourceDrafted {
        code: format!("301001/{}", catalogue.entries),
        description: Some(catalogue.filings.own(importer, 0)),
        region_code: importer.region.clone(),
    };
    let commit = NewCommit { events: vec![Any::from_msg(&drafted)?], ..entry::commit()? };
    let client = ImportServiceClient::new(catalogue.channel(&importer.code)?);
    let rows = if quick { ROWS_QUICK } else { ROWS };
    let mut contest = Importing { catalogue, client, rows, payload: commit.encode() };
    let (values, limits) = interleaved(&mut contest, runs).await?;
    Ok(Measured {
        values,
        limits,
        memory: watch.peaks(),
        counts: BTreeMap::from([("entries imported", u64::try_from(contest.catalogue.imported)?)]),
        versions: contest.catalogue.server.versions(),
    })
}

impl Contest for Importing<'_> {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        let importer = &self.catalogue.providers[0];
        let options =
            ImportOptions { import_id: Uuid::new_v4().to_string(), dry_run: false, submit: false };
        let mut requests = vec![Part::Options(options)];
        for (number, which) in (1..).zip(self.catalogue.imported..).take(self.rows) {
            let description = Some(self.catalogue.filings.own(importer, which));
            requests.push(Part::Row(ImportRow { number, code: String::new(), description }));
        }
        self.catalogue.imported += self.rows;
        let requests =
            stream::iter(requests).map(|part| ImportResourcesRequest { part: Some(part) });

        let before = self.catalogue.commits().await?;
        let started = Instant::now();
        let mut answers = self.client.import_resources(requests).await?.into_inner();
        let mut taken = 0;
        while let Some(answer) = answers.message().await? {
            ensure!(
                answer.outcome() == ImportOutcome::Taken,
                "entry {} was not taken: {:?}",
                answer.number,
                answer.notes
            );
            taken += 1;
        }
        let rate = rate(taken, started);
        let written = self.catalogue.commits().await? - before;
        ensure!(taken == u64::try_from(self.rows)?, "{taken} entries were answered");
        // Besides, each classification keeps its numbers.
        ensure!(written >= taken, "{written} commits were written for {taken} entries");
        Ok(rate)
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        let (raw, payload) = (&self.catalogue.server.raw, &self.payload);
        let started = Instant::now();
        let mut published = stream::iter(0..self.rows)
            .map(|_| raw.publish(format!("ev.raw.entry.{}", Uuid::new_v4()), payload.clone()))
            .buffer_unordered(IN_FLIGHT);
        let mut count = 0;
        while let Some(sequence) = published.next().await {
            sequence.map_err(anyhow::Error::from_boxed).context("a publish was refused")?;
            count += 1;
        }
        Ok(rate(count, started))
    }
}
