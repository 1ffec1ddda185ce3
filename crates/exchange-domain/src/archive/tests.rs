use proptest::prelude::*;
use publicdata_decider::testing::given;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The archive of one month of 2026, which holds ten positions of the log.
fn month(number: u32) -> Archive {
    let first = |month: u32| at(&format!("2026-{month:02}-01T00:00:00+08:00"));
    Archive {
        number,
        from: first(number),
        until: first(number + 1),
        after_sequence: u64::from(number - 1) * 10,
        last_sequence: u64::from(number) * 10,
        digest: Digest::of(number.to_string()),
        signed: SignedBytes(vec![1]),
    }
}

fn sealed(number: u32) -> Event {
    Event::Sealed(month(number))
}

#[test]
fn archives_follow_one_another() {
    given::<Archives>([sealed(1)]).when(Command::Seal(month(2))).then([sealed(2)]);
    given::<Archives>([sealed(1)])
        .when(Command::Seal(month(3)))
        .then_rejected(Rejection::NotNext { number: 3, next: 2 });
}

#[test]
fn an_archive_that_leaves_a_gap_or_overlaps_is_refused() {
    let wrong = |archive, what| {
        given::<Archives>([sealed(1)])
            .when(Command::Seal(archive))
            .then_rejected(Rejection::Misplaced { number: 2, what });
    };
    wrong(Archive { from: month(1).from, ..month(2) }, "first day");
    wrong(Archive { until: month(2).from, ..month(2) }, "last day");
    wrong(Archive { after_sequence: 11, ..month(2) }, "first position");
    wrong(Archive { last_sequence: 10, ..month(2) }, "last position");
}

/// H1: whoever seals again what is sealed says nothing new, and nobody puts another file in its place.
#[test]
fn two_attempts_give_one_archive() {
    given::<Archives>([sealed(1)]).when(Command::Seal(month(1))).then([]);
    let digest = month(1).digest;
    given::<Archives>([sealed(1)])
        .when(Command::Seal(Archive { digest: Digest::of("another"), ..month(1) }))
        .then_rejected(Rejection::AlreadySealed { number: 1, digest });
}

#[test]
fn only_sealed_archives_are_trimmed_in_order() {
    given::<Archives>([])
        .when(Command::Trim { number: 1 })
        .then_rejected(Rejection::NotNext { number: 1, next: 1 });
    given::<Archives>([sealed(1), sealed(2)])
        .when(Command::Trim { number: 2 })
        .then_rejected(Rejection::NotNext { number: 2, next: 1 });
    given::<Archives>([sealed(1)])
        .when(Command::Trim { number: 1 })
        .then([Event::Trimmed { number: 1 }]);
    given::<Archives>([sealed(1), Event::Trimmed { number: 1 }])
        .when(Command::Trim { number: 1 })
        .then([]);
}

/// R23.2: nothing that is younger than five years is let go, whoever asks.
#[test]
fn an_archive_is_kept_for_five_years() {
    let kept = || [sealed(1), Event::Trimmed { number: 1 }];
    let expire = |time| Command::Expire { number: 1, at: at(time) };
    given::<Archives>(kept()).when(expire("2031-01-31T23:59:59+08:00")).then_rejected(
        Rejection::TooYoung { number: 1, kept_until: "2031-02-01".parse().unwrap() },
    );
    given::<Archives>(kept())
        .when(expire("2031-02-01T00:00:00+08:00"))
        .then([Event::Expired { number: 1 }]);
    given::<Archives>([sealed(1)])
        .when(expire("2031-02-01T00:00:00+08:00"))
        .then_rejected(Rejection::NotNext { number: 1, next: 1 });
}

proptest! {
    /// R23.2: whatever is tried, archives begin where the one before them ended, and none goes before its time.
    #[test]
    fn the_row_has_no_gap_and_loses_nothing_early(
        tries in prop::collection::vec((0_u32..4, 1_u32..8, 0_u64..90, 0_u64..90, 0_i64..9), 0..60),
    ) {
        let mut row = Archives::default();
        let mut ends = vec![(Timestamp::MIN, 0)];
        for (kind, number, after_sequence, last_sequence, years) in tries {
            let at = at("2026-06-01T00:00:00Z") + jiff::SignedDuration::from_hours(years * 8_766);
            let command = match kind {
                0 => Command::Trim { number },
                1 => Command::Expire { number, at },
                2 => Command::Seal(month(number)),
                _ => Command::Seal(Archive { after_sequence, last_sequence, ..month(number) }),
            };
            for event in row.decide(command).unwrap_or_default() {
                match &event {
                    Event::Sealed(archive) => {
                        let (until, last) = ends[ends.len() - 1];
                        prop_assert!(archive.from >= until && archive.after_sequence == last);
                        ends.push((archive.until, archive.last_sequence));
                    }
                    Event::Trimmed { number } => prop_assert!((*number as usize) < ends.len()),
                    Event::Expired { number } => {
                        let (until, _) = ends[*number as usize];
                        prop_assert!(KeptYears::MIN.kept_until(until) <= china_date(at));
                    }
                }
                row = row.evolve(&event);
            }
        }
    }
}
