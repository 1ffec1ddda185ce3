//! A catalogue as large as wanted: a stream filled with its events, and a catalogue service, as a process of its own, that
//! keeps views and index of them.

mod bare;
mod filings;
mod growth;
mod import;
mod rebuild;
mod search;
mod service;

pub(super) use growth::{PLANS, Shelf, Work};
pub(super) use service::serve;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use prost_types::Any;
use publicdata_catalog::codec::{Organisation, Resource};
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::testing::raw::BATCH_COMMITS_MAX;
use publicdata_event_store::{EventStore as _, NewCommit, Subject};
use publicdata_identity::SpiffeId;
use publicdata_proto::catalog::v1::{
    OrganisationRegistered, ResourceDrafted, ResourcePublished, ResourceSubmitted, Role,
};
use publicdata_service_kit::grpc::{Channel, channel};
use publicdata_types::OrganisationCode;
use uuid::Uuid;

use super::authority::Authority;
use super::memory::Watch;
use super::role::Player;
use super::server::Server;
use super::{Setting, entry, say};
use filings::{Filings, Provider};

pub(super) const STREAM: &str = "CATALOG";
const AUTHORITY: &str = "11510100MB0000001Y";
const CITY: &str = "510100";
/// How long a call may take in a catalogue of this size, with a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(300);

/// Everything that the figures of one size have in common.
pub(super) struct Catalogue {
    // The process ends before the server that it is connected to.
    process: Option<Player>,
    server: Server,
    filings: Filings,
    providers: Vec<Provider>,
    /// How many entries it had at first.
    entries: usize,
    /// How many were imported since.
    imported: usize,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Catalogue {
    /// Fills a stream with the events of so many published entries.
    pub(super) async fn fill(setting: &Setting, entries: usize) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&setting.folder)?;
        let server = Server::start(&setting.folder).await?;
        server.store.ensure_stream(STREAM, &["ev.catalog.>".to_owned()], 1).await?;
        server.store.ensure_stream("EXCHANGE", &["ev.exchange.>".to_owned()], 1).await?;
        let authority = Authority::create(&service::authority(folder.path()))?;
        let filings = Filings::read()?;
        let providers = filings.providers()?;
        let catalogue = Self {
            process: None,
            server,
            filings,
            providers,
            entries,
            imported: 0,
            authority,
            folder,
        };
        let id = SpiffeId::service(catalogue.authority.domain(), service::NAME)?;
        catalogue
            .authority
            .credentials(&id)?
            .save(&service::credentials(catalogue.folder.path()))?;
        say(format_args!("  events of {entries} entries are written"));
        catalogue.write().await?;
        Ok(catalogue)
    }

    /// Starts the service on an empty folder, and waits until views and index hold everything that was written.
    pub(super) async fn rebuild(&mut self) -> anyhow::Result<()> {
        drop(self.process.take());
        let folder = self.folder.path().to_owned();
        let kept = service::kept(&folder);
        if kept.exists() {
            std::fs::remove_dir_all(&kept)?;
        }
        let url = PathBuf::from(self.server.url());
        let log = folder.join("catalog.log");
        let process = Player::start_slowly(vec!["catalogue".into(), folder, url], log);
        self.process = Some(process.await?);
        Ok(())
    }

    /// Has the service run, and the watch see it.
    pub(super) async fn run(&mut self, watch: &Watch) -> anyhow::Result<()> {
        if self.process.is_none() {
            say("  views and index are built");
            self.rebuild().await?;
        }
        self.name(watch);
        Ok(())
    }

    /// Tells the watch which process the service is.
    pub(super) fn name(&self, watch: &Watch) {
        if let Some(process) = &self.process {
            watch.name(process.process(), "catalog");
        }
    }

    /// A connection to the service, as this organisation's user.
    pub(super) fn channel(&self, organisation: &str) -> anyhow::Result<Channel> {
        let process = self.process.as_ref().context("the service runs")?;
        let domain = self.authority.domain();
        let code: OrganisationCode = organisation.parse()?;
        let user = self.authority.credentials(&SpiffeId::user(domain, code, "catalog-01")?)?;
        let service = SpiffeId::service(domain, service::NAME)?;
        Ok(channel(&process.said, &user, &service)?.with_deadline(PATIENCE))
    }

    /// How many commits the stream holds.
    pub(super) async fn commits(&self) -> anyhow::Result<u64> {
        Ok(self.server.store.last_sequence(STREAM).await?)
    }

    async fn write(&self) -> anyhow::Result<()> {
        let mut commits =
            vec![organisation(AUTHORITY, "成都市大数据管理局", CITY, Role::Authority)?];
        for Provider { code, name, region } in &self.providers {
            commits.push(organisation(code, name, region, Role::Provider)?);
        }
        let total = commits.len() + self.entries;
        for number in 0..self.entries {
            commits.push(self.published(number)?);
            if commits.len() == BATCH_COMMITS_MAX {
                self.server.fill(std::mem::take(&mut commits)).await?;
            }
        }
        if !commits.is_empty() {
            self.server.fill(commits).await?;
        }
        let stored = self.commits().await?;
        ensure!(stored == u64::try_from(total)?, "{stored} commits are stored, not {total}");
        Ok(())
    }

    /// An entry that went from draft to publication at once.
    fn published(&self, number: usize) -> anyhow::Result<(Subject, NewCommit)> {
        let description = self.filings.description(&self.providers, number);
        let provider = self.filings.provider(&self.providers, number);
        let code = format!("{}/{:05}", description.classification_code, number + 1);
        let drafted = ResourceDrafted {
            code,
            description: Some(description),
            region_code: provider.region.clone(),
        };
        let published = ResourcePublished { version: 1, published_on: "2026-01-04".to_owned() };
        let events = vec![
            Any::from_msg(&drafted)?,
            Any::from_msg(&ResourceSubmitted {})?,
            Any::from_msg(&published)?,
        ];
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_le_bytes()).to_string();
        commit(Resource::SERVICE, Resource::AGGREGATE, &id, events)
    }
}

fn organisation(
    code: &str,
    name: &str,
    region: &str,
    role: Role,
) -> anyhow::Result<(Subject, NewCommit)> {
    let registered = OrganisationRegistered {
        code: code.to_owned(),
        name: name.to_owned(),
        region_code: region.to_owned(),
        roles: vec![role.into()],
        region_revision: String::new(),
    };
    let events = vec![Any::from_msg(&registered)?];
    commit(Organisation::SERVICE, Organisation::AGGREGATE, code, events)
}

fn commit(
    service: &str,
    aggregate: &str,
    id: &str,
    events: Vec<Any>,
) -> anyhow::Result<(Subject, NewCommit)> {
    let commit = NewCommit { command_id: entry::new_command_id(), events, ..entry::commit()? };
    Ok((Subject::new(service, aggregate, id)?, commit))
}
