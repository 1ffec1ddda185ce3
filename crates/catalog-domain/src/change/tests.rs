use jiff::ToSpan as _;
use jiff::civil::date;
use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::*;

const CITY: &str = "510100";
const DISTRICT: &str = "510104";
const OTHER_DISTRICT: &str = "510105";
const AUTHORITY: &str = "12100000400002259P";
const DEPARTMENT: &str = "91110000802100433B";
const STRANGER: &str = "91350100M000100Y43";
const TODAY: Date = date(2026, 9, 25);

fn actor(region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{AUTHORITY}/user/u1"),
        organisation: AUTHORITY.parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn affected(code: &str, region: &str) -> Affected {
    Affected { organisation: code.parse().unwrap(), region: region.parse().unwrap() }
}

fn law() -> Record {
    Record {
        kind: Kind::Law,
        title: "《四川省数据条例》修订".to_owned(),
        description: "新增公共数据授权运营的规定".to_owned(),
        effective_on: TODAY,
        affected: vec![affected(DEPARTMENT, DISTRICT)],
    }
}

fn record(record: Record) -> Command {
    let by = actor(CITY, Role::Authority);
    Command::Record { record, unregistered: vec![], today: TODAY, by }
}

fn recorded(record: Record) -> Event {
    Event::Recorded { record, region: CITY.parse().unwrap() }
}

/// R14.1: a change is recorded, and names the organisations affected.
#[test]
fn an_authority_records_a_change() {
    given::<Change>([]).when(record(law())).then([recorded(law())]);
}

/// H1.
#[test]
fn a_repeat_says_nothing_and_another_change_needs_another_id() {
    given::<Change>([recorded(law())]).when(record(law())).then_nothing();

    let other = Record { kind: Kind::Function, ..law() };
    given::<Change>([recorded(law())])
        .when(record(other))
        .then_rejected(Rejection::RecordedOtherwise);
}

/// R13.1: a district authority records changes for its own region alone.
#[test]
fn a_change_beyond_the_authoritys_region_is_refused() {
    let target = OTHER_DISTRICT.parse().unwrap();
    let region = DISTRICT.parse().unwrap();
    let both = vec![affected(DEPARTMENT, DISTRICT), affected(STRANGER, OTHER_DISTRICT)];
    let by = actor(DISTRICT, Role::Authority);

    given::<Change>([])
        .when(Command::Record {
            record: Record { affected: both, ..law() },
            unregistered: vec![],
            today: TODAY,
            by: by.clone(),
        })
        .then_rejected(Rejection::Denied(Denied::OutsideRegion { region, target }));
    given::<Change>([])
        .when(Command::Record { record: law(), unregistered: vec![], today: TODAY, by })
        .then([Event::Recorded { record: law(), region }]);
}

#[test]
fn a_department_records_no_change() {
    let by = actor(CITY, Role::Provider);
    let organisation = AUTHORITY.parse().unwrap();

    given::<Change>([])
        .when(Command::Record { record: law(), unregistered: vec![], today: TODAY, by })
        .then_rejected(Rejection::Denied(Denied::RoleMissing {
            organisation,
            role: Role::Authority,
        }));
}

/// H3: each mistake is named.
#[test]
fn what_cannot_be_recorded_is_named() {
    let twice = vec![affected(DEPARTMENT, DISTRICT), affected(DEPARTMENT, DISTRICT)];
    let organisation = DEPARTMENT.parse().unwrap();
    let many = vec![affected(DEPARTMENT, DISTRICT); ORGANISATIONS_MAX + 1];
    let long = "长".repeat(TITLE_MAX + 1);
    for (wrong, rejection) in [
        (Record { title: " ".to_owned(), ..law() }, Rejection::TitleMissing),
        (
            Record { title: long, ..law() },
            Rejection::TooLong { field: "title", found: TITLE_MAX + 1, max: TITLE_MAX },
        ),
        (Record { affected: vec![], ..law() }, Rejection::NobodyAffected),
        (Record { affected: twice, ..law() }, Rejection::NamedTwice { organisation }),
        (
            Record { affected: many, ..law() },
            Rejection::TooManyAffected { found: ORGANISATIONS_MAX + 1 },
        ),
    ] {
        given::<Change>([]).when(record(wrong)).then_rejected(rejection);
    }

    let unregistered = vec![STRANGER.parse().unwrap()];
    let by = actor(CITY, Role::Authority);
    given::<Change>([])
        .when(Command::Record { record: law(), unregistered, today: TODAY, by })
        .then_rejected(Rejection::NotRegistered { organisation: STRANGER.parse().unwrap() });
}

/// A law takes effect later, or was recorded late: a year either way, and no more.
#[test]
fn the_day_of_the_change_is_within_a_year() {
    for days in [-366, -10, 0, 200, 366] {
        let change = Record { effective_on: TODAY + days.days(), ..law() };
        given::<Change>([]).when(record(change.clone())).then([recorded(change)]);
    }
    for days in [-367, 367] {
        let effective_on = TODAY + days.days();
        given::<Change>([])
            .when(record(Record { effective_on, ..law() }))
            .then_rejected(Rejection::FarOff { effective_on });
    }
}
