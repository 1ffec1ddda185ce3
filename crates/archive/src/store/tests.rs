use futures::StreamExt as _;
use jiff::SignedDuration;
use publicdata_audit_domain::archive::Command;
use publicdata_event_store::aggregates::{Aggregates, Meta};
use publicdata_event_store::jetstream::{Droppable, JetStreamStore, Options, StreamOptions};
use publicdata_event_store::restore::Restoring;
use publicdata_event_store::server::{NatsServer, ServerOptions};
use publicdata_event_store::testing::raw::Raw;
use publicdata_types::CommandId;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::StreamArchives;
use crate::tests::Log;

const STREAM: &str = "EXCHANGE";
const HOURS_A_DAY: i64 = 24;
const TODAY: &str = "2026-11-27T00:00:00Z";

/// A server whose stream has five old events and a young one, of three aggregates by turns; the old ones are in two archives, of two events
/// and of three, and are released.
struct Bed {
    server: NatsServer,
    live: Arc<JetStreamStore>,
    events: Vec<Recorded>,
    archives: TempDir,
    _folder: TempDir,
}

impl Bed {
    async fn start() -> Self {
        let (folder, archives) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let events: Vec<_> = [4_000, 3_900, 3_800, 3_700, 3_600, 10].map(age).to_vec();
        let log = Log::of_events((1..).zip(&events).map(|(at, time)| event(at, *time)).collect());
        let mut restoring = Restoring::begin(folder.path(), StreamOptions::new(STREAM, 1)).unwrap();
        for (_, event) in &log.events {
            restoring.push(event).unwrap();
        }
        restoring.finish().unwrap();
        let server = NatsServer::start(ServerOptions::new(folder.path())).await.unwrap();
        let options = Options::new(server.url(), "exchange");
        let live = Arc::new(JetStreamStore::connect(options).await.unwrap());
        live.ensure_stream_with(StreamOptions::new("AUDIT", 1)).await.unwrap();
        let place = Place::folder(archives.path()).unwrap();
        let rows = Aggregates::<StreamArchives>::new(live.clone());
        for range in [0..2, 2..5] {
            let packed = log.pack_part(range, |_| {});
            place.put(&packed).await.unwrap();
            execute(&rows, Command::Seal(log.seal(&packed))).await;
        }
        let events = log.events.iter().map(|(_, event)| event.clone()).collect();
        Self { server, live, events, archives, _folder: folder }
    }

    async fn release(&self) {
        self.release_up_to(5).await;
    }

    async fn release_up_to(&self, last_sequence: u64) {
        let author = "11510100MB1234567K".parse().unwrap();
        let at = TODAY.parse().unwrap();
        let stream = STREAM.to_owned();
        let release = Command::Release { stream, last_sequence, author, at };
        execute(&Aggregates::new(self.live.clone()), release).await;
    }

    /// The operator's part.
    async fn drop_released(&self) {
        let what = Droppable { last: self.events[4].clone(), not_before: Timestamp::MIN };
        assert_eq!(self.live.drop_released(&what).await.unwrap(), 5);
    }

    fn store(&self) -> ArchivedStore {
        ArchivedStore::new(self.live.clone(), Some(Place::folder(self.archives.path()).unwrap()))
    }

    fn of(&self, subject: &Subject) -> Vec<Recorded> {
        self.events.iter().filter(|event| event.subject == *subject).cloned().collect()
    }
}

async fn execute(rows: &Aggregates<StreamArchives>, command: Command) {
    let meta = Meta {
        command_id: CommandId::from_uuid(Uuid::new_v4()),
        actor: "spiffe://example/service/audit".to_owned(),
        at: TODAY.parse().unwrap(),
        traceparent: None,
    };
    rows.execute(STREAM, &meta, command).await.unwrap();
}

fn age(days: i64) -> Timestamp {
    let today: Timestamp = TODAY.parse().unwrap();
    today - SignedDuration::from_hours(days * HOURS_A_DAY)
}

fn subject(turn: u64) -> Subject {
    format!("ev.exchange.transfer.{}", turn % 3).parse().unwrap()
}

fn event(sequence: u64, recorded_at: Timestamp) -> Recorded {
    let commit = new_commit();
    Recorded {
        stream: STREAM.to_owned(),
        sequence,
        subject: subject(sequence),
        recorded_at,
        message_id: commit.command_id.to_string(),
        traceparent: None,
        payload: commit.encode(),
    }
}

