use super::*;

fn at(hour: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
}

fn used(hours: impl IntoIterator<Item = i64>) -> Usage {
    Usage { begun: hours.into_iter().map(at).collect(), rows: 0 }
}

/// R26.2: within any span as long as the period no more begin than the grant allows, and it says when the next one may.
#[test]
fn transfers_are_counted_over_a_span_that_ends_now() {
    let two_a_day = Rate { transfers: NonZeroU32::new(2).unwrap(), period: RatePeriod::Day };
    let until = |usage: &Usage, hour| two_a_day.exhausted_until(usage, at(hour));

    assert_eq!(until(&used([]), 100), None);
    assert_eq!(until(&used([99]), 100), None);
    assert_eq!(until(&used([99, 90]), 100), Some(at(90 + 24)));
    assert_eq!(until(&used([99, 90]), 90 + 24), None, "the span has no place for its beginning");
    assert_eq!(until(&used([99, 90, 50]), 100), Some(at(90 + 24)), "what is older is over");
    // More than allowed, as when the clock of another node was wrong: room is there once one of the last two is over.
    assert_eq!(until(&used([95, 99, 90]), 100), Some(at(95 + 24)));
}

#[test]
fn periods_grow() {
    assert!(RatePeriod::ALL.windows(2).all(|pair| pair[0].length() < pair[1].length()));
}
