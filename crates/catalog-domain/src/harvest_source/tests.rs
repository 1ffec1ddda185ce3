use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::*;

fn actor(region: &str, role: Role) -> Actor {
    Actor {
        id: "spiffe://test.internal/org/91350100M000100Y43/user/clerk-1".to_owned(),
        organisation: "91350100M000100Y43".parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn city() -> Actor {
    actor("510100", Role::Authority)
}

fn registration() -> Registration {
    Registration {
        name: "四川省公共数据目录".to_owned(),
        kind: Kind::Ckan,
        url: "https://data.sc.example".to_owned(),
        platform: "四川省大数据中心".to_owned(),
        region: "510100".parse().unwrap(),
    }
}

fn register(by: Actor) -> Command {
    let Registration { name, kind, url, platform, .. } = registration();
    Command::Register { name, kind, url, platform, by }
}

fn advance(cursor: &str, taken: u32) -> Advance {
    Advance { cursor: cursor.to_owned(), taken, ..Advance::default() }
}

/// R23.3: an authority registers a source, once.
#[test]
fn an_authority_registers_a_source() {
    given::<HarvestSource>([]).when(register(city())).then([Event::Registered(registration())]);
    given::<HarvestSource>([Event::Registered(registration())])
        .when(register(city()))
        .then_nothing();
    let Registration { kind, url, platform, .. } = registration();
    given::<HarvestSource>([Event::Registered(registration())])
        .when(Command::Register { name: "另一个".to_owned(), kind, url, platform, by: city() })
        .then_rejected(Rejection::AlreadyRegistered);
}

#[test]
fn nobody_else_registers_one() {
    let by = actor("510100", Role::Provider);
    let denied = by.may_govern(&by.region).unwrap_err();
    given::<HarvestSource>([]).when(register(by)).then_rejected(Rejection::Denied(denied));
}

#[test]
fn a_source_has_a_name_an_address_and_an_owner() {
    let Registration { kind, url, platform, .. } = registration();
    given::<HarvestSource>([])
        .when(Command::Register { name: " ".to_owned(), kind, url, platform, by: city() })
        .then_rejected(Rejection::Empty { field: "name" });
}

/// R13.1: a source is harvested by the authority that registered it, or one above.
#[test]
fn a_harvest_is_recorded_by_the_authority_over_its_region() {
    let registered = [Event::Registered(registration())];
    let command = |by| Command::Advance { advance: advance("2026-01-04", 3), by };
    given::<HarvestSource>(registered.clone())
        .when(command(city()))
        .then([Event::Advanced(advance("2026-01-04", 3))]);
    given::<HarvestSource>(registered.clone())
        .when(command(actor("510000", Role::Authority)))
        .then([Event::Advanced(advance("2026-01-04", 3))]);
    let district = actor("510104", Role::Authority);
    let denied = district.may_govern(&"510100".parse().unwrap()).unwrap_err();
    given::<HarvestSource>(registered)
        .when(command(district))
        .then_rejected(Rejection::Denied(denied));
    given::<HarvestSource>([]).when(command(city())).then_rejected(Rejection::Absent);
}

#[test]
fn a_part_in_which_nothing_happened_is_no_event() {
    given::<HarvestSource>([
        Event::Registered(registration()),
        Event::Advanced(advance("2026-01-04", 3)),
    ])
    .when(Command::Advance { advance: advance("2026-01-04", 0), by: city() })
    .then_nothing();
}
