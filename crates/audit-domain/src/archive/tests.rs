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
