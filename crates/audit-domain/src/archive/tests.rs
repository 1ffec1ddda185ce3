use proptest::prelude::*;
use publicdata_decider::testing::given;

use super::*;

fn archive(first_sequence: u64, last_sequence: u64) -> Archive {
    Archive {
        stream: "EXCHANGE".to_owned(),
        first_sequence,
        last_sequence,
        earliest_recorded_at: Timestamp::UNIX_EPOCH,
        latest_recorded_at: Timestamp::UNIX_EPOCH,
        path: format!("EXCHANGE/{first_sequence}-{last_sequence}.parquet"),
        bytes: 1,
        digest: Digest::of(format!("{first_sequence} to {last_sequence}")),
        log: Root { size: 1_000, hash: Digest::of(b"root") },
        layout: 1,
    }
}

fn archived(first: u64, last: u64) -> Event {
    Event::Archived(archive(first, last))
}

fn seal(first: u64, last: u64) -> Command {
    Command::Seal(archive(first, last))
}

/// R23.2: archives follow one another from the first event on.
#[test]
fn archives_follow_one_another() {
    given::<Archives>([]).when(seal(1, 5)).then([archived(1, 5)]);
    given::<Archives>([archived(1, 5)]).when(seal(6, 6)).then([archived(6, 6)]);
}

fn released(last_sequence: u64, latest_recorded_at: Timestamp) -> Event {
    let (stream, author) = ("EXCHANGE".to_owned(), author());
    Event::Released(Release { stream, last_sequence, latest_recorded_at, author })
}

fn release(last_sequence: u64, at: &str) -> Command {
    let stream = "EXCHANGE".to_owned();
    Command::Release { stream, last_sequence, author: author(), at: at.parse().unwrap() }
}

fn author() -> OrganisationCode {
    "11510100MB1234567K".parse().unwrap()
}

/// An archive whose last event was received then.
fn archived_at(first: u64, last: u64, latest: &str) -> Event {
    Event::Archived(Archive { latest_recorded_at: latest.parse().unwrap(), ..archive(first, last) })
}

const OLD: &str = "2021-01-31T23:59:59.5+08:00";
const LATER: &str = "2021-02-28T12:00:00+08:00";

/// R23.2: what was kept for five whole years may leave its stream, in whole archives; a day before, it may not.
#[test]
fn what_was_kept_for_five_years_is_released() {
    let row = || [archived_at(1, 5, OLD), archived_at(6, 9, LATER)];
    let kept_until = "2026-02-01".parse().unwrap();
    let too_young =
        Rejection::TooYoung { stream: "EXCHANGE".to_owned(), last_sequence: 5, kept_until };
    given::<Archives>(row()).when(release(5, "2026-01-31T23:59:59+08:00")).then_rejected(too_young);
    given::<Archives>(row())
        .when(release(5, "2026-02-01T00:00:00+08:00"))
        .then([released(5, OLD.parse().unwrap())]);
    given::<Archives>(row())
        .when(release(9, "2030-01-01T00:00:00Z"))
        .then([released(9, LATER.parse().unwrap())]);
    let due = |at: &str| {
        let row = row().iter().fold(Archives::default(), Archives::evolve);
        row.due(at.parse().unwrap()).map(|archive| archive.last_sequence).collect::<Vec<_>>()
    };
    assert_eq!(due("2026-01-31T00:00:00+08:00"), [0; 0]);
    assert_eq!(due("2026-02-01T00:00:00+08:00"), [5]);
    assert_eq!(due("2026-03-01T00:00:00+08:00"), [5, 9]);
}

/// R23.2: one event that is too young keeps what comes after it in the stream, however old that says to be.
#[test]
fn young_events_hold_back_what_follows() {
    let row = [archived_at(1, 5, LATER), archived_at(6, 9, OLD)];
    let at = "2026-02-01T00:00:00+08:00";
    let archives = row.iter().fold(Archives::default(), Archives::evolve);
    assert_eq!(archives.due(at.parse().unwrap()).count(), 0);
    let kept_until = "2026-03-01".parse().unwrap();
    let too_young =
        Rejection::TooYoung { stream: "EXCHANGE".to_owned(), last_sequence: 9, kept_until };
    given::<Archives>(row).when(release(9, at)).then_rejected(too_young);
}

