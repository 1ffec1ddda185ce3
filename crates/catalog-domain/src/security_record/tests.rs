use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::*;

const OWN: &str = "91110000802100433B";
const OTHER: &str = "12100000400002259P";

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn region() -> RegionCode {
    "510104".parse().unwrap()
}

fn actor(code: &str, region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn own() -> Actor {
    actor(OWN, "510104", Role::Provider)
}

fn entry() -> Entry {
    Entry {
        organisation: OWN.parse().unwrap(),
        kind: Kind::Drill,
        title: "2026 年第一次应急演练".to_owned(),
        owner: "so-1".parse().unwrap(),
        opened_on: date("2026-01-04"),
        due_on: date("2026-01-31"),
    }
}

fn open(entry: Entry, by: Actor) -> Command {
    Command::Open { entry, region: region(), by }
}

fn close(outcome: &str, by: Actor) -> Command {
    let (on, outcome) = (date("2026-01-20"), outcome.to_owned());
    Command::Close { on, outcome, region: region(), by }
}

fn opened() -> Event {
    Event::Opened { entry: entry(), region: region() }
}

fn closed() -> Event {
    Event::Closed { on: date("2026-01-20"), outcome: "通过".to_owned() }
}

/// R42.1: what is recorded has somebody who sees to it, a last day and an outcome.
#[test]
fn a_record_is_opened_and_closed_with_its_outcome() {
    let authority = || actor(OTHER, "510100", Role::Authority);
    for by in [own(), authority()] {
        given::<SecurityRecord>([]).when(open(entry(), by.clone())).then([opened()]);
        given::<SecurityRecord>([opened()]).when(open(entry(), by.clone())).then_nothing();
        given::<SecurityRecord>([opened()]).when(close("通过", by.clone())).then([closed()]);
        given::<SecurityRecord>([opened(), closed()]).when(close("通过", by)).then_nothing();
    }
    given::<SecurityRecord>([opened(), closed()])
        .when(close("未通过", own()))
        .then_rejected(Rejection::AlreadyClosed);
    given::<SecurityRecord>([]).when(close("通过", own())).then_rejected(Rejection::Absent);
}

/// R13.1: nobody beyond the organisation and its authority.
#[test]
fn strangers_record_nothing() {
    let neighbour = || actor(OTHER, "510105", Role::Authority);
    let outside = || {
        Rejection::Denied(Denied::OutsideRegion {
            region: "510105".parse().unwrap(),
            target: region(),
        })
    };
    given::<SecurityRecord>([]).when(open(entry(), neighbour())).then_rejected(outside());
    given::<SecurityRecord>([opened()]).when(close("通过", neighbour())).then_rejected(outside());
}

#[test]
fn days_follow_each_other() {
    let late = Entry { due_on: date("2026-01-03"), ..entry() };
    let (due, opened_on) = (late.due_on, late.opened_on);
    given::<SecurityRecord>([])
        .when(open(late, own()))
        .then_rejected(Rejection::DueBeforeBeginning { due, opened: opened_on });
    let (on, outcome) = (date("2026-01-03"), "通过".to_owned());
    given::<SecurityRecord>([opened()])
        .when(Command::Close { on, outcome, region: region(), by: own() })
        .then_rejected(Rejection::NotBegun { opened: opened_on });
}

/// H5: a person's number stays out of it.
#[test]
fn a_record_holds_no_personal_data() {
    let title = "张三 510102199001011234 信息泄露".to_owned();
    given::<SecurityRecord>([])
        .when(open(Entry { title, ..entry() }, own()))
        .then_rejected(Rejection::Text(TextMistake::Personal { field: "title" }));
    given::<SecurityRecord>([opened()])
        .when(close("已通知 13800138000", own()))
        .then_rejected(Rejection::Text(TextMistake::Personal { field: "outcome" }));
}
