use jiff::civil::date;
use publicdata_catalog_domain::description::{Format, Opening, Sharing, UpdateCycle};
use publicdata_catalog_domain::resource::Update;

use super::*;
use crate::entry::Status;

const NOON: &str = "T04:00:00Z";

fn id() -> ResourceId {
    "11111111-2222-4333-8444-555555555555".parse().unwrap()
}

fn drafted(name: &str) -> Event {
    Event::Drafted {
        code: "302001/00007".parse().unwrap(),
        description: Description {
            name: name.to_owned(),
            abstract_: "全市社区和村的名称与代码".to_owned(),
            classification: "302001".parse().unwrap(),
            provider: "91350100M000100Y43".parse().unwrap(),
            format: Format::Database,
            items: Vec::new(),
            sharing: Sharing::Unconditional,
            delivery_modes: [].into(),
            opening: Opening::NotOpen,
            update_cycle: UpdateCycle::Yearly,
            related: Vec::new(),
            use_requirements: String::new(),
            entity: String::new(),
            format_detail: String::new(),
        },
        region: "510104".parse().unwrap(),
    }
}

fn published(version: u32, day: &str) -> Event {
    Event::Published { version, on: day.parse().unwrap() }
}

fn suspended() -> Event {
    Event::Suspended { reason: "核查中".to_owned(), authority: None }
}

/// What happened at noon of the days named; each was recorded an hour later.
fn history(events: impl IntoIterator<Item = (&'static str, Event)>) -> Vec<Happened> {
    let happened = |(sequence, (day, event)): (u64, (&str, Event))| {
        let occurred_at: Timestamp = format!("{day}{NOON}").parse().unwrap();
        let recorded_at = occurred_at + 1.hour();
        Happened { sequence, recorded_at, occurred_at, actor: String::new(), event }
    };
    (1..).zip(events).map(happened).collect()
}

fn whole_life() -> Vec<Happened> {
    let current_on = date(2026, 3, 1);
    history([
        ("2026-01-04", drafted("旧名录")),
        ("2026-01-05", Event::Submitted),
        ("2026-01-06", published(1, "2026-01-06")),
        ("2026-02-01", drafted("新名录")),
        ("2026-02-02", Event::Submitted),
        ("2026-02-03", published(2, "2026-02-03")),
        ("2026-02-10", suspended()),
        ("2026-02-20", Event::Resumed),
        ("2026-03-01", Event::Updated(Update { current_on, rows: Some(7) })),
        ("2026-04-01", Event::Withdrawn { reason: "职能已划转".to_owned() }),
    ])
}

/// Name, version and status of what held.
fn held(history: &[Happened], day: Date) -> Option<(String, u32, Status)> {
    let held = held_on(id(), history, day).unwrap()?;
    Some((held.description.name.clone(), held.version(), held.status))
}

/// R12.3: what held on a day is the version published by then, and whether it was in use.
#[test]
fn what_held_on_a_day() {
    let history = whole_life();
    let held = |month, day| held(&history, date(2026, month, day));
    let old = |status| Some(("旧名录".to_owned(), 1, status));
    let new = |status| Some(("新名录".to_owned(), 2, status));

    assert_eq!(held(1, 5), None);
    assert_eq!(held(1, 6), old(Status::Published));
    assert_eq!(held(2, 2), old(Status::Published), "a draft changes nothing");
    assert_eq!(held(2, 3), new(Status::Published));
    assert_eq!(held(2, 10), new(Status::Suspended));
    assert_eq!(held(2, 20), new(Status::Published));
    assert_eq!(held(3, 31), new(Status::Published));
    assert_eq!(held(4, 1), new(Status::Withdrawn));
}

/// H2: what held on a day, as far as it was known at a moment.
#[test]
fn what_was_believed_to_hold() {
    let history = whole_life();
    let known = |text: &str| known_at(&history, text.parse().unwrap());
    let day = date(2026, 2, 10);

    let at_noon = held(known("2026-02-10T04:59:59Z"), day).unwrap();
    assert_eq!((at_noon.1, at_noon.2), (2, Status::Published), "not recorded yet");
    let later = held(known("2026-02-10T05:00:00Z"), day).unwrap();
    assert_eq!((later.1, later.2), (2, Status::Suspended));
    let before = held(known("2026-01-20T00:00:00Z"), day).unwrap();
    assert_eq!((before.0.as_str(), before.1), ("旧名录", 1));
    assert_eq!(held(known("2026-01-04T06:00:00Z"), day), None);
}

/// R12.3: every version is kept, with the days on which it held.
#[test]
fn versions_say_how_long_they_held() {
    let versions = versions(&whole_life());
    let told: Vec<_> =
        versions.iter().map(|version| (version.version, version.on, version.held_until)).collect();
    assert_eq!(
        told,
        [
            (1, date(2026, 1, 6), Some(date(2026, 2, 2))),
            (2, date(2026, 2, 3), Some(date(2026, 3, 31))),
        ]
    );
    assert_eq!(versions[0].description.name, "旧名录");

    let same_day = history([
        ("2026-01-04", drafted("旧名录")),
        ("2026-01-04", published(1, "2026-01-04")),
        ("2026-01-04", drafted("新名录")),
        ("2026-01-04", published(2, "2026-01-04")),
    ]);
    let versions = super::versions(&same_day);
    assert_eq!(versions[0].held_until, Some(date(2026, 1, 4)));
    assert_eq!(versions[1].held_until, None);
}