/// R23.2: nothing is released that no archive holds, or of which an archive holds more; and no stream that is needed whole.
#[test]
fn only_whole_archives_of_some_streams_are_released() {
    let at = "2030-01-01T00:00:00Z";
    for last_sequence in [4, 10] {
        let stream = "EXCHANGE".to_owned();
        given::<Archives>([archived_at(1, 5, OLD), archived_at(6, 9, OLD)])
            .when(release(last_sequence, at))
            .then_rejected(Rejection::NotArchived { stream, last_sequence });
    }
    for stream in ["CATALOG", "OPENDATA", "AUDIT", "RECOVERY"] {
        let (stream, at) = (stream.to_owned(), at.parse().unwrap());
        let release =
            Command::Release { stream: stream.clone(), last_sequence: 5, author: author(), at };
        given::<Archives>([archived_at(1, 5, OLD)])
            .when(release)
            .then_rejected(Rejection::Needed { stream });
    }
}

/// H2: what was released stays so, and is released once.
#[test]
fn releasing_again_changes_nothing() {
    let row =
        || [archived_at(1, 5, OLD), archived_at(6, 9, LATER), released(9, OLD.parse().unwrap())];
    for last_sequence in [0, 3, 5, 9] {
        given::<Archives>(row()).when(release(last_sequence, "2030-01-01T00:00:00Z")).then([]);
    }
    let archives = row().iter().fold(Archives::default(), Archives::evolve);
    assert_eq!((archives.released(), archives.last_sequence()), (9, 9));
}

/// H1: events in no archive, or in two, cannot be.
#[test]
fn gaps_and_overlaps_are_refused() {
    given::<Archives>([])
        .when(seal(2, 5))
        .then_rejected(Rejection::Gap { first_sequence: 2, next: 1 });
    given::<Archives>([archived(1, 5)])
        .when(seal(7, 9))
        .then_rejected(Rejection::Gap { first_sequence: 7, next: 6 });
    given::<Archives>([archived(1, 5)])
        .when(seal(5, 9))
        .then_rejected(Rejection::Archived { first_sequence: 5, last_sequence: 5 });
}

/// H2: a repeated seal changes nothing; another file for the same events is refused.
#[test]
fn sealing_again_changes_nothing() {
    given::<Archives>([archived(1, 5)]).when(seal(1, 5)).then([]);
    let other = Archive { digest: Digest::of(b"other"), ..archive(1, 5) };
    given::<Archives>([archived(1, 5)])
        .when(Command::Seal(other))
        .then_rejected(Rejection::Archived { first_sequence: 1, last_sequence: 5 });
}

#[test]
fn archives_of_nothing_or_of_more_than_the_log_has_are_refused() {
    given::<Archives>([]).when(seal(1, 0)).then_rejected(Rejection::Empty { last_sequence: 0 });
    given::<Archives>([])
        .when(seal(1, 1_001))
        .then_rejected(Rejection::TreeTooSmall { events: 1_001, size: 1_000 });
}

proptest! {
    /// H1: whatever archivists try, each event up to the last is in exactly one archive.
    #[test]
    fn row_has_neither_gap_nor_overlap(tried in prop::collection::vec((0_u64..20, 0_u64..20), 0..60)) {
        let (mut row, mut next) = (Archives::default(), 1);
        for (first, last) in tried {
            for event in row.decide(seal(first, last)).unwrap_or_default() {
                prop_assert_eq!(first, next);
                next = last + 1;
                row = row.evolve(&event);
            }
        }
        prop_assert_eq!(row.last_sequence() + 1, next);
    }
}
