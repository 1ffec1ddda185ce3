//! Sealed archives of streams, made by the service on a real nats-server, and what can be wrong with them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::TryStreamExt as _;
use publicdata_archive::offline::Files;
use publicdata_archive::testing::{BUCKET, S3Server};
use publicdata_archive::{Fault, Place, leaf};
use publicdata_audit::client::{LogClient, Selection};
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_event_store::testing::raw::Raw;
use publicdata_identity::{SpiffeId, testing};
use publicdata_proto::audit::v1::archive_service_client::ArchiveServiceClient;
use publicdata_proto::audit::v1::{CreateArchivesRequest, StreamCoverage};
use publicdata_proto::catalog::v1::Role;
use publicdata_service_kit::grpc::{Channel, channel};
use publicdata_service_kit::testing::{Program, free_address};

use crate::bench::{Bench, Doctored, Running, STREAMS, until};

mod faults;
mod kills;

const STREAM: &str = "EXCHANGE";

/// A platform whose service archives.
struct Archived {
    bench: Bench,
    running: Running,
    channel: Channel,
    log: LogClient,
    place: Place,
    folder: PathBuf,
}

impl Archived {
    async fn start() -> Self {
        let mut bench = Bench::on_nats().await;
        let folder = bench.folder.path().join("archive");
        bench.archive = Some(format!("file://{}", folder.display()));
        bench.append_many(5).await;
        let running = bench.start().await;
        Self::of(bench, running, folder).await
    }

    async fn of(bench: Bench, running: Running, folder: PathBuf) -> Self {
        let channel = bench.user(&running, testing::organisation().as_str(), Role::Auditor).await;
        let log = LogClient::new(channel.clone());
        bench.settled(&running).await;
        let place = Place::folder(&folder).unwrap();
        Self { bench, running, channel, log, place, folder }
    }

    async fn create(&self, request: CreateArchivesRequest) -> Result<usize, tonic::Status> {
        create(&self.channel, request).await
    }

    /// Archives all that is logged of the one stream.
    async fn seal(&self) -> Seal {
        let stream = STREAM.to_owned();
        let created = self.create(CreateArchivesRequest { stream, before: None }).await;
        assert_eq!(created.unwrap(), 1);
        // The seal is an event, which has to be logged before it is found.
        until("the seal", async || !self.seals().await.is_empty()).await;
        self.seals().await.remove(0)
    }

    async fn seals(&self) -> Vec<Seal> {
        seals(self.log.archives(STREAM).await.unwrap())
    }

    fn file(&self, seal: &Seal) -> PathBuf {
        self.folder.join(&seal.path)
    }

    async fn coverage(&self) -> StreamCoverage {
        let coverage = self.log.coverage().await.unwrap();
        coverage.into_iter().find(|line| line.stream == STREAM).unwrap()
    }
}

async fn create(channel: &Channel, request: CreateArchivesRequest) -> Result<usize, tonic::Status> {
    let created = ArchiveServiceClient::new(channel.clone()).create_archives(request).await?;
    Ok(created.into_inner().try_collect::<Vec<_>>().await?.len())
}

/// R23.2: what is archived is what was stored, proven by the log's signed tree, and named by a seal that stands in the log itself.
#[tokio::test]
async fn events_are_archived_and_proven() {
    let archived = Archived::start().await;

    let seal = archived.seal().await;

    assert_eq!((seal.first_sequence, seal.last_sequence), (1, 5));
    let verifier = &archived.running.verifier;
    let (archive, proven) = archived.place.verify(&seal, verifier).await.unwrap();
    let stored = archived.bench.store.read(STREAM, 1, None).await.unwrap();
    let stored: Vec<_> = stored.try_collect().await.unwrap();
    let rows: Vec<_> = archive.rows().unwrap().map(|row| row.unwrap().recorded).collect();
    assert_eq!(rows, stored);
    assert_eq!(archived.coverage().await.archived_sequence, 5);
    archived.log.continues(verifier, archive.checkpoint(), &proven).await.unwrap().unwrap();
    assert_eq!(archived.running.verify(&archived.log).await.findings, []);
}

/// H2: what is archived is not archived again; what comes after it follows without a gap.
#[tokio::test]
async fn archives_follow_one_another() {
    let archived = Archived::start().await;
    let of_stream = || CreateArchivesRequest { stream: STREAM.to_owned(), before: None };
    archived.seal().await;

    assert_eq!(archived.create(of_stream()).await.unwrap(), 0);
    archived.bench.append_many(3).await;
    archived.bench.settled(&archived.running).await;
    assert_eq!(archived.create(of_stream()).await.unwrap(), 1);

    until("the seals", async || archived.seals().await.len() == 2).await;
    let seals = archived.seals().await;
    let spans: Vec<_> =
        seals.iter().map(|seal| (seal.first_sequence, seal.last_sequence)).collect();
    assert_eq!(spans, [(1, 5), (6, 8)]);
}

