use std::ops::Range;

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use proptest::prelude::*;
use prost::Message as _;
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_audit_domain::tree::{Hashes, cover_indexes};
use publicdata_audit_domain::{Checkpoint, LogKey, Tree, Verifier};
use publicdata_event_store::Recorded;
use publicdata_types::Digest;

use super::*;
use crate::layout::{self, key};

mod bucket;
mod folder;
mod history;

const STREAM: &str = "EXCHANGE";
const ORIGIN: &str = "test.internal/audit";

/// A log of two streams, in which each event of `EXCHANGE` has so many of the other stream before it.
pub(crate) struct Log {
    tree: Tree,
    hashes: Hashes,
    pub(crate) events: Vec<(u64, Recorded)>,
    key: LogKey,
}

impl Log {
    fn of(gaps: &[u64]) -> Self {
        let (mut tree, mut hashes, mut events) = (Tree::default(), Hashes::default(), Vec::new());
        for (gap, sequence) in gaps.iter().zip(1..) {
            for other in 0..*gap {
                hashes.extend(tree.append(format!("other {other}").as_bytes()));
            }
            let event = event(sequence);
            events.push((tree.size(), event.clone()));
            hashes.extend(tree.append(&leaf::of(&event).encode_to_vec()));
        }
        let key = LogKey::from_seed(ORIGIN, [7; 32]).unwrap();
        Self { tree, hashes, events, key }
    }

    /// A log of these events alone.
    pub(crate) fn of_events(all: Vec<Recorded>) -> Self {
        let (mut tree, mut hashes, mut events) = (Tree::default(), Hashes::default(), Vec::new());
        for event in all {
            events.push((tree.size(), event.clone()));
            hashes.extend(tree.append(&leaf::of(&event).encode_to_vec()));
        }
        let key = LogKey::from_seed(ORIGIN, [7; 32]).unwrap();
        Self { tree, hashes, events, key }
    }

    fn checkpoint(&self) -> String {
        let checkpoint = Checkpoint { size: self.tree.size(), hash: self.tree.root() };
        String::from_utf8(self.key.sign(&checkpoint)).unwrap()
    }

    fn between(&self, from: u64, to: u64) -> Vec<Digest> {
        cover_indexes(from, to).into_iter().map(|at| self.hashes.at(at).unwrap()).collect()
    }

    fn verifier(&self) -> Verifier {
        self.key.verifier_key().parse().unwrap()
    }

    fn pack(&self, change: impl Fn(&mut Row)) -> Packed {
        self.pack_part(0..self.events.len(), change)
    }

    /// An archive of some of the events, by their places from 0.
    pub(crate) fn pack_part(&self, places: Range<usize>, change: impl Fn(&mut Row)) -> Packed {
        let (mut packer, mut next) = (Packer::new().unwrap(), 0);
        for (log_index, recorded) in &self.events[places] {
            let log_hashes_before = self.between(next, *log_index);
            let recorded = recorded.clone();
            let mut row = Row { recorded, log_index: *log_index, log_hashes_before };
            change(&mut row);
            packer.push(row).unwrap();
            next = log_index + 1;
        }
        let after = self.between(next, self.tree.size());
        packer.finish(&self.checkpoint(), &after).unwrap()
    }

    pub(crate) fn seal(&self, packed: &Packed) -> Seal {
        packed.seal(Checkpoint { size: self.tree.size(), hash: self.tree.root() })
    }
}

fn event(sequence: u64) -> Recorded {
    let second = i64::try_from(sequence).unwrap();
    Recorded {
        stream: STREAM.to_owned(),
        sequence,
        subject: format!("ev.exchange.grant.{}", sequence % 3).parse().unwrap(),
        recorded_at: jiff::Timestamp::new(1_600_000_000 + second, 123_456_789).unwrap(),
        message_id: format!("command-{sequence}"),
        traceparent: sequence.is_multiple_of(2).then(|| "00-trace".to_owned()),
        payload: Bytes::from(format!("what happened {sequence}")),
    }
}

fn prove(packed: &Packed, log: &Log) -> Result<Proven, Fault> {
    Archive::open(packed.bytes.clone()).unwrap().prove(&log.verifier())
}

/// R23.2: what is read from an archive is what was stored, byte for byte, and it proves itself.
#[test]
fn archive_holds_what_was_stored_and_proves_it() {
    let log = Log::of(&[0, 3, 0, 0, 11, 1]);
    let packed = log.pack(|_| {});

    let archive = Archive::open(packed.bytes.clone()).unwrap();
    let rows: Vec<Recorded> = archive.rows().unwrap().map(|row| row.unwrap().recorded).collect();
    let stored: Vec<Recorded> = log.events.iter().map(|(_, event)| event.clone()).collect();
    assert_eq!(rows, stored);
    let proven = archive.prove(&log.verifier()).unwrap();
    assert_eq!((proven.extent, proven.log.size), (packed.extent, log.tree.size()));
}

