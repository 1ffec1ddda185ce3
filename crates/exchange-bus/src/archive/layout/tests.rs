use prost_types::Any;
use publicdata_event_store::Subject;
use publicdata_proto::exchange::v1::{TransferInterrupted, TransferRefused};

use super::*;

const ID: &str = "00000000-0000-4000-8000-000000000001";

fn recorded(sequence: u64, event: &impl prost::Name) -> Recorded {
    let any = Any { type_url: type_url(event), value: event.encode_to_vec() };
    let at = prost_types::Timestamp { seconds: 1_772_000_000, nanos: 5_000 };
    let command_id = format!("00000000-0000-4000-8000-{sequence:012}");
    let commit = Commit {
        command_id: command_id.clone(),
        occurred_at: Some(at),
        events: vec![any],
        ..Commit::default()
    };
    Recorded {
        stream: "EXCHANGE".to_owned(),
        sequence,
        subject: Subject::new("exchange", "transfer", ID).unwrap(),
        recorded_at: "2026-03-02T04:00:00.123456789Z".parse().unwrap(),
        message_id: command_id,
        traceparent: None,
        payload: commit.encode_to_vec().into(),
    }
}

fn type_url<M: prost::Name>(_: &M) -> String {
    M::type_url()
}

fn commits() -> Vec<Recorded> {
    let requested = TransferRequested {
        consumer_code: "12100000400002259P".to_owned(),
        fields: vec!["code".to_owned(), "name".to_owned()],
        purpose: "社区网格管理".to_owned(),
        ..TransferRequested::default()
    };
    let reason = "FIELD_OUTSIDE_GRANT".to_owned();
    vec![
        recorded(7, &requested),
        recorded(8, &TransferInterrupted::default()),
        recorded(11, &TransferResumed::default()),
        recorded(12, &TransferRefused { reason, ..TransferRefused::default() }),
        recorded(13, &TransferInterrupted::default()),
    ]
}

/// R23.2: what is read is what was written, to the byte and the nanosecond, and what came after the end is left out.
#[test]
fn a_row_survives_the_file() {
    let row = Row::of(ID, &commits(), 12).unwrap();
    assert_eq!((row.sequence, row.ended_sequence(), row.commits.len()), (7, 12, 4));
    assert_eq!(row.transfer.reason, "FIELD_OUTSIDE_GRANT");
    assert_eq!(row.attempts(), 2);
    assert_eq!(row.commits[3].commit, commits()[3].payload);

    let batch = batch(std::slice::from_ref(&row)).unwrap();
    assert_eq!(rows(&batch).unwrap(), [row]);
}

/// Searches look at columns by their places.
#[test]
fn the_searched_columns_stand_where_they_are_looked_for() {
    let schema = schema();
    for (place, name) in [
        (SEQUENCE, "sequence"),
        (ID_COLUMN, "id"),
        (STATUS, "status"),
        (REQUESTED_AT, "requested_at"),
        (GRANT, "grant_id"),
        (RESOURCE, "resource_code"),
        (PROVIDER, "provider_code"),
        (CONSUMER, "consumer_code"),
        (PURPOSE, "purpose"),
        (CASE, "case_number"),
        (SUBJECT, "subject_reference"),
        (REASON, "reason"),
    ] {
        assert!(place < SEARCHED);
        assert_eq!(schema.field(place).name(), name);
    }
    for name in FILTERED {
        assert!(schema.index_of(name).unwrap() < SEARCHED);
    }
}

#[test]
fn commits_that_tell_of_nothing_are_no_row() {
    assert!(Row::of(ID, &[], 1).is_err());
    assert!(Row::of(ID, &commits()[1..], 12).is_err());
}