/// R23.2: nothing that was received at or after the moment that is named goes into an archive.
#[tokio::test]
async fn younger_events_stay_out() {
    let archived = Archived::start().await;
    let commits = archived.bench.store.read(STREAM, 3, None).await.unwrap();
    let commits: Vec<_> = commits.try_collect().await.unwrap();
    let before = Some(leaf::to_proto(commits[0].recorded_at));

    let stream = STREAM.to_owned();
    archived.create(CreateArchivesRequest { stream, before }).await.unwrap();

    assert_eq!(archived.coverage().await.archived_sequence, 2);
}

/// H2: two services that archive at once make one row of archives.
#[tokio::test]
async fn two_archivists_make_one_row() {
    let archived = Archived::start().await;
    let second = archived.bench.start().await;
    let user = testing::organisation();
    let channel = archived.bench.user(&second, user.as_str(), Role::Auditor).await;
    second.reaches(archived.bench.events().await).await;
    let all = CreateArchivesRequest::default;

    let (first, other) = tokio::join!(create(&archived.channel, all()), create(&channel, all()));

    // Whoever was slower says so, or finds nothing left to do.
    assert!(first.is_ok() || other.is_ok(), "{first:?}, {other:?}");
    create(&archived.channel, all()).await.unwrap();
    until("the seals", async || !archived.seals().await.is_empty()).await;
    let mut next = 1;
    for seal in archived.seals().await {
        assert_eq!(seal.first_sequence, next);
        next = seal.last_sequence + 1;
        archived.place.verify(&seal, &archived.running.verifier).await.unwrap();
    }
}

/// R23.2: a byte that was changed, a file that was cut short, swapped or is missing: each is refused and named.
#[tokio::test]
async fn tampered_archives_are_refused() {
    let archived = Archived::start().await;
    let seal = archived.seal().await;
    let path = archived.file(&seal);
    let whole = std::fs::read(&path).unwrap();
    let verifier = &archived.running.verifier;
    let fault = async || archived.place.verify(&seal, verifier).await.unwrap_err();

    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    assert!(matches!(fault().await.fault, Fault::Altered { .. }));
    assert_eq!(fault().await.path, seal.path);

    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(fault().await.fault, Fault::Size { .. }));

    std::fs::remove_file(&path).unwrap();
    assert!(matches!(fault().await.fault, Fault::Missing));
}

/// R23.2: an event that is not as it was logged is not archived, and is named.
#[tokio::test]
async fn changed_events_are_not_archived() {
    let mut bench = Bench::on_nats().await;
    let folder = bench.folder.path().join("archive");
    bench.archive = Some(format!("file://{}", folder.display()));
    bench.append_many(5).await;
    let running = bench.start().await;
    bench.settled(&running).await;
    drop(running);
    let changed = Doctored::store(&bench, |mut recorded| {
        if recorded.stream == STREAM && recorded.sequence == 3 {
            recorded.payload = b"something else".as_slice().into();
        }
        Some(recorded)
    });
    let running = bench.start_on(changed).await;
    let archived = Archived::of(bench, running, folder).await;

    let refused =
        archived.create(CreateArchivesRequest { stream: STREAM.to_owned(), before: None });

    let refused = refused.await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::DataLoss);
    assert!(refused.message().contains("event 3 of stream EXCHANGE"), "{refused}");
    assert_eq!(archived.coverage().await.archived_sequence, 0);
}

/// R23.2: a place that takes nothing in is said, and nothing is sealed.
#[tokio::test]
async fn unwritable_place_seals_nothing() {
    let archived = Archived::start().await;
    // Where the folder of the stream should be, there is a file.
    std::fs::write(archived.folder.join(STREAM), b"in the way").unwrap();

    let refused =
        archived.create(CreateArchivesRequest { stream: STREAM.to_owned(), before: None });

    let refused = refused.await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    assert!(refused.message().contains("cannot be written"), "{refused}");
    assert_eq!(archived.coverage().await.archived_sequence, 0);
}

/// R23.2: without a place, whoever asks is told what to set.
#[tokio::test]
async fn without_a_place_nothing_is_archived() {
    let bench = Bench::in_memory();
    let running = bench.start().await;
    let user = testing::organisation();
    let channel = bench.user(&running, user.as_str(), Role::Auditor).await;
    running.reaches(1).await;

    let refused = create(&channel, CreateArchivesRequest::default()).await.unwrap_err();

    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert!(refused.message().contains("audit.archive.url"), "{refused}");
}