/// R23.2: more than one batch of rows.
#[test]
fn long_archives_prove_themselves() {
    let log = Log::of(&vec![1; 1_500]);

    assert_eq!(prove(&log.pack(|_| {}), &log).unwrap().extent.events(), 1_500);
}

/// R23.2: the same events are the same file, to the byte, so two archivists do not get in each other's way.
#[test]
fn same_events_are_the_same_file() {
    let log = Log::of(&[2, 2, 2]);

    assert_eq!(log.pack(|_| {}).bytes, log.pack(|_| {}).bytes);
}

/// R23.2: an archive in which anything that was logged of an event is another does not prove itself.
#[test]
fn altered_events_are_found() {
    let log = Log::of(&[1, 2, 3]);
    let changes: [fn(&mut Row); 5] = [
        |row| row.recorded.payload = Bytes::from_static(b"something else"),
        |row| row.recorded.subject = "ev.exchange.grant.9".parse().unwrap(),
        |row| row.recorded.message_id = "another".to_owned(),
        |row| row.recorded.recorded_at = jiff::Timestamp::UNIX_EPOCH,
        |row| {
            row.log_hashes_before = row.log_hashes_before.iter().map(|_| Digest::of(b"")).collect()
        },
    ];
    for change in changes {
        let second = |row: &mut Row| {
            if row.recorded.sequence == 2 {
                change(row);
            }
        };
        let refused = prove(&log.pack(second), &log).unwrap_err();
        assert!(matches!(refused, Fault::OtherRoot { .. }), "{refused}");
    }
}

/// R23.2: an event at another place of the log is named.
#[test]
fn misplaced_events_are_named() {
    let log = Log::of(&[1, 2, 3]);

    let refused = prove(&log.pack(|row| row.log_index += 1), &log).unwrap_err();

    assert!(matches!(refused, Fault::Misplaced { sequence: 2, index: 5, .. }), "{refused}");
}

/// R23.2: an event that is left out is named before anything is written.
#[test]
fn gaps_are_not_packed() {
    let mut packer = Packer::new().unwrap();
    let row = |sequence| Row {
        recorded: event(sequence),
        log_index: sequence,
        log_hashes_before: Vec::new(),
    };
    packer.push(row(1)).unwrap();

    let refused = packer.push(row(3)).unwrap_err();

    assert_eq!(refused.to_string(), "event 2 of stream EXCHANGE should come next, and 3 does");
}

/// A file of these rows as they are, which no packer would write.
fn forged(log: &Log, rows: &[Row], says: (u64, u64)) -> Archive {
    let mut writer = ArrowWriter::try_new(Vec::new(), layout::schema(), None).unwrap();
    writer.write(&layout::batch(rows).unwrap()).unwrap();
    let next = rows.last().map_or(0, |row| row.log_index + 1);
    let after = layout::flat(&log.between(next, log.tree.size()));
    for (name, value) in [
        (key::LAYOUT, LAYOUT.to_string()),
        (key::STREAM, STREAM.to_owned()),
        (key::FIRST, says.0.to_string()),
        (key::LAST, says.1.to_string()),
        (key::CHECKPOINT, log.checkpoint()),
        (key::AFTER, hex::encode(after)),
    ] {
        writer.append_key_value_metadata(KeyValue::new(name.to_owned(), value));
    }
    Archive::open(writer.into_inner().unwrap().into()).unwrap()
}

/// R23.2: events of the log that are not the whole of what the file says to hold are no archive: one that is left out, told twice, or in
/// another order, though each is in the log and the proofs fit; and a footer that says otherwise.
#[test]
fn an_archive_is_whole() {
    let log = Log::of(&[0, 3, 1, 2]);
    let row = |at: usize, next: u64| {
        let (log_index, recorded) = log.events[at].clone();
        let log_hashes_before = log.between(next, log_index);
        Row { recorded, log_index, log_hashes_before }
    };
    let of = |places: &[usize]| -> Vec<Row> {
        let mut next = 0;
        let mut rows = Vec::new();
        for place in places {
            rows.push(row(*place, next));
            next = rows.last().map_or(0, |row| row.log_index + 1);
        }
        rows
    };
    let proven = |rows: &[Row], says| forged(&log, rows, says).prove(&log.verifier());
    assert_eq!(proven(&of(&[0, 1, 2, 3]), (1, 4)).unwrap().extent.events(), 4);

    let refused = proven(&of(&[0, 1, 3]), (1, 4)).unwrap_err();
    assert!(matches!(refused, Fault::OutOfOrder { expected: 3, found: 4, .. }), "{refused}");
    let refused = proven(&[of(&[0, 1]), vec![row(1, 5)]].concat(), (1, 2)).unwrap_err();
    assert!(matches!(refused, Fault::OutOfOrder { expected: 3, found: 2, .. }), "{refused}");
    let refused = proven(&[row(1, 0), row(0, 0)], (1, 2)).unwrap_err();
    assert!(matches!(refused, Fault::OutOfOrder { .. }), "{refused}");
    let refused = proven(&of(&[0, 1, 2]), (1, 4)).unwrap_err();
    assert!(matches!(refused, Fault::Layout { .. }), "{refused}");
}

