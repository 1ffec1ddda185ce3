//! The service is killed, again and again, while it archives.

use std::collections::BTreeSet;
use std::time::Instant;

use publicdata_archive::place::UNSEALED;
use publicdata_archive::seal;
use publicdata_event_store::{Error as StoreError, Recorded};
use publicdata_identity::Credentials;
use publicdata_proto::audit::v1::StreamArchived;
use publicdata_types::Digest;
use rand::Rng as _;

use super::*;
use crate::bench::{AUDIT, TIMEOUT};
use crate::crash::seeded;

const KILLS: usize = 30;

/// When a process is killed.
enum Moment {
    /// So long after it serves, whatever it does then.
    Serving(Duration),
    /// As soon as a file is being written, and a little further.
    Writing { further: Duration },
}

/// Where kills came, as far as it shows from outside.
#[derive(Debug, Default)]
struct Hits {
    /// While a file was being written.
    in_file: usize,
    /// After a file was stored, and before it was sealed.
    before_seal: usize,
    /// After it was sealed, and before whoever asked was answered.
    before_answer: usize,
}

/// What is left after a kill.
struct Left {
    seals: Vec<Seal>,
    files: BTreeSet<PathBuf>,
    unfinished: usize,
}

/// H1, H2, R23.2: a service that is killed with `kill -9` at any step of archiving, again and again, never seals what is not there, and in the
/// end each event is in one sealed archive, archives follow one another, and the log goes on. What else is left are files that no seal names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archives_are_whole_over_kills_of_the_process() {
    let mut random = seeded();
    let mut bench = Bench::on_nats_over_tls(&STREAMS).await;
    let folder = bench.folder.path().join("archive");
    bench.archive = Some(format!("file://{}", folder.display()));
    // Makes the tables, and whoever asks known.
    let running = bench.start().await;
    let user = bench.user(&running, testing::organisation().as_str(), Role::Auditor).await;
    drop((running, user));
    let id = SpiffeId::user(&testing::domain(), testing::organisation(), "account-1").unwrap();
    let auditor = testing::credentials(&bench.certificates, &id);

    let (mut hits, mut unsealed) = (Hits::default(), BTreeSet::new());
    let mut before = left(&bench, &folder).await;
    for _ in 0..KILLS {
        let moment = match random.random_bool(0.2) {
            true => Moment::Serving(Duration::from_millis(random.random_range(0..250))),
            false => {
                Moment::Writing { further: Duration::from_micros(random.random_range(0..25_000)) }
            }
        };
        let comes = moment.comes(&folder, before.unfinished);
        let answered = killed_while_archiving(&bench, &auditor, comes).await;
        let after = left(&bench, &folder).await;
        hits.in_file += usize::from(after.unfinished > before.unfinished);
        hits.before_answer += usize::from(after.seals.len() > before.seals.len() + answered);
        let sealed: BTreeSet<_> = after.seals.iter().map(|seal| folder.join(&seal.path)).collect();
        let orphans: Vec<_> = after.files.difference(&sealed).cloned().collect();
        let found = orphans.into_iter().filter(|file| unsealed.insert(file.clone())).count();
        hits.before_seal += usize::from(found > 0);
        before = after;
    }
    tell(&hits);

    assert!(hits.in_file + hits.before_seal + hits.before_answer > 0, "no kill hit an archive");
    archive_the_rest(&bench, &auditor).await;
    let running = bench.start().await;
    let archived = Archived::of(bench, running, folder).await;
    let seals = seals(archived.log.archives("").await.unwrap());
    for stream in STREAMS {
        let last = archived.bench.store.last_sequence(stream).await.unwrap();
        assert_eq!(every_event_once(&archived, stream, &seals).await, last, "{stream}");
    }
    assert!(every_event_once(&archived, AUDIT, &seals).await > 0);
    assert_eq!(archived.running.verify(&archived.log).await.findings, []);
}

