//! Events that a stream has dropped once archives held them, on a real nats-server: everything that the service does goes on.

use std::path::PathBuf;
use std::sync::Arc;

use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use publicdata_audit::client::{History, LogClient, Which};
use publicdata_audit::config::ArchiveConfig;
use publicdata_event_store::jetstream::{Droppable, JetStreamStore, StreamOptions};
use publicdata_event_store::restore::Restoring;
use publicdata_event_store::{EventStore as _, Recorded, Subject};
use publicdata_identity::testing;
use publicdata_proto::audit::v1::archive_service_client::ArchiveServiceClient;
use publicdata_proto::audit::v1::{
    CreateArchivesRequest, ReleaseSourceRequest, ReleaseSourceResponse, StreamCoverage,
};
use publicdata_proto::catalog::v1::Role;
use publicdata_service_kit::grpc::Channel;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::bench::{AUDIT, Bench, Running, STREAMS, commit, organisation, until};

const STREAM: &str = "EXCHANGE";
const SUPERVISOR: &str = "11510100MB1234567K";
const HOURS_A_DAY: i64 = 24;

/// A platform whose stream has four events that are older than five years, and one that is not.
struct Old {
    bench: Bench,
    running: Running,
    log: LogClient,
    supervisor: Channel,
    auditor: Channel,
    operator: Arc<JetStreamStore>,
    folder: PathBuf,
    events: Vec<Recorded>,
}

impl Old {
    async fn start() -> Self {
        let events: Vec<Recorded> =
            (1..).zip([3_000, 2_900, 2_800, 2_700, 30]).map(|(at, age)| event(at, age)).collect();
        let restored = events.clone();
        let mut bench = Bench::on_restored(move |data| {
            let mut restoring = Restoring::begin(data, StreamOptions::new(STREAM, 1)).unwrap();
            restored.iter().for_each(|event| restoring.push(event).unwrap());
            restoring.finish().unwrap();
        })
        .await;
        let folder = bench.folder.path().join("archive");
        bench.archive = Some(format!("file://{}", folder.display()));
        let running = start(&bench).await;
        let code = testing::organisation();
        let auditor = bench.user(&running, code.as_str(), Role::Auditor).await;
        let supervisor = bench.user(&running, SUPERVISOR, Role::Authority).await;
        bench.settled(&running).await;
        let operator = Arc::new(bench.nats.as_ref().unwrap().connect("operator").await);
        let log = LogClient::new(auditor.clone());
        Self { bench, running, log, supervisor, auditor, operator, folder, events }
    }

    async fn restart(&mut self) {
        self.running = start(&self.bench).await;
        self.auditor = self.bench.auditor_channel(&self.running).await;
        self.log = LogClient::new(self.auditor.clone());
        // It has looked for releases.
        until("the stream to be read", async || {
            self.coverage().await.check.is_some_and(|check| check.rounds > 0)
        })
        .await;
    }

    /// Archives all that was received before the young one: two archives, the second after what came meanwhile.
    async fn archive(&self) {
        for last in [2, 4] {
            let before = self.events[last].recorded_at;
            let before = Some(publicdata_archive::leaf::to_proto(before));
            let stream = STREAM.to_owned();
            let request = CreateArchivesRequest { stream, before };
            let mut client = ArchiveServiceClient::new(self.auditor.clone());
            let created = client.create_archives(request);
            let created: Vec<_> = created.await.unwrap().into_inner().try_collect().await.unwrap();
            assert_eq!(created.len(), 1);
        }
        self.bench.settled(&self.running).await;
    }

