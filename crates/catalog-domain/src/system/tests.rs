use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::*;

const OWN: &str = "91110000802100433B";
const OTHER: &str = "12100000400002259P";

fn today() -> Date {
    "2026-01-04".parse().unwrap()
}

fn actor(code: &str) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [Role::Provider].into(),
        region: "510104".parse().unwrap(),
    }
}

fn description() -> Description {
    Description {
        name: "社区网格化管理系统".to_owned(),
        operator: OWN.parse().unwrap(),
        hosting: Hosting::GovernmentCloud,
        integration: Integration::Integrated,
        protection_level: Some(3),
        networks: ["电子政务外网".to_owned()].into(),
        holds_personal_data: true,
        agreement: None,
    }
}

fn register(description: Description, by: &str) -> Command {
    Command::Register { description, on: today(), by: actor(by) }
}

fn registered() -> Event {
    Event::Registered { owner: Owner::of(&actor(OWN)), description: description() }
}

fn retire() -> Command {
    Command::Retire { on: today(), reason: "由新系统替代".to_owned(), by: actor(OWN) }
}

/// R8.2: a department registers, changes and retires its systems.
#[test]
fn a_department_registers_changes_and_retires_its_system() {
    let integration = Integration::Isolated { reason: "设备老旧".to_owned() };
    let changed = Description { integration, ..description() };
    let change = Command::Change { description: changed.clone(), on: today(), by: actor(OWN) };

    given::<System>([]).when(register(description(), OWN)).then([registered()]);
    given::<System>([registered()]).when(register(description(), OWN)).then_nothing();
    given::<System>([registered()])
        .when(register(changed.clone(), OWN))
        .then_rejected(Rejection::AlreadyRegistered);
    let event = Event::Changed { description: changed };
    given::<System>([registered()]).when(change.clone()).then([event.clone()]);
    given::<System>([registered(), event]).when(change.clone()).then_nothing();

    let retired = Event::Retired { on: today(), reason: "由新系统替代".to_owned() };
    given::<System>([registered()]).when(retire()).then([retired.clone()]);
    given::<System>([registered(), retired.clone()]).when(retire()).then_nothing();
    given::<System>([registered(), retired])
        .when(change.clone())
        .then_rejected(Rejection::Retired { on: today() });
    given::<System>([]).when(change).then_rejected(Rejection::Absent);
}

/// R13.1: nobody else writes.
#[test]
fn another_organisation_changes_nothing() {
    let denied = || {
        Rejection::Denied(Denied::OtherOrganisation {
            organisation: OTHER.parse().unwrap(),
            owner: OWN.parse().unwrap(),
        })
    };
    given::<System>([registered()])
        .when(Command::Change { description: description(), on: today(), by: actor(OTHER) })
        .then_rejected(denied());
    given::<System>([registered()])
        .when(Command::Retire { on: today(), reason: "x".to_owned(), by: actor(OTHER) })
        .then_rejected(denied());
    given::<System>([registered()]).when(register(description(), OTHER)).then_rejected(denied());
}

#[test]
fn what_contradicts_itself_is_refused() {
    let missing = |field| Rejection::Text(TextMistake::Empty { field });
    let own_place = |place: &str| Hosting::OwnDataCentre { place: place.to_owned() };
    let isolated = |reason: &str| Integration::Isolated { reason: reason.to_owned() };
    let yesterday = today().yesterday().unwrap();
    let many = (0..21).map(|number| format!("专网 {number}")).collect();
    let cases = [
        (Description { name: " ".to_owned(), ..description() }, missing("name")),
        (Description { hosting: own_place(""), ..description() }, missing("place")),
        (
            Description { hosting: own_place("办公楼机房"), ..description() },
            Rejection::IntegratedElsewhere,
        ),
        (Description { integration: isolated(""), ..description() }, missing("isolation reason")),
        (
            Description { integration: Integration::Planned { due: yesterday }, ..description() },
            Rejection::PlanOver { due: yesterday },
        ),
        (
            Description { protection_level: Some(6), ..description() },
            Rejection::ProtectionLevel { found: 6 },
        ),
        (Description { networks: many, ..description() }, Rejection::TooManyNetworks { found: 21 }),
    ];
    for (description, rejection) in cases {
        given::<System>([]).when(register(description, OWN)).then_rejected(rejection);
    }
    let integration = Integration::Planned { due: today() };
    let planned =
        Description { integration, hosting: own_place("办公楼机房"), ..description() };
    assert!(System::Absent.decide(register(planned, OWN)).is_ok());
}

fn commands() -> impl Strategy<Value = Command> {
    let by = || prop::sample::select(vec![OWN, OTHER]);
    let described = || {
        prop::sample::select(vec!["甲系统", "乙系统", ""])
            .prop_map(|name| Description { name: name.to_owned(), ..description() })
    };
    prop_oneof![
        (described(), by()).prop_map(|(description, by)| register(description, by)),
        (described(), by()).prop_map(|(description, by)| Command::Change {
            description,
            on: today(),
            by: actor(by)
        }),
        Just(retire()),
    ]
}

proptest! {
    /// Whatever is tried, a system keeps its owner, nothing follows its retirement, and a repeat says nothing.
    #[test]
    fn a_system_keeps_its_owner_and_ends_once(
        commands in prop::collection::vec(commands(), 0..16),
    ) {
        let mut system = System::default();
        let mut owner = None;
        for command in commands {
            let Ok(events) = system.decide(command.clone()) else { continue };
            let over = matches!(system, System::Retired { .. });
            prop_assert!(events.is_empty() || !over);
            system = replay(system, &events);
            owner = owner.or_else(|| system.owner());
            prop_assert_eq!(system.owner(), owner);
            if !matches!(system, System::Absent) {
                prop_assert_eq!(system.decide(command), Ok(vec![]));
            }
        }
    }
}
