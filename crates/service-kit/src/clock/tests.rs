use super::*;

fn noon() -> Timestamp {
    "2026-01-04T04:00:00Z".parse().unwrap()
}

#[test]
fn a_manual_clock_stands_until_it_is_moved() {
    let clock = Clock::manual(noon());
    let hand = clock.clone();
    assert_eq!(clock.now(), noon());

    hand.advance(Duration::from_secs(60));

    assert_eq!(clock.now(), "2026-01-04T04:01:00Z".parse().unwrap());
}

#[test]
fn a_shifted_clock_runs_on_from_its_start() {
    let clock = Clock::starting_at(noon());

    let first = clock.now();
    let second = clock.now();

    assert!(noon() <= first && first <= second);
    assert!(second.duration_since(noon()) < SignedDuration::from_secs(60));
}

#[test]
fn a_running_clock_can_be_moved() {
    let clock = Clock::starting_at(noon());
    clock.advance(Duration::from_secs(86_400));

    assert!(clock.now() >= "2026-01-05T04:00:00Z".parse().unwrap());
}

#[test]
fn moving_too_far_stops_at_the_end_of_time() {
    let clock = Clock::manual(noon());
    clock.advance(Duration::MAX);

    assert_eq!(clock.now(), Timestamp::MAX);
}