/// R23.2: a seal names no file but its own.
#[test]
fn seals_name_their_own_file() {
    let log = Log::of(&[1, 2]);
    let wire = seal::to_wire(&log.seal(&log.pack(|_| {})));
    assert!(seal::from_wire(wire.clone()).is_ok());

    for path in ["/etc/passwd", "../EXCHANGE/other.parquet", ""] {
        let other =
            publicdata_proto::audit::v1::StreamArchived { path: path.to_owned(), ..wire.clone() };
        assert_eq!(seal::from_wire(other).unwrap_err().field, "path");
    }
    let other = publicdata_proto::audit::v1::StreamArchived { stream: "..".to_owned(), ..wire };
    assert_eq!(seal::from_wire(other).unwrap_err().field, "stream");
}

/// R46.2: a checkpoint of somebody else's counts for nothing.
#[test]
fn checkpoint_of_another_key_does_not_count() {
    let log = Log::of(&[1, 2, 3]);
    let other = LogKey::from_seed(ORIGIN, [8; 32]).unwrap();

    let archive = Archive::open(log.pack(|_| {}).bytes).unwrap();
    let refused = archive.prove(&other.verifier_key().parse().unwrap()).unwrap_err();

    assert!(matches!(refused, Fault::Checkpoint(_)), "{refused}");
}

/// R23.2: a file that is missing, cut short, changed by a byte, or another one is named, with what is wrong, wherever it is kept; and what
/// is there is never overwritten.
#[tokio::test]
async fn files_are_held_against_their_seals() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = Place::folder(folder.path()).unwrap();
    let write = async |path: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(path), bytes).unwrap();
    };
    keeps_files(&in_folder, write).await;
}

/// What every place of archives does. `write` changes a file behind its back.
async fn keeps_files(place: &Place, write: impl AsyncFn(&str, &[u8])) {
    let log = Log::of(&[1, 2, 3]);
    let packed = log.pack(|_| {});
    let seal = log.seal(&packed);
    let fault = async || place.verify(&seal, &log.verifier()).await.unwrap_err();

    let missing = fault().await;
    assert!(matches!(missing.fault, Fault::Missing), "{missing:?}");
    assert_eq!(missing.to_string(), format!("archive {}", seal.path));
    assert!(!place.has(&seal.path).await.unwrap());

    place.put(&packed).await.unwrap();
    assert!(place.has(&seal.path).await.unwrap());
    place.put(&packed).await.unwrap();
    place.verify(&seal, &log.verifier()).await.unwrap();

    write(&seal.path, &packed.bytes[..packed.bytes.len() - 1]).await;
    assert!(matches!(fault().await.fault, Fault::Size { .. }));
    place.put(&packed).await.unwrap();
    assert!(matches!(fault().await.fault, Fault::Size { .. }), "it was overwritten");

    let mut bytes = packed.bytes.to_vec();
    bytes[40] ^= 1;
    write(&seal.path, &bytes).await;
    assert!(matches!(fault().await.fault, Fault::Altered { .. }));

    // A seal of a file that is sound, but is of other events than the seal says.
    write(&seal.path, &packed.bytes).await;
    let other = Seal { stream: "CATALOG".to_owned(), ..seal.clone() };
    let refused = place.verify(&other, &log.verifier()).await.unwrap_err();
    assert_eq!(refused.fault.to_string(), "it holds stream EXCHANGE, and was sealed with CATALOG");
}

#[test]
fn places_are_folders_and_buckets() {
    for url in [
        "",
        "x",
        "http://host/x",
        "relative/folder",
        "s3:",
        "s3:///x",
        "s3://bucket:1/x",
        "s3://key:secret@bucket/x",
        "s3://bucket/x?y",
        "s3://bucket/x#y",
        "s3://bucket//x",
    ] {
        let refused = Place::open_with(url, []);
        assert!(matches!(refused, Err(place::PlaceError::Url { .. })), "{url}: {refused:?}");
    }
    assert!(Place::open_with("s3://bucket/some/prefix", []).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// R23.2: whatever bytes a file is made of, it is read or refused; and only those that were written prove themselves.
    #[test]
    fn changed_bytes_are_refused_or_change_nothing(at in any::<proptest::sample::Index>(), by in 1_u8..) {
        let log = Log::of(&[1, 2, 3]);
        let packed = log.pack(|_| {});
        let mut bytes = packed.bytes.to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= by;

        if let Ok(archive) = Archive::open(bytes.into()) && let Ok(proven) = archive.prove(&log.verifier()) {
            prop_assert_eq!(proven.extent, packed.extent);
        }
    }

    /// R23.2: wherever the events stand in the log.
    #[test]
    fn archives_prove_themselves_wherever_events_stand(gaps in prop::collection::vec(0_u64..40, 1..30)) {
        let log = Log::of(&gaps);
        let proven = prove(&log.pack(|_| {}), &log);
        prop_assert!(proven.is_ok(), "{proven:?}");
    }
}
