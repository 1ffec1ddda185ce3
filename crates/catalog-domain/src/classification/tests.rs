use std::collections::BTreeSet;

use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::Role;
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

proptest! {
    /// R12.2: however often resources ask, each has one number, and numbers have no gaps.
    #[test]
    fn serials_are_unique_and_without_gaps(asked in prop::collection::vec(0_u128..20, 0..60)) {
        let mut classification = Classification::default();
        for &number in &asked {
            let command = Command::AssignSerial { resource: resource(number) };
            let events = classification.decide(command).unwrap();
            classification = replay(classification, &events);
        }

        let resources: BTreeSet<u128> = asked.into_iter().collect();
        let serials: BTreeSet<u64> =
            resources.iter().filter_map(|&number| classification.serial(&resource(number))).collect();
        let count = u64::try_from(resources.len()).unwrap();
        prop_assert_eq!(serials, (1..=count).collect::<BTreeSet<_>>());
    }
}

fn actor(region: &str, roles: impl IntoIterator<Item = Role>) -> Actor {
    Actor {
        id: "spiffe://chengdu.example/org/12100000400002259P/user/u1".to_owned(),
        organisation: "12100000400002259P".parse().unwrap(),
        roles: roles.into_iter().collect(),
        region: region.parse().unwrap(),
    }
}

fn city() -> Actor {
    actor("510100", [Role::Authority])
}

fn name(code: &str, name: &str, by: Actor) -> Command {
    let (code, name) = (code.parse().unwrap(), name.to_owned());
    Command::Name { code, name, parent_known: true, by }
}

fn named(name: &str) -> Event {
    Event::Named { name: name.to_owned() }
}

/// R15.1: the tree is extensible, and a node can be named anew.
#[test]
fn the_city_names_nodes() {
    given::<Classification>([])
        .when(name("106", "医疗健康信息", city()))
        .then([named("医疗健康信息")]);
    given::<Classification>([named("医疗信息")])
        .when(name("106", "医疗健康信息", city()))
        .then([named("医疗健康信息")]);
    given::<Classification>([named("医疗信息")])
        .when(name("106", "医疗信息", city()))
        .then_nothing();
}

/// R15.1: the regulation's own categories keep their names.
#[test]
fn the_regulations_categories_keep_their_names() {
    for code in ["1", "3", "101", "212"] {
        given::<Classification>([])
            .when(name(code, "其他名称", city()))
            .then_rejected(Rejection::BuiltIn { code: code.parse().unwrap() });
    }
    for (code, known) in tree::BUILT_IN {
        let code: ClassificationCode = code.parse().unwrap();
        assert_eq!(tree::built_in_name(&code), Some(known));
        let parent = code.parent();
        assert!(parent.is_none_or(|parent| tree::built_in_name(&parent).is_some()), "{code}");
    }
}

#[test]
fn a_node_needs_a_parent_and_a_name() {
    let code: ClassificationCode = "106001".parse().unwrap();
    given::<Classification>([])
        .when(Command::Name {
            code: code.clone(),
            name: "门诊".to_owned(),
            parent_known: false,
            by: city(),
        })
        .then_rejected(Rejection::ParentUnknown { code });
    given::<Classification>([])
        .when(name("106", " ", city()))
        .then_rejected(Rejection::NameMissing);
    given::<Classification>([])
        .when(name("106", &"名".repeat(101), city()))
        .then_rejected(Rejection::NameTooLong { found: 101, max: 100 });
}

/// R13.1: the tree is the whole city's; districts and providers do not change it.
#[test]
fn only_the_citys_authority_names_nodes() {
    given::<Classification>([])
        .when(name("106", "医疗", actor("510104", [Role::Authority])))
        .then_rejected(Rejection::DistrictAuthority);
    given::<Classification>([])
        .when(name("106", "医疗", actor("510100", [Role::Provider])))
        .then_rejected(Rejection::Denied(Denied::RoleMissing {
            organisation: "12100000400002259P".parse().unwrap(),
            role: Role::Authority,
        }));
}