/// A process that is made to archive without a pause, and then killed; how many archives it told of.
async fn killed_while_archiving(
    bench: &Bench,
    auditor: &Credentials,
    comes: impl Future<Output = ()>,
) -> usize {
    let (process, channel) = start(bench, auditor).await;
    let mut answered = 0;
    let archiving = async {
        loop {
            bench.append_many(1).await;
            let mut archives = ArchiveServiceClient::new(channel.clone());
            let Ok(created) = archives.create_archives(CreateArchivesRequest::default()).await
            else {
                break;
            };
            let mut created = created.into_inner();
            while let Ok(Some(_)) = created.try_next().await {
                answered += 1;
            }
        }
    };
    // Calls go on while it is killed: they are not cut off before.
    tokio::join!(archiving, async {
        comes.await;
        process.kill9().await;
    });
    answered
}

/// A process that archives what the streams have that others write.
async fn archive_the_rest(bench: &Bench, auditor: &Credentials) {
    let (process, channel) = start(bench, auditor).await;
    let log = LogClient::new(channel.clone());
    until("all to be archived", async || {
        create(&channel, CreateArchivesRequest::default()).await.unwrap();
        let mut coverage = log.coverage().await.unwrap();
        coverage.retain(|line| STREAMS.contains(&line.stream.as_str()));
        coverage.iter().all(|line| line.archived_sequence == line.last_sequence)
    })
    .await;
    process.kill9().await;
}

async fn start(bench: &Bench, auditor: &Credentials) -> (Program, Channel) {
    let service = testing::service("audit");
    let address = free_address();
    let config = bench.write_config(address);
    let mut process = Program::start(env!("CARGO_BIN_EXE_publicdata-audit"), &config);
    let credentials = testing::credentials(&bench.certificates, &service);
    process.serves(address, &credentials, &service).await;
    (process, channel(&address.to_string(), auditor, &service).unwrap())
}

/// Looks at what is left. What is sealed is there, whole.
async fn left(bench: &Bench, folder: &Path) -> Left {
    let commits: Vec<Recorded> = match bench.store.read(AUDIT, 1, None).await {
        // The program makes it.
        Err(StoreError::UnknownStream { .. }) => Vec::new(),
        commits => commits.unwrap().try_collect().await.unwrap(),
    };
    let events = commits.iter().flat_map(|commit| commit.commit().unwrap().events);
    let wires = events.filter_map(|event| event.to_msg::<StreamArchived>().ok());
    let seals: Vec<Seal> = wires.map(|wire| seal::from_wire(wire).unwrap()).collect();
    for seal in &seals {
        let bytes = std::fs::read(folder.join(&seal.path)).unwrap();
        assert_eq!(Digest::of(&bytes), seal.digest, "{}", seal.path);
    }
    let files =
        STREAMS.into_iter().chain([AUDIT]).flat_map(|name| files_of(folder, name)).collect();
    Left { seals, files, unfinished: files_of(folder, UNSEALED).len() }
}

fn files_of(folder: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join(name)).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The sealed archives of a stream hold its events, each once, as they are stored, up to the one that is returned.
async fn every_event_once(archived: &Archived, stream: &str, seals: &[Seal]) -> u64 {
    let mut rows = Vec::new();
    for seal in seals.iter().filter(|seal| seal.stream == stream) {
        let verified = archived.place.verify(seal, &archived.running.verifier).await;
        let (archive, _) = verified.unwrap();
        rows.extend(archive.rows().unwrap().map(|row| row.unwrap().recorded));
    }
    let stored = archived.bench.store.read(stream, 1, None).await.unwrap();
    let stored: Vec<Recorded> = stored.try_collect().await.unwrap();
    assert_eq!(rows, stored[..rows.len()], "{stream}");
    rows.last().map_or(0, |recorded| recorded.sequence)
}

impl Moment {
    /// Waits for it. So many files were on their way already.
    async fn comes(self, folder: &Path, unfinished: usize) {
        let further = match self {
            Self::Serving(after) => after,
            Self::Writing { further } => {
                let writing = async {
                    while files_of(folder, UNSEALED).len() <= unfinished {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::time::timeout(TIMEOUT, writing).await.expect("a file that is written");
                further
            }
        };
        let due = Instant::now() + further;
        while Instant::now() < due {
            tokio::task::yield_now().await;
        }
    }
}

#[expect(clippy::print_stderr, reason = "how much was tried has to be seen")]
fn tell(hits: &Hits) {
    let Hits { in_file, before_seal, before_answer } = hits;
    eprintln!(
        "of {KILLS} kills, {in_file} came while a file was written, {before_seal} before it was sealed, {before_answer} before that was answered"
    );
}