    async fn release(&self, by: &Channel, stream: &str) -> Result<ReleaseSourceResponse, Status> {
        let request = ReleaseSourceRequest { stream: stream.to_owned() };
        let answer = ArchiveServiceClient::new(by.clone()).release_source(request).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn coverage(&self) -> StreamCoverage {
        let coverage = self.log.coverage().await.unwrap();
        coverage.into_iter().find(|line| line.stream == STREAM).unwrap()
    }

    async fn logged(&self) -> Vec<Vec<u8>> {
        let history = History::new(self.log.clone(), None);
        let events = history.read(STREAM, 1, None).await.unwrap();
        events.map_ok(|event| event.payload.to_vec()).try_collect().await.unwrap()
    }
}

/// The service, which archives nothing by itself.
async fn start(bench: &Bench) -> Running {
    let mut config = bench.config();
    config.archive = config.archive.map(|archive| ArchiveConfig { after_days: 36_500, ..archive });
    bench.start_as(Arc::clone(&bench.store), config).await
}

fn event(sequence: u64, age_days: i64) -> Recorded {
    let commit = commit(&organisation(sequence), None);
    Recorded {
        stream: STREAM.to_owned(),
        sequence,
        subject: Subject::new("exchange", "thing", &Uuid::new_v4().to_string()).unwrap(),
        recorded_at: now() - SignedDuration::from_hours(age_days * HOURS_A_DAY),
        message_id: commit.command_id.to_string(),
        traceparent: None,
        payload: commit.encode(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the server compares ages with its own clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// R23.2: events that were kept for five years are released when archives hold them, and dropped; after that the log is verified, told and
/// proven as before, the check of what is logged goes on, and so do the archives. So it is for a service that starts then.
#[tokio::test]
async fn dropped_events_stay_provable() {
    let mut old = Old::start().await;
    old.archive().await;

    let released = old.release(&old.supervisor, STREAM).await.unwrap();
    assert_eq!((released.last_sequence, released.archives), (4, 2));
    let again = old.release(&old.supervisor, STREAM).await.unwrap();
    assert_eq!((again.last_sequence, again.archives), (4, 0));
    old.bench.settled(&old.running).await;
    let said = old.log.released(STREAM).await.unwrap().unwrap();
    assert_eq!(said.release.last_sequence, 4);
    assert_eq!(said.release.author.as_str(), SUPERVISOR);

    // Rather than wait until it looks for releases again, it is started again; and once more when the stream has dropped its events.
    for dropped in [false, true] {
        old.restart().await;
        if !dropped {
            let what = Droppable { last: old.events[3].clone(), not_before: Timestamp::MIN };
            assert_eq!(old.operator.drop_released(&what).await.unwrap(), 4);
        }
        let report = old.running.verify(&old.log).await;
        assert_eq!(report.findings, []);
        let payloads: Vec<_> = old.events.iter().map(|event| event.payload.to_vec()).collect();
        assert_eq!(old.logged().await, payloads);
        let which = Which::Position { stream: STREAM.to_owned(), sequence: 1 };
        old.log.prove(&old.running.verifier, which).await.unwrap();
        until("a round of the check", async || {
            let check = old.coverage().await.check.unwrap();
            check.rounds > 0 && check.checked_sequence == 5
        })
        .await;
        let coverage = old.coverage().await;
        let check = coverage.check.unwrap();
        assert_eq!((check.changed_count, check.findings), (0, vec![]));
        assert_eq!((coverage.archived_sequence, coverage.risks), (4, vec![]));
    }

    let stream = STREAM.to_owned();
    let request = CreateArchivesRequest { stream, before: None };
    let created = ArchiveServiceClient::new(old.auditor.clone()).create_archives(request).await;
    let created: Vec<_> = created.unwrap().into_inner().try_collect().await.unwrap();
    let archive = created[0].archive.clone().unwrap();
    assert_eq!((archive.first_sequence, archive.last_sequence), (5, 5));
}

/// R23.2, R45.1: auditors cannot release, nor anyone a stream that is needed whole, what is not archived, or what is in an archive that was
/// tampered with or is missing; nothing is recorded then.
#[tokio::test]
async fn what_must_stay_is_not_released() {
    let old = Old::start().await;

    let none = old.release(&old.supervisor, STREAM).await.unwrap();
    assert_eq!((none.last_sequence, none.archives), (0, 0));
    old.archive().await;
    let denied = old.release(&old.auditor, STREAM).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied, "{denied}");
    for stream in [STREAMS[0], AUDIT] {
        let needed = old.release(&old.supervisor, stream).await.unwrap_err();
        assert_eq!(needed.code(), Code::FailedPrecondition, "{needed}");
        assert!(needed.message().contains("needed whole"), "{needed}");
    }

    let seals = old.log.archives(STREAM).await.unwrap();
    let file = old.folder.join(&seals[1].1.path);
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    std::fs::write(&file, changed).unwrap();
    let refused = old.release(&old.supervisor, STREAM).await.unwrap_err();
    assert_eq!(refused.code(), Code::DataLoss, "{refused}");
    assert!(refused.message().contains("its file was altered"), "{refused}");
    std::fs::remove_file(&file).unwrap();
    let refused = old.release(&old.supervisor, STREAM).await.unwrap_err();
    assert!(refused.message().contains("its file is missing"), "{refused}");
    assert_eq!(old.log.released(STREAM).await.unwrap(), None);

    std::fs::write(&file, whole).unwrap();
    assert_eq!(old.release(&old.supervisor, STREAM).await.unwrap().last_sequence, 4);
}
