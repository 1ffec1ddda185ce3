//! Archives as an event store that is only read.

#![expect(clippy::single_range_in_vec_init, reason = "each range is one archive")]

use std::path::Path;

use futures::TryStreamExt as _;
use publicdata_event_store::{Error, EventStore as _, NewCommit};
use tempfile::TempDir;

use super::*;
use crate::offline::{Files, History, Incomplete};

/// A folder with one archive for each of these parts of the log.
fn folder(log: &Log, parts: &[Range<usize>]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in parts {
        write(folder.path(), &log.pack_part(part.clone(), |_| {}));
    }
    folder
}

fn write(folder: &Path, packed: &Packed) {
    let path = folder.join(packed.path());
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, &packed.bytes).unwrap();
}

fn history(log: &Log, folder: &TempDir, as_of: Option<jiff::Timestamp>) -> History {
    History::new(Files::find(folder.path()).unwrap(), log.verifier(), as_of)
}

async fn read(history: &History, from: u64) -> Result<Vec<Recorded>, Error> {
    history.read(STREAM, from, None).await?.try_collect().await
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// R46.1, H2: what is read from archives is what was stored, in the order of the stream, over the ends of files and of batches, each event
/// once though two files hold it.
#[tokio::test]
async fn archives_are_read_as_the_stream_was() {
    let log = Log::of(&vec![1; 1_300]);
    let stored: Vec<_> = log.events.iter().map(|(_, event)| event.clone()).collect();
    let folder = folder(&log, &[600..1_300, 0..600, 0..20, 550..620]);

    let history = history(&log, &folder, None);

    assert_eq!(read(&history, 0).await.unwrap(), stored);
    assert_eq!(read(&history, 700).await.unwrap(), stored[699..]);
    assert_eq!(history.last_sequence(STREAM).await.unwrap(), 1_300);
    let of = &stored[4].subject;
    let expected: Vec<_> =
        stored[8..].iter().filter(|event| event.subject == *of).cloned().collect();
    assert_eq!(history.load(of, 8).await.unwrap(), expected);
}

/// H2: nothing is told that was recorded after the moment that is named; all that is archived, if that is earlier.
#[tokio::test]
async fn archives_are_read_up_to_a_moment() {
    let log = Log::of(&[0; 9]);
    let folder = folder(&log, &[0..4, 4..9]);
    let of = |place: usize| Some(log.events[place].1.recorded_at);
    let last = async |as_of| history(&log, &folder, as_of).last_sequence(STREAM).await.unwrap();

    assert_eq!(last(of(5)).await, 6);
    assert_eq!(last(Some(jiff::Timestamp::MAX)).await, 9);
    assert_eq!(last(Some(jiff::Timestamp::UNIX_EPOCH)).await, 0);
    let until = history(&log, &folder, of(5)).read(STREAM, 0, of(2)).await.unwrap();
    assert_eq!(until.try_collect::<Vec<_>>().await.unwrap().len(), 3);
}

/// H2, R23.2: a stream that is not there from its first event on, or has a gap between two files, is not told at all: it is said which
/// events are missing.
#[tokio::test]
async fn incomplete_streams_are_refused() {
    let log = Log::of(&[0; 9]);
    for (parts, first, last) in [(vec![3..9], 1, 3), (vec![0..4, 2..5, 7..9], 6, 7)] {
        let history = history(&log, &folder(&log, &parts), None);
        let refused = read(&history, 9).await.unwrap_err();
        let missing = format!("events {first} to {last} of stream EXCHANGE are in none");
        assert!(chain(&refused).contains(&missing), "{}", chain(&refused));
    }

    let folder = folder(&log, &[0..9]);
    let files = Files::find(folder.path()).unwrap();
    assert_eq!(files.whole(STREAM), Ok(9));
    let absent = Incomplete { stream: "CATALOG".to_owned(), first: 1, last: None };
    assert_eq!(files.whole("CATALOG"), Err(absent));
    let absent = history(&log, &folder, None).read("CATALOG", 1, None).await.err().unwrap();
    assert!(chain(&absent).contains("events 1 and all after it of stream CATALOG"), "{absent}");
}

/// R23.2, H2: no event of a file that does not prove itself is told, and the file is named; nor of one that has taken another's place
/// since the files were found.
#[tokio::test]
async fn tampered_archives_are_not_told() {
    let log = Log::of(&[1; 9]);
    let folder = folder(&log, &[0..4]);
    let forged = |row: &mut Row| row.recorded.payload = Bytes::from_static(b"something else");
    let packed = log.pack_part(4..9, forged);
    write(folder.path(), &packed);
    let history = history(&log, &folder, None);

    let mut commits = history.read(STREAM, 0, None).await.unwrap();

    let mut told = 0;
    let refused = loop {
        match commits.try_next().await {
            Ok(Some(_)) => told += 1,
            Ok(None) => panic!("a file that was tampered with was told"),
            Err(error) => break chain(&error),
        }
    };
    assert_eq!(told, 4);
    assert!(
        refused.contains(&packed.path()) && refused.contains("not those of the log"),
        "{refused}"
    );

    let first = folder.path().join(log.pack_part(0..4, |_| {}).path());
    std::fs::write(first, log.pack_part(2..4, |_| {}).bytes).unwrap();
    let refused = chain(&read(&history, 0).await.unwrap_err());
    assert!(
        refused.contains("event 1 of stream EXCHANGE should come next, and 3 does"),
        "{refused}"
    );
}

/// H2: what was is only read.
#[tokio::test]
async fn archives_are_only_read() {
    let log = Log::of(&[0]);
    let history = history(&log, &folder(&log, &[0..1]), None);

    let commit = NewCommit {
        command_id: "0199a1b2-0000-7000-8000-000000000001".parse().unwrap(),
        actor: String::new(),
        occurred_at: jiff::Timestamp::UNIX_EPOCH,
        traceparent: None,
        events: Vec::new(),
    };
    assert!(history.append(&log.events[0].1.subject, 1, commit).await.is_err());
    assert!(history.subscribe(STREAM, 1).await.is_err());
    assert!(history.risks(STREAM).await.is_err());
}
