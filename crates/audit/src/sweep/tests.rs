use super::*;

fn found(places: impl IntoIterator<Item = u64>) -> BTreeMap<u64, String> {
    places.into_iter().map(|place| (place, format!("event {place} is lost"))).collect()
}

/// R23.2: what was found stays until the same places were checked again.
#[test]
fn findings_stay_until_they_are_checked_again() {
    let checks = Checks::default();
    checks.note("EXCHANGE", 1..=10, found([3, 7]));
    checks.note("EXCHANGE", 11..=20, found([12]));
    checks.end_round("EXCHANGE");

    checks.note("EXCHANGE", 1..=10, found([7]));

    let check = checks.of("EXCHANGE");
    assert_eq!((check.checked_sequence, check.rounds, check.changed_count), (10, 1, 2));
    assert_eq!(check.findings, ["event 7 is lost", "event 12 is lost"]);
    assert_eq!(checks.of("CATALOG"), StreamCheck::default());

    checks.note("EXCHANGE", 11..=20, found([]));
    checks.end_round("EXCHANGE");
    let check = checks.of("EXCHANGE");
    assert_eq!((check.changed_count, check.findings.len()), (1, 1));
}

/// A stream that is gone as a whole is counted, and told of in a hundred lines.
#[test]
fn findings_are_bounded() {
    let checks = Checks::default();

    for first in (1..2_000).step_by(500) {
        checks.note("EXCHANGE", first..=first + 499, found(first..first + 500));
    }

    let check = checks.of("EXCHANGE");
    assert_eq!((check.changed_count, check.findings.len()), (2_000, FINDINGS_MAX));
    assert_eq!(check.findings[0], "event 1 is lost");
}

/// A stream that is gone as a whole is not told of anew in each round; what is mended no longer counts after one.
#[test]
fn findings_that_are_not_told_of_are_counted() {
    let checks = Checks::default();
    for first in [1, 501] {
        checks.note("EXCHANGE", first..=first + 499, found(first..first + 500));
    }
    checks.end_round("EXCHANGE");
    let check = checks.all()["EXCHANGE"].clone();
    for (place, finding) in found(1..1_001) {
        assert!(!check.is_news(place, &finding), "{finding}");
    }
    assert!(check.is_news(7, &"event 7 has changed".to_owned()));

    checks.note("EXCHANGE", 1..=500, found([]));
    assert_eq!(checks.of("EXCHANGE").changed_count, 1_000);
    checks.note("EXCHANGE", 501..=1_000, found([501]));
    checks.end_round("EXCHANGE");

    assert_eq!(checks.of("EXCHANGE").changed_count, 1);
}