fn new_commit() -> NewCommit {
    NewCommit {
        command_id: CommandId::from_uuid(Uuid::new_v4()),
        actor: "spiffe://example/service/exchange".to_owned(),
        occurred_at: TODAY.parse().unwrap(),
        traceparent: None,
        events: vec![],
    }
}

async fn all(commits: Result<Commits, Error>) -> Vec<Recorded> {
    commits.unwrap().try_collect().await.unwrap()
}

/// What readers are told, whatever of it is in archives.
async fn tells_everything(bed: &Bed, store: &ArchivedStore) {
    let events = &bed.events;
    assert_eq!(all(store.read(STREAM, 0, None).await).await, *events);
    assert_eq!(all(store.read(STREAM, 2, None).await).await, events[1..]);
    assert_eq!(all(store.read(STREAM, 6, None).await).await, events[5..]);
    let until = Some(events[3].recorded_at);
    assert_eq!(all(store.read(STREAM, 2, until).await).await, events[1..4]);
    let followed = store.subscribe(STREAM, 3).await.unwrap().take(4);
    assert_eq!(followed.try_collect::<Vec<_>>().await.unwrap(), events[2..]);
    for turn in 0..3 {
        let (subject, own) = (subject(turn), bed.of(&subject(turn)));
        assert_eq!(store.load(&subject, 0).await.unwrap(), own);
        assert_eq!(store.tail(&subject, 0).await.unwrap(), own);
        assert_eq!(store.tail(&subject, own[0].sequence).await.unwrap(), own[1..]);
        assert_eq!(store.load(&subject, own[1].sequence).await.unwrap(), []);
    }
    let unknown = "ev.exchange.transfer.none".parse().unwrap();
    assert_eq!(store.load(&unknown, 0).await.unwrap(), []);
    assert_eq!(store.last_sequence(STREAM).await.unwrap(), 6);
}

/// R23.2: readers are told the same before a release, after it, and when the stream has dropped its events; so is one that began before.
#[tokio::test]
async fn readers_do_not_notice_what_the_stream_has_dropped() {
    let bed = Bed::start().await;
    let renew_after = Duration::ZERO;
    let lease = Lease { renew_after, ..Lease::default() };
    let place = Place::folder(bed.archives.path()).unwrap();
    let before = ArchivedStore::with_lease(bed.live.clone(), Some(place), lease);
    tells_everything(&bed, &before).await;

    bed.release_up_to(2).await;
    tells_everything(&bed, &before).await;
    bed.release().await;
    tells_everything(&bed, &before).await;
    tells_everything(&bed, &bed.store()).await;

    bed.drop_released().await;
    tells_everything(&bed, &before).await;
    tells_everything(&bed, &bed.store()).await;
    assert_eq!(before.first_sequence(STREAM).await.unwrap(), 5);
}

/// R23.2: who is still reading when what comes next is dropped goes on in archives, though a release was not known when the reading began.
#[tokio::test]
async fn readers_go_on_where_the_stream_drops_what_comes_next() {
    let bed = Bed::start().await;
    let lease = Lease { renew_after: Duration::ZERO, ..Lease::default() };
    let place = Place::folder(bed.archives.path()).unwrap();
    let store = ArchivedStore::with_lease(bed.live.clone(), Some(place), lease);
    let until = Some(bed.events[3].recorded_at);
    let (from_start, later) =
        (store.read(STREAM, 0, None).await, store.read(STREAM, 3, until).await);
    let followed = store.subscribe(STREAM, 2).await.unwrap();

    bed.release_up_to(2).await;
    let after_a_release = store.read(STREAM, 1, None).await;
    bed.release().await;
    bed.drop_released().await;

    assert_eq!(all(from_start).await, bed.events);
    assert_eq!(all(later).await, bed.events[2..4]);
    assert_eq!(all(after_a_release).await, bed.events);
    let followed = followed.take(5).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(followed, bed.events[1..]);
}

