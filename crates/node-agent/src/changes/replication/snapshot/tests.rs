use super::*;

fn snapshot(end: u64, running: &str) -> Snapshot {
    Snapshot::of(vec![vec![Some(end.to_string()), Some(running.to_owned())]]).unwrap()
}

#[test]
fn a_transaction_is_seen_when_it_has_ended() {
    let snapshot = snapshot(100, "97 99");
    for (transaction, expected) in [(96, true), (97, false), (98, true), (99, false), (100, false)]
    {
        assert_eq!(snapshot.shows(&[transaction]), expected, "{transaction}");
    }
    assert!(snapshot.shows(&[]));
    assert!(!snapshot.shows(&[96, 97]));
    assert!(Snapshot::of(vec![vec![Some("100".to_owned()), None]]).unwrap().shows(&[99]));
}

/// Numbers in the log have 32 bits.
#[test]
fn numbers_of_transactions_go_round() {
    const ROUND: u64 = 1 << 32;

    let snapshot = snapshot(ROUND + 5, &format!("{} {}", ROUND - 1, ROUND + 3));
    for (transaction, expected) in
        [(u32::MAX - 1, true), (u32::MAX, false), (2, true), (3, false), (4, true), (5, false)]
    {
        assert_eq!(snapshot.shows(&[transaction]), expected, "{transaction}");
    }
}