/// R23.2: the story is told from archives alone, offline, in the order of the log.
#[tokio::test]
async fn archives_tell_the_story_offline() {
    let archived = Archived::start().await;
    archived.create(CreateArchivesRequest::default()).await.unwrap();
    let told = |path: &Path| {
        let events = Files::find(path).unwrap().events(&archived.running.verifier);
        events.collect::<Result<Vec<_>, _>>()
    };

    let events = told(&archived.folder).unwrap();

    let logged = archived.log.logged(Selection::default()).await.unwrap();
    let logged: Vec<_> = logged.try_collect().await.unwrap();
    let pairs: Vec<_> = events.iter().map(|row| (row.log_index, &row.recorded.payload)).collect();
    let expected: Vec<_> = logged.iter().map(|event| (event.index, &event.payload)).collect();
    assert_eq!(pairs, expected[..pairs.len()]);
    assert!(pairs.len() > 15);

    // One byte of one file is enough to have it refused.
    until("the seals", async || !archived.seals().await.is_empty()).await;
    let path = archived.file(&archived.seals().await[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let refused = told(&archived.folder).unwrap_err();
    assert_eq!(refused.path, path.display().to_string());
}

/// R23.2: the service archives to a bucket by the key in its environment, and whoever holds one may prove what is there; with another key
/// it says so, and seals nothing.
#[tokio::test]
async fn archives_go_to_a_bucket() {
    let server = S3Server::start().await;
    let mut bench = Bench::on_nats_over_tls(&STREAMS).await;
    let url = format!("s3://{BUCKET}/streams");
    bench.archive = Some(url.clone());
    bench.append_many(5).await;
    // Makes the tables, and whoever asks known.
    let running = bench.start().await;
    let user = bench.user(&running, testing::organisation().as_str(), Role::Auditor).await;
    bench.settled(&running).await;
    drop((running, user));
    let id = SpiffeId::user(&testing::domain(), testing::organisation(), "account-1").unwrap();
    let auditor = testing::credentials(&bench.certificates, &id);
    let service = testing::service("audit");
    let credentials = testing::credentials(&bench.certificates, &service);
    let archive = async |settings| {
        let address = free_address();
        let config = bench.write_config(address);
        let program = env!("CARGO_BIN_EXE_publicdata-audit");
        let mut process = Program::start_in(program, &config, settings);
        process.serves(address, &credentials, &service).await;
        let channel = channel(&address.to_string(), &auditor, &service).unwrap();
        let created = create(&channel, CreateArchivesRequest::default()).await;
        process.terminate().await;
        created
    };

    let refused = archive(server.settings_as(&server.key.0, "another")).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    assert!(refused.message().contains("of bucket `archives`"), "{refused}");
    assert!(archive(server.settings()).await.unwrap() > 0);

    let running = bench.start().await;
    let auditor =
        LogClient::new(bench.user(&running, testing::organisation().as_str(), Role::Auditor).await);
    until("the seals", async || !auditor.archives(STREAM).await.unwrap().is_empty()).await;
    let (_, seal) = auditor.archives(STREAM).await.unwrap().remove(0);
    assert_eq!((seal.first_sequence, seal.last_sequence), (1, 5));
    let place = Place::open_with(&url, server.settings()).unwrap();
    place.verify(&seal, &running.verifier).await.unwrap();
    server.overwrite(&format!("streams/{}", seal.path), vec![0; seal.bytes as usize]).await;
    let tampered = place.verify(&seal, &running.verifier).await.unwrap_err();
    assert!(matches!(tampered.fault, Fault::Altered { .. }), "{tampered:?}");
    assert_eq!(tampered.path, seal.path);
}

/// R23.2: whoever sets a limit to a stream is found before an event is lost.
#[tokio::test]
async fn limits_are_found_before_anything_is_lost() {
    let archived = Archived::start().await;
    let administrator =
        Raw::connect(&archived.bench.nats.as_ref().unwrap().server.url()).await.unwrap();

    administrator.set_max_age(STREAM, Duration::from_hours(24 * 365 * 10)).await.unwrap();

    let risks = async || archived.coverage().await.risks;
    until("the risk", async || !risks().await.is_empty()).await;
    assert_eq!(risks().await, ["max_age must be 0"]);
    let report = archived.running.verify(&archived.log).await;
    let line = report.streams.iter().find(|line| line.stream == STREAM).unwrap();
    assert_eq!(line.risks, ["max_age must be 0"]);

    administrator.set_max_age(STREAM, Duration::ZERO).await.unwrap();
    until("the end of the risk", async || risks().await.is_empty()).await;
}

fn seals(listed: Vec<(u64, Seal)>) -> Vec<Seal> {
    listed.into_iter().map(|(_, seal)| seal).collect()
}
