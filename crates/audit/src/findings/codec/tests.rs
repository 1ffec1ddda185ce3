use prost::Message as _;

use super::*;

const RAISED: &str = include_str!("../../../tests/golden/finding-raised.v1.hex");
const RAISED_BY_HAND: &str = include_str!("../../../tests/golden/finding-raised-by-hand.v1.hex");
const CLEARED: &str = include_str!("../../../tests/golden/finding-cleared.v1.hex");
const ORDERED: &str = include_str!("../../../tests/golden/rectification-ordered.v1.hex");
const REPORTED: &str = include_str!("../../../tests/golden/rectification-reported.v1.hex");
const ACCEPTED: &str = include_str!("../../../tests/golden/rectification-accepted.v1.hex");
const REJECTED: &str = include_str!("../../../tests/golden/rectification-rejected.v1.hex");
const OVERDUE: &str = include_str!("../../../tests/golden/rectification-overdue.v1.hex");
const ESCALATED: &str = include_str!("../../../tests/golden/finding-escalated.v1.hex");
const DISMISSED: &str = include_str!("../../../tests/golden/finding-dismissed.v1.hex");

fn prose(text: &str) -> Prose {
    text.parse().unwrap()
}

fn date(text: &str) -> jiff::civil::Date {
    text.parse().unwrap()
}

fn place(stream: &str, sequence: u64) -> Position {
    Position { stream: stream.to_owned(), sequence }
}

fn author() -> publicdata_types::OrganisationCode {
    "12100000400002259P".parse().unwrap()
}

fn raised(matter: Matter, thing: Option<&str>, source: Source) -> Event {
    Event::Raised(Box::new(Raised {
        matter,
        article: "第二十六条".to_owned(),
        title: "未在十个工作日内办理共享需求申请".to_owned(),
        organisation: "91110000802100433B".parse().unwrap(),
        region: "510104".parse().unwrap(),
        thing: thing.map(ToOwned::to_owned),
        evidence: vec![place("EXCHANGE", 7), place("EXCHANGE", 40)],
        found_on: date("2026-03-17"),
        source,
    }))
}

fn by_rule() -> Event {
    let source = Source::Rule {
        name: "application-overdue".to_owned(),
        digest: Digest::of(b"rule"),
        measured: Some("1 in 24h, from 1 on".to_owned()),
    };
    raised(Matter::Breach { clause: 5 }, Some("ev.exchange.grant.0190"), source)
}

fn by_hand() -> Event {
    let source = Source::Authority { author: author(), description: prose("重复索要证明") };
    raised(Matter::UnusualUse, None, source)
}

fn ordered() -> Event {
    Event::Ordered(Order {
        author: author(),
        demand: prose("七日内办理"),
        due_on: date("2026-03-31"),
        document: Some(prose("成数〔2026〕1号")),
    })
}

fn escalated() -> Event {
    let escalation = Escalation {
        addressee: prose("监察机关"),
        reason: prose("拒不整改"),
        document: Some(prose("成数〔2026〕2号")),
    };
    Event::Escalated { author: author(), escalation }
}

#[track_caller]
fn check(event: Event, golden: &str) {
    let encoded = Findings::encode(&event);
    let bytes = hex::decode(golden.trim()).unwrap();
    let stored = Any::decode(bytes.as_slice()).unwrap();
    assert_eq!(encoded, stored, "{}", hex::encode(encoded.encode_to_vec()));
    assert_eq!(Findings::decode(&stored).unwrap(), Some(event));
}

/// H2: what version 1 has stored is read for ever, and written the same.
#[test]
fn events_are_as_version_1_stored_them() {
    let (author, reason) = (author(), prose("现场核查"));
    check(by_rule(), RAISED);
    check(by_hand(), RAISED_BY_HAND);
    check(
        Event::Cleared { evidence: vec![place("EXCHANGE", 51)], on: date("2026-03-19") },
        CLEARED,
    );
    check(ordered(), ORDERED);
    let organisation = "91110000802100433B".parse().unwrap();
    let statement = prose("已办理");
    check(Event::Reported { author: organisation, statement, late: true }, REPORTED);
    check(Event::Accepted { author, reason: reason.clone() }, ACCEPTED);
    let due_on = date("2026-04-15");
    check(Event::Rejected { author, reason: reason.clone(), due_on }, REJECTED);
    check(Event::Overdue { due_on }, OVERDUE);
    check(escalated(), ESCALATED);
    check(Event::Dismissed { author, reason }, DISMISSED);
}

#[test]
fn an_unknown_event_is_not_skipped() {
    let any =
        Any { type_url: "type.googleapis.com/publicdata.audit.v1.Newer".to_owned(), value: vec![] };
    assert!(Findings::decode(&any).is_err());
}
