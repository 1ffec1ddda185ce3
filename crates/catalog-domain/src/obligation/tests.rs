use jiff::civil::date;
use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::{Calendar, Denied, Period, Role};

use super::*;

const CITY: &str = "510100";
const DISTRICT: &str = "510104";
const AUTHORITY: &str = "12100000400002259P";
const DEPARTMENT: &str = "91110000802100433B";
const STRANGER: &str = "91350100M000100Y43";
const CHANGE: &str = "11111111-2222-4333-8444-555555555555";
const ENTRY: &str = "21111111-2222-4333-8444-555555555555";
/// The day of the change, the last day, and the third working day before it.
const BEGAN: Date = date(2026, 9, 25);
const DUE: Date = date(2026, 10, 22);
const NEAR: Date = date(2026, 10, 22);
const EARLY: Date = date(2026, 10, 9);

fn actor(code: &str, region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn department() -> Actor {
    actor(DEPARTMENT, DISTRICT, Role::Provider)
}

fn city() -> Actor {
    actor(AUTHORITY, CITY, Role::Authority)
}

fn duty() -> Duty {
    Duty {
        organisation: DEPARTMENT.parse().unwrap(),
        region: DISTRICT.parse().unwrap(),
        cause: Cause::Change(CHANGE.parse().unwrap()),
        subject: "《四川省数据条例》修订".to_owned(),
        counted_from: BEGAN,
        opened_on: BEGAN,
        term: Term::WorkingDays(CATALOGUE_UPDATE_WITHIN),
    }
}

fn data_duty() -> Duty {
    Duty {
        cause: Cause::Resource(ENTRY.parse().unwrap()),
        term: Term::Every(Period::Monthly),
        ..duty()
    }
}

fn until(on: Date) -> Deadline {
    Deadline { on, provisional: false, calendar_version: "test".to_owned() }
}

fn provisional(on: Date) -> Deadline {
    Deadline { provisional: true, ..until(on) }
}

fn opened() -> Event {
    Event::Opened { duty: duty(), deadline: until(DUE) }
}

fn warned() -> Event {
    Event::Warned { kind: Kind::CatalogueUpdate, deadline: until(DUE) }
}

fn missed() -> Event {
    Event::Missed { kind: Kind::CatalogueUpdate, deadline: until(DUE) }
}

fn met(on: Date, late: bool, note: &str) -> Event {
    Event::Met(Fulfilment { on, late, resources: vec![], note: note.to_owned() })
}

fn cancelled() -> Event {
    Event::Cancelled { reason: "误报".to_owned() }
}

fn fulfil(on: Date, named: Vec<Named>, note: &str) -> Command {
    Command::Fulfil { on, named, note: note.to_owned(), by: department() }
}

fn named(changed_on: Option<Date>) -> Named {
    Named { resource: ENTRY.parse().unwrap(), changed_on }
}

fn cancel(by: Actor) -> Command {
    Command::Cancel { reason: "误报".to_owned(), by }
}

/// R14.1: an obligation opens with its limit, and warns when three working days are left.
#[test]
fn an_obligation_opens_and_warns_when_the_limit_is_near() {
    given::<Obligation>([])
        .when(Command::Open { duty: duty(), deadline: until(DUE), warn_until: EARLY })
        .then([opened()]);
    given::<Obligation>([opened()]).when(Command::Warn { warn_until: EARLY }).then_nothing();
    given::<Obligation>([opened()]).when(Command::Warn { warn_until: NEAR }).then([warned()]);
    given::<Obligation>([opened(), warned()])
        .when(Command::Warn { warn_until: NEAR })
        .then_nothing();
}

/// R14.1: a change that was recorded late leaves no time to wait with the warning.
#[test]
fn what_opens_late_warns_at_once() {
    given::<Obligation>([])
        .when(Command::Open { duty: duty(), deadline: until(DUE), warn_until: NEAR })
        .then([opened(), warned()]);
}

/// H1: the policy that opens repeats itself after a crash.
#[test]
fn a_repeated_opening_says_nothing() {
    given::<Obligation>([opened(), missed()])
        .when(Command::Open { duty: duty(), deadline: until(EARLY), warn_until: EARLY })
        .then_nothing();
    given::<Obligation>([opened()])
        .when(Command::Open { duty: data_duty(), deadline: until(DUE), warn_until: EARLY })
        .then_rejected(Rejection::OpenedOtherwise);
}

/// R14.1: on its last day an obligation is not missed, on the next it is.
#[test]
fn the_day_after_the_last_one_is_too_late() {
    given::<Obligation>([opened()]).when(Command::Elapse { today: DUE }).then_nothing();
    let tomorrow = DUE.tomorrow().unwrap();
    given::<Obligation>([opened()]).when(Command::Elapse { today: tomorrow }).then([missed()]);
    for over in [missed(), met(DUE, false, "无需调整"), cancelled()] {
        given::<Obligation>([opened(), over])
            .when(Command::Elapse { today: tomorrow })
            .then_nothing();
    }
}

/// A limit that reaches into a year without announced holidays binds nobody until it is counted anew.
#[test]
fn a_provisional_limit_is_not_missed_until_it_is_counted_anew() {
    let opened = Event::Opened { duty: duty(), deadline: provisional(date(2027, 1, 5)) };
    let later = date(2027, 1, 8);
    let recounted = Event::Recounted { kind: Kind::CatalogueUpdate, deadline: until(later) };
    let today = date(2027, 1, 9);

    given::<Obligation>([opened.clone()]).when(Command::Elapse { today }).then_nothing();
    given::<Obligation>([opened.clone()])
        .when(Command::Recount { deadline: until(later) })
        .then([recounted.clone()]);
    given::<Obligation>([opened, recounted])
        .when(Command::Elapse { today })
        .then([Event::Missed { kind: Kind::CatalogueUpdate, deadline: until(later) }]);
    given::<Obligation>([]).when(Command::Recount { deadline: until(later) }).then_nothing();
}

#[test]
fn another_calendar_that_counts_alike_is_no_news() {
    let other = Deadline { calendar_version: "other".to_owned(), ..until(DUE) };
    given::<Obligation>([opened()]).when(Command::Recount { deadline: other }).then_nothing();
}

/// A warning was of a day: if that moves, there is another one.
#[test]
fn a_limit_that_moved_warns_anew() {
    let deadline = until(date(2026, 10, 26));
    let recounted = Event::Recounted { kind: Kind::CatalogueUpdate, deadline: deadline.clone() };

    given::<Obligation>([opened(), warned(), recounted])
        .when(Command::Warn { warn_until: deadline.on })
        .then([Event::Warned { kind: Kind::CatalogueUpdate, deadline }]);
}

/// R14.1: the organisation names what it changed since, or says why nothing had to be.
#[test]
fn an_organisation_fulfils_with_entries_or_with_a_note() {
    let fulfilment = Fulfilment {
        on: DUE,
        late: false,
        resources: vec![ENTRY.parse().unwrap()],
        note: String::new(),
    };
    given::<Obligation>([opened()])
        .when(fulfil(DUE, vec![named(Some(BEGAN))], ""))
        .then([Event::Met(fulfilment)]);
    given::<Obligation>([opened(), warned()])
        .when(fulfil(DUE, vec![], "目录不涉及该条款"))
        .then([met(DUE, false, "目录不涉及该条款")]);
    given::<Obligation>([opened(), met(DUE, false, "无需调整")])
        .when(fulfil(DUE, vec![], "无需调整"))
        .then_nothing();
}

/// R14.1: late is late, whether or not anybody had noted it: history says the same either way.
#[test]
fn what_is_met_late_was_missed() {
    let late = DUE.tomorrow().unwrap();
    given::<Obligation>([opened()])
        .when(fulfil(late, vec![], "无需调整"))
        .then([missed(), met(late, true, "无需调整")]);
    given::<Obligation>([opened(), missed()]).when(fulfil(late, vec![], "无需调整")).then([met(
        late,
        true,
        "无需调整",
    )]);
}

/// H3: what does not count as fulfilment is named.
#[test]
fn a_fulfilment_that_says_nothing_is_refused() {
    let resource = ENTRY.parse().unwrap();
    let unchanged = Rejection::Unchanged { resource, since: BEGAN };
    let long = "长".repeat(NOTE_MAX + 1);
    for (entries, note, rejection) in [
        (vec![], "", Rejection::NothingSaid),
        (vec![], "  ", Rejection::NothingSaid),
        (vec![], long.as_str(), Rejection::TooLong { field: "note", found: NOTE_MAX + 1 }),
        (vec![named(None)], "", Rejection::NotOwn { resource }),
        (vec![named(Some(BEGAN.yesterday().unwrap()))], "", unchanged),
        (vec![named(Some(DUE)); 101], "", Rejection::TooManyNamed { found: 101 }),
    ] {
        given::<Obligation>([opened()]).when(fulfil(DUE, entries, note)).then_rejected(rejection);
    }
    for (over, rejection) in [
        (met(DUE, false, "已调整"), Rejection::AlreadyMet),
        (cancelled(), Rejection::AlreadyCancelled),
    ] {
        given::<Obligation>([opened(), over])
            .when(fulfil(DUE, vec![], "无需调整"))
            .then_rejected(rejection);
    }
    given::<Obligation>([]).when(fulfil(DUE, vec![], "无需调整")).then_rejected(Rejection::Absent);
}

/// A change that is recorded before it takes effect can be followed before, too.
#[test]
fn a_change_to_come_counts_what_was_done_since_it_was_recorded() {
    let recorded = date(2026, 9, 1);
    let duty = Duty { opened_on: recorded, ..duty() };
    given::<Obligation>([Event::Opened { duty, deadline: until(DUE) }])
        .when(fulfil(date(2026, 9, 10), vec![named(Some(date(2026, 9, 2)))], ""))
        .then([Event::Met(Fulfilment {
            on: date(2026, 9, 10),
            late: false,
            resources: vec![ENTRY.parse().unwrap()],
            note: String::new(),
        })]);
}

/// R13.1: nobody fulfils for another, and the authority over the organisation cancels.
#[test]
fn rights_follow_from_organisation_and_region() {
    let stranger = actor(STRANGER, DISTRICT, Role::Provider);
    let other = actor(STRANGER, "510105", Role::Authority);
    let by = stranger.clone();
    given::<Obligation>([opened()])
        .when(Command::Fulfil { on: DUE, named: vec![], note: "无需调整".to_owned(), by })
        .then_rejected(Rejection::Denied(Denied::OtherOrganisation {
            organisation: STRANGER.parse().unwrap(),
            owner: DEPARTMENT.parse().unwrap(),
        }));
    for nobody in [stranger, department(), other] {
        let denied = nobody.may_govern(&duty().region).unwrap_err();
        given::<Obligation>([opened()])
            .when(cancel(nobody))
            .then_rejected(Rejection::Denied(denied));
    }
    for authority in [city(), actor(STRANGER, DISTRICT, Role::Authority)] {
        given::<Obligation>([opened()]).when(cancel(authority.clone())).then([cancelled()]);
        given::<Obligation>([opened(), missed()]).when(cancel(authority)).then([cancelled()]);
    }
}

#[test]
fn a_district_authority_does_not_cancel_its_own() {
    let own = actor(DEPARTMENT, DISTRICT, Role::Authority);
    given::<Obligation>([opened()])
        .when(cancel(own.clone()))
        .then_rejected(Rejection::OwnObligation { organisation: own.organisation });
}

#[test]
fn a_cancellation_has_a_reason_and_comes_once() {
    let silent = Command::Cancel { reason: " ".to_owned(), by: city() };
    given::<Obligation>([opened()]).when(silent).then_rejected(Rejection::ReasonMissing);
    given::<Obligation>([opened(), cancelled()]).when(cancel(city())).then_nothing();
    let other = Command::Cancel { reason: "重复".to_owned(), by: city() };
    given::<Obligation>([opened(), cancelled()])
        .when(other)
        .then_rejected(Rejection::AlreadyCancelled);
    given::<Obligation>([opened(), met(DUE, false, "无需调整")])
        .when(cancel(city()))
        .then_rejected(Rejection::AlreadyMet);
    given::<Obligation>([]).when(cancel(city())).then_rejected(Rejection::Absent);
}

/// R12.4: an obligation to update data is met by the update, and goes with its resource.
#[test]
fn an_obligation_to_update_data_follows_its_cause() {
    let opened = || Event::Opened { duty: data_duty(), deadline: until(DUE) };
    let resources = vec![ENTRY.parse().unwrap()];
    let meet = |on| Command::Meet { on, resources: resources.clone() };
    let met = |on, late| {
        Event::Met(Fulfilment { on, late, resources: resources.clone(), note: String::new() })
    };
    let missed = Event::Missed { kind: Kind::DataUpdate, deadline: until(DUE) };
    let late = DUE.tomorrow().unwrap();

    given::<Obligation>([opened()]).when(meet(DUE)).then([met(DUE, false)]);
    given::<Obligation>([opened()]).when(meet(late)).then([missed.clone(), met(late, true)]);
    given::<Obligation>([opened(), met(DUE, false)]).when(meet(late)).then_nothing();
    given::<Obligation>([opened()])
        .when(fulfil(DUE, vec![], "已更新"))
        .then_rejected(Rejection::MetByUpdate);
    given::<Obligation>([opened()]).when(cancel(city())).then_rejected(Rejection::FollowsItsCause);

    let lapse = || Command::Lapse { reason: "误报".to_owned() };
    given::<Obligation>([opened()]).when(lapse()).then([cancelled()]);
    given::<Obligation>([opened(), missed]).when(lapse()).then_nothing();
    given::<Obligation>([]).when(lapse()).then_rejected(Rejection::Absent);
}

#[test]
fn a_warning_is_due_three_working_days_ahead() {
    let calendar = Calendar::new("test", std::collections::BTreeMap::new()).unwrap();
    // Thursday 22 October: warned from Monday 19 on.
    assert!(warn_until(&calendar, date(2026, 10, 16)) < DUE);
    assert!(warn_until(&calendar, date(2026, 10, 18)) < DUE);
    assert_eq!(warn_until(&calendar, date(2026, 10, 19)), DUE);
}

fn commands() -> impl Strategy<Value = Command> {
    let days = (0_i64..60).prop_map(|days| BEGAN.saturating_add(jiff::Span::new().days(days)));
    (0_usize..8, days, any::<bool>()).prop_map(|(which, day, provisional)| match which {
        0 => Command::Open { duty: duty(), deadline: until(DUE), warn_until: day },
        1 => Command::Warn { warn_until: day },
        2 => Command::Recount { deadline: Deadline { provisional, ..until(day) } },
        3 => Command::Elapse { today: day },
        4 => Command::Meet { on: day, resources: vec![] },
        5 => fulfil(day, vec![named(Some(day))], ""),
        6 => Command::Lapse { reason: "撤销".to_owned() },
        _ => cancel(city()),
    })
}

proptest! {
    /// Whatever is asked and when: it opens once and ends once, is missed at most once and never after it ended, and a repeat
    /// says nothing.
    #[test]
    fn an_obligation_opens_once_and_ends_once(asked in prop::collection::vec(commands(), 0..40)) {
        let mut state = Obligation::default();
        let mut history = Vec::new();
        for command in asked {
            let Ok(events) = state.decide(command.clone()) else { continue };
            state = replay(state, &events);
            let repeated = state.decide(command);
            prop_assert!(repeated.is_err() || repeated == Ok(vec![]), "{repeated:?}");
            history.extend(events);
        }
        let places = |wanted: fn(&Event) -> bool| -> Vec<usize> {
            history.iter().enumerate().filter(|(_, event)| wanted(event)).map(|(at, _)| at).collect()
        };
        let opened = places(|event| matches!(event, Event::Opened { .. }));
        let missed = places(|event| matches!(event, Event::Missed { .. }));
        let ended = places(|event| matches!(event, Event::Met(_) | Event::Cancelled { .. }));
        prop_assert!(history.is_empty() || opened == [0]);
        prop_assert!(missed.len() <= 1 && ended.len() <= 1);
        if let Some(end) = ended.first() {
            prop_assert_eq!(*end, history.len() - 1);
        }
        if let Some(Event::Met(fulfilment)) = history.last() {
            prop_assert_eq!(fulfilment.late, !missed.is_empty());
        }
    }
}