/// R23.2, H1: an aggregate whose events have left the stream is decided on as if they had not: it cannot begin again, a repeated command
/// is known, a stale decision is refused, and it goes on after its last event.
#[tokio::test]
async fn archived_aggregates_go_on() {
    let bed = Bed::start().await;
    bed.release().await;
    bed.drop_released().await;
    let store = bed.store();
    // Both of its events have left the stream.
    let (subject, own) = (subject(1), bed.of(&subject(1)));
    assert_eq!([own[0].sequence, own[1].sequence], [1, 4]);

    for stale in [0, 1] {
        let refused = store.append(&subject, stale, new_commit()).await;
        assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
    }
    let again = NewCommit { command_id: own[1].message_id.parse().unwrap(), ..new_commit() };
    let repeated = store.append(&subject, 1, again).await.unwrap();
    assert_eq!((repeated.sequence, repeated.repeated), (4, true));

    let next = new_commit();
    let appended = store.append(&subject, 4, next.clone()).await.unwrap();
    assert_eq!((appended.sequence, appended.repeated), (7, false));
    let repeated = store.append(&subject, 4, next).await.unwrap();
    assert_eq!((repeated.sequence, repeated.repeated), (7, true));
    let refused = store.append(&subject, 4, new_commit()).await;
    assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.append(&subject, 7, new_commit()).await.unwrap().sequence, 8);
    let sequences: Vec<u64> =
        store.tail(&subject, 0).await.unwrap().iter().map(|commit| commit.sequence).collect();
    assert_eq!(sequences, [1, 4, 7, 8]);

    let new = "ev.exchange.transfer.new".parse().unwrap();
    assert_eq!(store.append(&new, 0, new_commit()).await.unwrap().sequence, 9);
}

/// R23.2: the same while events are released and still in the stream.
#[tokio::test]
async fn released_aggregates_go_on() {
    let bed = Bed::start().await;
    bed.release().await;
    let (store, subject) = (bed.store(), subject(1));

    let refused = store.append(&subject, 0, new_commit()).await;
    assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.append(&subject, 4, new_commit()).await.unwrap().sequence, 7);
    let refused = store.append(&subject, 4, new_commit()).await;
    assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
}

/// R23.2: where archives cannot be read, nothing is decided on half of an aggregate, and who asks is told why; what is in the stream can
/// be read on.
#[tokio::test]
async fn missing_archives_are_told() {
    let bed = Bed::start().await;
    bed.release().await;
    bed.drop_released().await;

    let nowhere = ArchivedStore::new(bed.live.clone(), None);
    let told = text(&nowhere.load(&subject(1), 0).await.unwrap_err());
    assert!(told.contains("up to 5 are in archives; say where"), "{told}");
    let appended = nowhere.append(&subject(1), 0, new_commit()).await;
    assert!(matches!(appended, Err(AppendError::Store(Error::Unavailable { .. }))));
    assert!(nowhere.read(STREAM, 1, None).await.is_err());
    assert_eq!(all(nowhere.read(STREAM, 6, None).await).await, bed.events[5..]);
    assert_eq!(nowhere.append(&subject(0), 6, new_commit()).await.unwrap().sequence, 7);

    let file = std::fs::read_dir(bed.archives.path().join(STREAM)).unwrap();
    let mut files: Vec<_> = file.map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut bytes = std::fs::read(&files[1]).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&files[1], bytes).unwrap();
    let store = bed.store();
    let told = text(&store.load(&subject(1), 0).await.unwrap_err());
    assert!(told.contains("its file was altered"), "{told}");
    let mut commits = store.read(STREAM, 1, None).await.unwrap();
    let mut read = Vec::new();
    while let Some(commit) = commits.next().await {
        read.push(commit.map_err(|error| text(&error)));
    }
    // Nothing is told as if it followed.
    assert_eq!(read.len(), 3, "{read:?}");
    assert!(read[2].as_ref().is_err_and(|told| told.contains("its file was altered")), "{read:?}");
}

/// H1: events that are gone and that no archive was released for are not taken for events that never were.
#[tokio::test]
async fn lost_events_are_told() {
    let bed = Bed::start().await;
    let raw = Raw::connect(&bed.server.url()).await.unwrap();
    raw.trim(STREAM, 3).await.unwrap();

    let store = bed.store();

    let told = text(&store.load(&subject(1), 0).await.unwrap_err());
    assert!(told.contains("has lost its events up to 3"), "{told}");
    let appended = store.append(&subject(1), 0, new_commit()).await;
    assert!(matches!(appended, Err(AppendError::Store(Error::Unavailable { .. }))));
    let read: Result<Vec<_>, _> = store.read(STREAM, 1, None).await.unwrap().try_collect().await;
    assert!(matches!(read, Err(Error::Gap { expected: 1, found: 4, .. })), "{read:?}");
}

fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
