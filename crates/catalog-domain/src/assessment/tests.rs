use std::collections::BTreeSet;

use jiff::civil::date;
use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::score::{Criterion, Tally};
use super::*;

fn actor(region: &str, role: Role) -> Actor {
    Actor {
        id: "spiffe://test.internal/org/91350100M000100Y43/user/clerk-1".to_owned(),
        organisation: "91350100M000100Y43".parse().unwrap(),
        roles: BTreeSet::from([role]),
        region: region.parse().unwrap(),
    }
}

fn bulletin() -> Bulletin {
    let mut tallies = Tallies::default();
    tallies.add(Criterion::Timeliness, Tally { marks: 2, earned_permille: 1_000 });
    Bulletin {
        period: Period::new(date(2026, 1, 1), date(2026, 3, 31)).unwrap(),
        region: "510104".parse().unwrap(),
        weights: Weights::default(),
        organisations: [("11332500MB1601924J".parse().unwrap(), tallies.clone())].into(),
        districts: [("510104".parse().unwrap(), tallies)].into(),
        positions: [("CATALOG".to_owned(), 7)].into(),
    }
}

fn publish(bulletin: Bulletin, today: Date, by: Actor) -> Command {
    Command::Publish { bulletin, today, by }
}

/// R12.4: the authority publishes what a period came to, once it is over.
#[test]
fn the_authority_publishes_what_is_over() {
    let authority = actor("510100", Role::Authority);
    given::<Assessment>([])
        .when(publish(bulletin(), date(2026, 4, 1), authority.clone()))
        .then([Event::Published(bulletin())]);
    given::<Assessment>([])
        .when(publish(bulletin(), date(2026, 3, 31), authority))
        .then_rejected(Rejection::PeriodOpen { last: date(2026, 3, 31) });
}

#[test]
fn what_was_published_is_not_counted_anew() {
    let other = Bulletin { organisations: BTreeMap::new(), ..bulletin() };
    given::<Assessment>([Event::Published(bulletin())])
        .when(publish(other, date(2026, 4, 2), actor("510104", Role::Authority)))
        .then_nothing();
}

#[test]
fn an_empty_assessment_is_not_published() {
    let empty = Bulletin { organisations: BTreeMap::new(), ..bulletin() };
    given::<Assessment>([])
        .when(publish(empty, date(2026, 4, 2), actor("510104", Role::Authority)))
        .then_rejected(Rejection::NothingToPublish { region: "510104".parse().unwrap() });
}

/// R13.1: nobody publishes for another region, and nobody but an authority.
#[test]
fn only_the_authority_over_the_region_publishes() {
    let elsewhere = Denied::OutsideRegion {
        region: "510105".parse().unwrap(),
        target: "510104".parse().unwrap(),
    };
    given::<Assessment>([])
        .when(publish(bulletin(), date(2026, 4, 1), actor("510105", Role::Authority)))
        .then_rejected(elsewhere.into());
    let provider = actor("510104", Role::Provider);
    let missing =
        Denied::RoleMissing { organisation: provider.organisation, role: Role::Authority };
    given::<Assessment>([])
        .when(publish(bulletin(), date(2026, 4, 1), provider))
        .then_rejected(missing.into());
}

#[test]
fn a_period_does_not_end_before_it_begins() {
    let error = Period::new(date(2026, 3, 1), date(2026, 2, 1)).unwrap_err();
    let text = "period ends on 2026-02-01, before it begins on 2026-03-01; swap the days";
    assert_eq!(error.to_string(), text);
}

#[test]
fn other_weights_say_what_would_have_been() {
    let organisation = "11332500MB1601924J".parse().unwrap();
    let half = bulletin().score(&organisation, &Weights::default()).unwrap();
    assert_eq!(half.total.micropoints(), 50_000_000);
    let none = Weights::new([(Criterion::Use, 1)]).unwrap();
    assert_eq!(bulletin().score(&organisation, &none).unwrap().total.micropoints(), 100_000_000);
}
