//! A stream and its log, of as many events as wanted, and the service that answers from them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use publicdata_audit::client::LogClient;
use publicdata_audit::leaf::Entry;
use publicdata_audit::{keys, log};
use publicdata_audit_domain::Verifier;
use publicdata_event_store::Recorded;
use publicdata_event_store::jetstream::StreamOptions;
use publicdata_event_store::restore::Restoring;
use publicdata_identity::SpiffeId;
use publicdata_service_kit::grpc::channel;
use publicdata_types::OrganisationCode;
use publicdata_views::Database;

use super::events::{self, AUDITOR, CATALOG, EXCHANGE};
use super::service::{self, Part};
use crate::bench::authority::Authority;
use crate::bench::memory::Watch;
use crate::bench::role::Player;
use crate::bench::server::Server;
use crate::bench::{Setting, say};

/// How many events enter the log in one transaction while it is written for others to be measured with.
const BATCH: usize = 16_384;
const TOLD_EVERY: u64 = 1_000_000;

/// When the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Log {
    /// With the stream.
    AtOnce,
    /// By the service, whose work is what is measured.
    Later,
}

/// Everything that the figures of one size have in common.
pub(super) struct Archive {
    // The process ends before the server that it is connected to.
    process: Option<(Part, Player)>,
    pub(super) server: Server,
    /// How many events the stream of the exchange has. Another stream has one.
    pub(super) events: u64,
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Archive {
    /// Writes the stream as files of its server, and the log as the service's writer does.
    pub(super) async fn write(setting: &Setting, events: u64, log: Log) -> anyhow::Result<Self> {
        let folder = |setting: &Setting| {
            tempfile::Builder::new().prefix("bench-").tempdir_in(&setting.folder)
        };
        let (folder, streams) = (folder(setting)?, folder(setting)?);
        let authority = Authority::create(&folder.path().join("authority"))?;
        let id = SpiffeId::service(authority.domain(), service::NAME)?;
        authority.credentials(&id)?.save(&service::credentials(folder.path()))?;
        keys::open(&service::key(folder.path()), service::ORIGIN)?;

        let what = if log == Log::AtOnce { "stream and log" } else { "a stream" };
        say(format_args!("  {what} of {events} events are written"));
        let mut writing = Writing::begin(streams.path(), folder.path(), log).await?;
        writing.push(CATALOG, &events::auditor()?).await?;
        for sequence in 1..=events {
            writing.push(EXCHANGE, &events::event(sequence)?).await?;
            if sequence % TOLD_EVERY == 0 {
                say(format_args!("  {sequence} of {events}"));
            }
        }
        writing.finish().await?;
        let server = Server::on(streams).await?;
        Ok(Self { process: None, server, events, authority, folder })
    }

    /// All events of all streams: what is in the log in the end.
    pub(super) fn leaves(&self) -> u64 {
        self.events + 1
    }

    /// The key that the log is verified with.
    pub(super) fn verifier(&self) -> anyhow::Result<Verifier> {
        let key = keys::open(&service::key(self.folder.path()), service::ORIGIN)?;
        Ok(key.verifier_key().parse()?)
    }

    /// Where the log is.
    pub(super) fn database(&self) -> PathBuf {
        service::database(self.folder.path())
    }

    /// Where whatever is measured may write.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Has the service answer, and the watch see it.
    pub(super) async fn answering(&mut self, watch: &Watch) -> anyhow::Result<()> {
        if !matches!(self.process, Some((Part::Answering, _))) {
            self.start(Part::Answering).await?;
        }
        if let Some((_, process)) = &self.process {
            watch.name_anew(process.process(), service::NAME);
        }
        Ok(())
    }

    /// Ends the service, and drops its log.
    pub(super) fn forget(&mut self) -> anyhow::Result<()> {
        self.process = None;
        let kept = service::kept(self.folder.path());
        if kept.exists() {
            std::fs::remove_dir_all(&kept)?;
        }
        Ok(())
    }

    /// Has the whole service write the log, and waits until every event is in it.
    pub(super) async fn log(&mut self, watch: &Watch) -> anyhow::Result<()> {
        self.start(Part::Whole).await?;
        if let Some((_, process)) = &self.process {
            watch.name(process.process(), service::NAME);
        }
        Ok(())
    }

    /// Whether the log was written, by whoever.
    pub(super) fn is_logged(&self) -> bool {
        self.database().exists()
    }

    /// An auditor's client.
    pub(super) fn auditor(&self) -> anyhow::Result<LogClient> {
        let (_, process) = self.process.as_ref().context("the service runs")?;
        let domain = self.authority.domain();
        let code: OrganisationCode = AUDITOR.parse()?;
        let user = self.authority.credentials(&SpiffeId::user(domain, code, "auditor-01")?)?;
        let service = SpiffeId::service(domain, service::NAME)?;
        Ok(LogClient::new(channel(&process.said, &user, &service)?))
    }

    async fn start(&mut self, part: Part) -> anyhow::Result<()> {
        self.process = None;
        let folder = self.folder.path().to_owned();
        let log = folder.join("audit.log");
        let url = PathBuf::from(self.server.url());
        let arguments = vec!["audit".into(), folder, url, part.to_string().into()];
        self.process = Some((part, Player::start_slowly(arguments, log).await?));
        Ok(())
    }
}

/// Streams and their log on their way to the disk.
struct Writing {
    streams: Vec<(&'static str, Restoring)>,
    log: Option<(Database, log::Log)>,
    entries: Vec<Entry>,
}

impl Writing {
    async fn begin(streams: &Path, folder: &Path, log: Log) -> anyhow::Result<Self> {
        let begin = |name| {
            let options = StreamOptions::new(name, 1);
            anyhow::Ok((name, Restoring::begin(streams, options)?))
        };
        let streams = [CATALOG, EXCHANGE].into_iter().map(begin).collect::<Result<_, _>>()?;
        let log = match log {
            Log::Later => None,
            Log::AtOnce => {
                let database = Database::open(&service::database_url(folder)).await?;
                let key = keys::open(&service::key(folder), service::ORIGIN)?;
                Some((database.clone(), log::Log::open(database, key).await?))
            }
        };
        Ok(Self { streams, log, entries: Vec::new() })
    }

    async fn push(&mut self, stream: &str, recorded: &Recorded) -> anyhow::Result<()> {
        let (_, restoring) = self
            .streams
            .iter_mut()
            .find(|(name, _)| *name == stream)
            .with_context(|| format!("{stream} is written"))?;
        restoring.push(recorded)?;
        if self.log.is_some() {
            self.entries.push(Entry::from(recorded));
        }
        if self.entries.len() >= BATCH {
            self.append().await?;
        }
        Ok(())
    }

    async fn append(&mut self) -> anyhow::Result<()> {
        if let Some((_, log)) = &mut self.log {
            let appended = log.append(&self.entries).await?;
            ensure!(appended.entered.len() == self.entries.len(), "every event enters the log");
            self.entries.clear();
        }
        Ok(())
    }

    async fn finish(mut self) -> anyhow::Result<()> {
        self.append().await?;
        for (_, stream) in self.streams {
            stream.finish()?;
        }
        if let Some((database, log)) = self.log {
            drop(log);
            database.close().await;
        }
        Ok(())
    }
}
