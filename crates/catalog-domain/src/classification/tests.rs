use std::collections::BTreeSet;

use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use uuid::Uuid;

use super::*;

fn resource(number: u128) -> ResourceId {
    ResourceId::from_uuid(Uuid::from_u128(number))
}

fn assigned(number: u128, serial: u64) -> Event {
    Event::SerialAssigned { resource: resource(number), serial }
}

/// R12.2: numbers count from 1.
#[test]
fn serials_count_from_one() {
    let first = given::<Classification>([])
        .when(Command::AssignSerial { resource: resource(1) })
        .then([assigned(1, 1)]);
    assert_eq!(first.serial(&resource(1)), Some(1));
    assert_eq!(first.serial(&resource(2)), None);

    given::<Classification>([assigned(1, 1)])
        .when(Command::AssignSerial { resource: resource(2) })
        .then([assigned(2, 2)]);
}

/// R12.2: a resource keeps its number.
#[test]
fn resource_keeps_its_serial() {
    given::<Classification>([assigned(1, 1), assigned(2, 2)])
        .when(Command::AssignSerial { resource: resource(1) })
        .then_nothing();
}

/// R12.2: many resources get their numbers at once, each one, and those that have one keep it.
#[test]
fn many_resources_are_numbered_at_once() {
    given::<Classification>([assigned(1, 1)])
        .when(Command::AssignSerials { resources: [2, 1, 3, 2].map(resource).into() })
        .then([assigned(2, 2), assigned(3, 3)]);
    given::<Classification>([assigned(1, 1)])
        .when(Command::AssignSerials { resources: vec![resource(1)] })
        .then_nothing();
}

proptest! {
    /// R12.2: however often resources ask, each has one number, and numbers have no gaps.
    #[test]
    fn serials_are_unique_and_without_gaps(asked in prop::collection::vec(0_u128..20, 0..60)) {
        let mut classification = Classification::default();
        for &number in &asked {
            let command = Command::AssignSerial { resource: resource(number) };
            let Ok(events) = classification.decide(command);
            classification = replay(classification, &events);
        }

        let resources: BTreeSet<u128> = asked.into_iter().collect();
        let serials: BTreeSet<u64> =
            resources.iter().filter_map(|&number| classification.serial(&resource(number))).collect();
        let count = u64::try_from(resources.len()).unwrap();
        prop_assert_eq!(serials, (1..=count).collect::<BTreeSet<_>>());
    }
}
