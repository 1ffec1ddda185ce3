use jiff::civil::date;
use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;

use super::*;

const CITY: &str = "510100";
const DISTRICT: &str = "510104";
const AUTHORITY: &str = "12100000400002259P";
const LEAD: &str = "91110000802100433B";
const OTHER: &str = "91350100M000100Y43";
const TODAY: Date = date(2026, 1, 31);

fn actor(code: &str, region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn city() -> Actor {
    actor(AUTHORITY, CITY, Role::Authority)
}

fn lead() -> Actor {
    actor(LEAD, CITY, Role::LeadDepartment)
}

fn other() -> Actor {
    actor(OTHER, DISTRICT, Role::LeadDepartment)
}

fn candidate(code: &str) -> Candidate {
    Candidate { code: code.parse().unwrap(), roles: [Role::LeadDepartment].into() }
}

fn establish(by: Actor) -> Command {
    Command::Establish { name: "人口库".to_owned(), lead: candidate(LEAD), by }
}

fn established() -> Event {
    Event::Established { name: "人口库".to_owned(), lead: LEAD.parse().unwrap() }
}

fn assign(item: &str, by: Actor) -> Command {
    Command::AssignItem {
        item: item.to_owned(),
        organisation: OTHER.parse().unwrap(),
        region: DISTRICT.parse().unwrap(),
        update_cycle: UpdateCycle::Monthly,
        from: TODAY,
        by,
    }
}

fn assigned(item: &str) -> Event {
    Event::ItemAssigned {
        item: item.to_owned(),
        organisation: OTHER.parse().unwrap(),
        region: DISTRICT.parse().unwrap(),
        update_cycle: UpdateCycle::Monthly,
        from: TODAY,
    }
}

fn record(current_on: Date, by: Actor) -> Command {
    Command::RecordUpdate { item: "婚姻状况".to_owned(), current_on, today: TODAY, by }
}

fn updated(current_on: Date) -> Event {
    Event::ItemUpdated { item: "婚姻状况".to_owned(), current_on }
}

/// R16.1: the city's authority establishes a library and names who leads it; a repeat says nothing new.
#[test]
fn the_citys_authority_establishes_a_library() {
    given::<Library>([]).when(establish(city())).then([established()]);
    given::<Library>([established()]).when(establish(city())).then_nothing();

    let renamed =
        Command::Establish { name: "法人库".to_owned(), lead: candidate(LEAD), by: city() };
    given::<Library>([established()]).when(renamed).then_rejected(
        Rejection::EstablishedOtherwise {
            name: "人口库".to_owned(), lead: LEAD.parse().unwrap()
        },
    );
}

/// R13.1: a library is the whole city's, so no district authority establishes one.
#[test]
fn a_district_authority_establishes_no_library() {
    let district = actor(AUTHORITY, DISTRICT, Role::Authority);

    given::<Library>([]).when(establish(district)).then_rejected(
        Denied::OutsideRegion { region: DISTRICT.parse().unwrap(), target: CITY.parse().unwrap() }
            .into(),
    );
    given::<Library>([]).when(establish(lead())).then_rejected(
        Denied::RoleMissing { organisation: LEAD.parse().unwrap(), role: Role::Authority }.into(),
    );
}

#[test]
fn a_lead_holds_the_role() {
    let nobody = Candidate { roles: [Role::Provider].into(), ..candidate(LEAD) };
    let command = Command::Establish { name: "人口库".to_owned(), lead: nobody, by: city() };

    given::<Library>([])
        .when(command)
        .then_rejected(Rejection::NotLeadDepartment { code: LEAD.parse().unwrap() });
}

/// R16.1: after a change the new lead assigns, and the old one does not.
#[test]
fn the_lead_changes() {
    let reason = "机构改革".to_owned();
    let change =
        || Command::ChangeLead { lead: candidate(OTHER), reason: reason.clone(), by: city() };
    let changed = Event::LeadChanged { lead: OTHER.parse().unwrap(), reason: reason.clone() };

    given::<Library>([]).when(change()).then_rejected(Rejection::Absent);
    given::<Library>([established()]).when(change()).then([changed.clone()]);
    given::<Library>([established(), changed.clone()]).when(change()).then_nothing();
    given::<Library>([established(), changed.clone()])
        .when(assign("婚姻状况", other()))
        .then([assigned("婚姻状况")]);
    given::<Library>([established(), changed]).when(assign("婚姻状况", lead())).then_rejected(
        Denied::OtherOrganisation {
            organisation: LEAD.parse().unwrap(),
            owner: OTHER.parse().unwrap(),
        }
        .into(),
    );
}

/// R20.1: the lead assigns each item, and may assign it anew; a repeat says nothing new, also after an update.
#[test]
fn the_lead_assigns_items() {
    let history = || [established(), assigned("婚姻状况")];

    given::<Library>([established()])
        .when(assign(" 婚姻状况 ", lead()))
        .then([assigned("婚姻状况")]);
    given::<Library>(history()).when(assign("婚姻状况", lead())).then_nothing();
    given::<Library>(history().into_iter().chain([updated(TODAY)]))
        .when(assign("婚姻状况", lead()))
        .then_nothing();
    given::<Library>([established()])
        .when(assign(" ", lead()))
        .then_rejected(TextMistake::Empty { field: "item" }.into());
}

/// R20.1: the department that an item is assigned to records its updates, and nobody else does.
#[test]
fn whoever_collects_an_item_records_its_updates() {
    let history = || [established(), assigned("婚姻状况")];
    let tomorrow = date(2026, 2, 1);

    given::<Library>(history()).when(record(TODAY, other())).then([updated(TODAY)]);
    given::<Library>(history()).when(record(TODAY, lead())).then_rejected(
        Denied::OtherOrganisation {
            organisation: LEAD.parse().unwrap(),
            owner: OTHER.parse().unwrap(),
        }
        .into(),
    );
    given::<Library>(history())
        .when(record(tomorrow, other()))
        .then_rejected(Rejection::NotYet { current_on: tomorrow, today: TODAY });
    let recorded = || history().into_iter().chain([updated(TODAY)]);
    given::<Library>(recorded()).when(record(TODAY, other())).then_nothing();
    given::<Library>(recorded())
        .when(record(date(2026, 1, 30), other()))
        .then_rejected(Rejection::CurrentAlready { known: TODAY });
}

#[test]
fn a_released_item_is_collected_no_more() {
    let release = || Command::ReleaseItem {
        item: "婚姻状况".to_owned(),
        reason: "改由省级采集".to_owned(),
        by: lead(),
    };
    let released = Event::ItemReleased {
        item: "婚姻状况".to_owned(),
        reason: "改由省级采集".to_owned(),
    };
    let missing =
        Rejection::NoItem { item: "婚姻状况".to_owned(), lead: LEAD.parse().unwrap() };

    let history = [established(), assigned("婚姻状况"), released.clone()];
    given::<Library>(history[..2].to_vec()).when(release()).then([released]);
    given::<Library>(history.clone()).when(release()).then_rejected(missing.clone());
    given::<Library>(history).when(record(TODAY, other())).then_rejected(missing);
}

#[test]
fn a_librarys_code_is_a_group_or_category_of_base_or_theme() {
    for code in ["101", "201001"] {
        assert_eq!(code.parse::<LibraryCode>().unwrap().to_string(), code);
    }
    for code in ["1", "3", "302", "302001", "1010010", "10", "人口"] {
        assert!(code.parse::<LibraryCode>().is_err(), "{code}");
    }
    let around = |place: &str| -> Vec<String> {
        LibraryCode::around(&place.parse().unwrap()).map(|code| code.to_string()).collect()
    };
    assert_eq!(around("10100102"), ["101001", "101"]);
    assert_eq!(around("101"), ["101"]);
    assert_eq!(around("1"), [""; 0]);
    assert_eq!(around("302001"), [""; 0]);
}

fn any_command() -> impl Strategy<Value = Command> {
    let by = prop_oneof![Just(city()), Just(lead()), Just(other())];
    let item = prop_oneof![Just("婚姻状况"), Just("姓名"), Just("")];
    (0..5_u8, by, item, 1..=31_i8).prop_map(|(kind, by, item, day)| match kind {
        0 => establish(by),
        1 => Command::ChangeLead { lead: candidate(OTHER), reason: item.to_owned(), by },
        2 => assign(item, by),
        3 => Command::ReleaseItem { item: item.to_owned(), reason: "停止".to_owned(), by },
        _ => Command::RecordUpdate {
            item: item.to_owned(),
            current_on: date(2026, 1, day),
            today: TODAY,
            by,
        },
    })
}

proptest! {
    /// R16.1, R20.1: whatever is asked, only the city's authority sets the lead, only the lead assigns, only the assigned
    /// department moves an item's date, and it never goes back.
    #[test]
    fn everybody_keeps_to_their_part(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut library = Library::default();
        for command in commands {
            let (Command::Establish { by, .. }
            | Command::ChangeLead { by, .. }
            | Command::AssignItem { by, .. }
            | Command::ReleaseItem { by, .. }
            | Command::RecordUpdate { by, .. }) = command.clone();
            let Ok(events) = library.decide(command.clone()) else { continue };
            for event in &events {
                let state = library.established().cloned();
                match event {
                    Event::Established { .. } | Event::LeadChanged { .. } => {
                        prop_assert_eq!(by.organisation, city().organisation);
                    }
                    Event::ItemAssigned { .. } | Event::ItemReleased { .. } => {
                        prop_assert_eq!(by.organisation, state.unwrap().lead);
                    }
                    Event::ItemUpdated { item, current_on } => {
                        let known = state.unwrap().items[item].clone();
                        prop_assert_eq!(by.organisation, known.organisation);
                        prop_assert!(known.current_on.is_none_or(|known| known < *current_on));
                    }
                }
            }
            library = replay(library, &events);
            // H1: said again, at once, it says nothing new, or is refused because it was carried out.
            if let Ok(again) = library.decide(command) {
                prop_assert_eq!(again, vec![]);
            }
        }
    }
}
