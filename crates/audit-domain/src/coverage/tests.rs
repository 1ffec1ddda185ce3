use proptest::prelude::*;

use super::*;

#[test]
fn gap_is_named_and_nothing_enters() {
    let mut coverage = Coverage::default();
    assert_eq!(coverage.admit("CATALOG", 1), Admission::Enters);

    assert_eq!(coverage.admit("CATALOG", 3), Admission::Gap { expected: 2 });

    assert_eq!(coverage.of("CATALOG"), Logged { sequence: 1, count: 1 });
}

#[test]
fn stream_that_begins_late_has_a_gap() {
    assert_eq!(Coverage::default().admit("CATALOG", 2), Admission::Gap { expected: 1 });
}

#[test]
fn streams_are_counted_apart() {
    let mut coverage = Coverage::default();
    coverage.admit("CATALOG", 1);

    assert_eq!(coverage.admit("EXCHANGE", 1), Admission::Enters);
    assert_eq!(coverage.streams().count(), 2);
}

proptest! {
    /// H4: however events are delivered, lost or delivered again, each enters exactly once and in order.
    #[test]
    fn each_event_enters_once_and_in_order(
        deliveries in proptest::collection::vec((0_usize..3, 1_u64..20), 0..200),
    ) {
        let streams = ["CATALOG", "EXCHANGE", "OPENDATA"];
        let mut coverage = Coverage::default();
        let mut entered: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (stream, sequence) in deliveries {
            if coverage.admit(streams[stream], sequence) == Admission::Enters {
                entered.entry(streams[stream]).or_default().push(sequence);
            }
        }

        for (stream, sequences) in entered {
            let last = u64::try_from(sequences.len()).unwrap();
            prop_assert_eq!(&sequences, &(1..=last).collect::<Vec<_>>());
            prop_assert_eq!(coverage.of(stream), Logged { sequence: last, count: last });
        }
    }
}
