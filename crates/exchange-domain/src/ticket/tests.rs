use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::{Denied, ResourceId, Role};
use uuid::Uuid;

use super::*;
use crate::terms::tests::{CONSUMER, PROVIDER, STRANGER};

const TODAY: Date = date(2026, 3, 9);

fn actor(code: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: BTreeSet::from([role]),
        region: "510104".parse().unwrap(),
    }
}

fn provider() -> Actor {
    actor(PROVIDER, Role::Provider)
}

fn consumer() -> Actor {
    actor(CONSUMER, Role::Consumer)
}

fn stranger() -> Actor {
    actor(STRANGER, Role::Consumer)
}

fn prose(text: &str) -> Prose {
    text.parse().unwrap()
}

fn until(on: Date) -> Deadline {
    Deadline { on, provisional: false, calendar_version: "2026".to_owned() }
}

fn transfer(number: u128) -> TransferId {
    TransferId::from_uuid(Uuid::from_u128(number))
}

fn delivery() -> Delivery {
    Delivery {
        transfer: transfer(1),
        grant: GrantId::from_uuid(Uuid::from_u128(2)),
        resource: ResourceId::from_uuid(Uuid::from_u128(3)),
        resource_code: "302001/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        consumer: CONSUMER.parse().unwrap(),
        fields: vec!["code".to_owned(), "title".to_owned()],
    }
}

fn finding() -> Finding {
    Finding {
        kind: DataError::WrongValue,
        items: ["title".to_owned()].into(),
        description: prose("名称与登记不符"),
        found_on: date(2026, 3, 4),
        references: ["0123456789abcdef0123456789abcdef".parse().unwrap()].into(),
    }
}

fn raise(finding: Finding) -> Command {
    Command::Raise {
        delivery: Box::new(delivery()),
        finding: Box::new(finding),
        report_deadline: until(date(2026, 3, 11)),
        deadline: until(date(2026, 3, 23)),
        today: TODAY,
        by: consumer(),
    }
}

fn reported() -> Report {
    let limits = (until(date(2026, 3, 11)), until(date(2026, 3, 23)));
    Report::new(delivery(), finding(), limits, TODAY)
}

fn raised() -> Event {
    Event::Raised(reported())
}

fn correction(flow: Flow) -> Correction {
    Correction {
        corrected_at: "2026-03-10T00:00:00Z".parse().unwrap(),
        description: prose("已按登记更正"),
        flow,
    }
}

fn owed() -> Vec<Owed> {
    let grant = delivery().grant;
    [CONSUMER, STRANGER].map(|code| Owed { consumer: code.parse().unwrap(), grant }).to_vec()
}

fn uphold(flow: Flow) -> Command {
    let at = "2026-03-10T02:00:00Z".parse().unwrap();
    Command::Uphold { correction: correction(flow), owed: owed(), at, by: provider() }
}

fn upheld() -> Event {
    Event::Upheld { correction: correction(Flow::ToConsumers), owed: owed() }
}

fn rejected() -> Event {
    Event::Rejected { reason: prose("与登记一致") }
}

fn withdrawn() -> Event {
    Event::Withdrawn { reason: prose("误报") }
}

fn delivered(code: &str, number: u128, requested_at: &str) -> Command {
    Command::Delivered {
        consumer: code.parse().unwrap(),
        transfer: transfer(number),
        requested_at: requested_at.parse().unwrap(),
    }
}

/// R27.1: the report names what it is about, and both its limits.
#[test]
fn a_consumer_reports_what_it_received() {
    let state = given::<Ticket>([]).when(raise(finding())).then([raised()]);
    assert!(!state.report().unwrap().is_late());
}

/// R27.1: a report that comes after its five working days counts, and is recorded as late.
#[test]
fn a_late_report_is_taken_and_late() {
    let report_deadline = until(date(2026, 3, 6));
    let late = Report { report_deadline: report_deadline.clone(), ..reported() };
    let command = Command::Raise {
        delivery: Box::new(delivery()),
        finding: Box::new(finding()),
        report_deadline,
        deadline: until(date(2026, 3, 23)),
        today: TODAY,
        by: consumer(),
    };

    let state = given::<Ticket>([]).when(command).then([Event::Raised(late)]);

    assert!(state.report().unwrap().is_late());
}

/// H1: sent again, even on a later day, its time counts from the first.
#[test]
fn a_repeated_report_says_nothing() {
    let later = Command::Raise {
        delivery: Box::new(delivery()),
        finding: Box::new(finding()),
        report_deadline: until(date(2026, 3, 11)),
        deadline: until(date(2026, 3, 24)),
        today: date(2026, 3, 10),
        by: consumer(),
    };
    given::<Ticket>([raised()]).when(later).then_nothing();
    let other = Finding { kind: DataError::Other, ..finding() };
    given::<Ticket>([raised()]).when(raise(other)).then_rejected(Rejection::Exists);
}

/// R27.1: a finding lies in the past, and in what was delivered.
#[test]
fn a_finding_that_cannot_be_is_refused() {
    let found_on = date(2026, 3, 10);
    let references =
        (0..=100_u128).map(|number| format!("{number:032x}").parse().unwrap()).collect();
    for (finding, rejection) in [
        (Finding { found_on, ..finding() }, Rejection::FoundLater { found_on, today: TODAY }),
        (
            Finding { items: ["contact".to_owned()].into(), ..finding() },
            Rejection::ItemNotDelivered { item: "contact".to_owned() },
        ),
        (Finding { items: [].into(), ..finding() }, Rejection::ItemsMissing),
        (Finding { references, ..finding() }, Rejection::TooManyReferences { found: 101 }),
    ] {
        given::<Ticket>([]).when(raise(finding)).then_rejected(rejection);
    }
}

/// R27.1: whoever did not receive the data does not report it.
#[test]
fn a_stranger_does_not_report() {
    let command = Command::Raise {
        delivery: Box::new(delivery()),
        finding: Box::new(finding()),
        report_deadline: until(date(2026, 3, 11)),
        deadline: until(date(2026, 3, 23)),
        today: TODAY,
        by: stranger(),
    };
    given::<Ticket>([]).when(command).then_rejected(Rejection::Denied(Denied::OtherOrganisation {
        organisation: STRANGER.parse().unwrap(),
        owner: CONSUMER.parse().unwrap(),
    }));
}

/// R27.1: an answer is overdue the day after its last day, once; and still taken.
#[test]
fn an_answer_is_overdue_once() {
    let elapsed = |today| Command::DeadlineElapsed { today };
    let overdue = Event::Overdue { deadline: until(date(2026, 3, 23)) };
    given::<Ticket>([raised()]).when(elapsed(date(2026, 3, 23))).then_nothing();
    given::<Ticket>([raised()]).when(elapsed(date(2026, 3, 24))).then([overdue.clone()]);
    given::<Ticket>([raised(), overdue.clone()]).when(elapsed(date(2026, 3, 25))).then_nothing();
    given::<Ticket>([raised(), rejected()]).when(elapsed(date(2026, 3, 24))).then_nothing();
    given::<Ticket>([raised(), overdue]).when(uphold(Flow::ToConsumers)).then([upheld()]);
}

/// R27.1: a correction that flows is owed; one that does not, is not.
#[test]
fn what_does_not_flow_is_owed_to_nobody() {
    given::<Ticket>([raised()]).when(uphold(Flow::ToConsumers)).then([upheld()]);
    given::<Ticket>([raised()])
        .when(uphold(Flow::Nowhere))
        .then([Event::Upheld { correction: correction(Flow::Nowhere), owed: vec![] }]);
    given::<Ticket>([raised(), upheld()]).when(uphold(Flow::ToConsumers)).then_nothing();
}

#[test]
fn a_correction_that_lies_ahead_is_refused() {
    let at = "2026-03-09T23:00:00Z".parse().unwrap();
    let correction = correction(Flow::ToConsumers);
    given::<Ticket>([raised()])
        .when(Command::Uphold { correction, owed: owed(), at, by: provider() })
        .then_rejected(Rejection::CorrectedLater);
}

/// R27.1: a correction arrives by a transfer that was asked for after it, once for each that is owed it.
#[test]
fn a_correction_arrives_once_and_by_a_later_transfer() {
    let open = || given::<Ticket>([raised(), upheld()]);
    let arrived =
        Event::CorrectionDelivered { consumer: STRANGER.parse().unwrap(), transfer: transfer(7) };
    open().when(delivered(STRANGER, 7, "2026-03-09T23:59:59Z")).then_nothing();
    open().when(delivered(PROVIDER, 7, "2026-03-10T00:00:00Z")).then_nothing();
    open().when(delivered(STRANGER, 7, "2026-03-10T00:00:00Z")).then([arrived.clone()]);
    given::<Ticket>([raised(), upheld(), arrived])
        .when(delivered(STRANGER, 8, "2026-03-11T00:00:00Z"))
        .then_nothing();
}

/// R27.1, R45.1: the provider answers, the consumer takes back, and nobody else does either.
#[test]
fn an_answer_is_the_providers_and_a_withdrawal_the_consumers() {
    let other = |organisation: &str, owner: &str| {
        Rejection::Denied(Denied::OtherOrganisation {
            organisation: organisation.parse().unwrap(),
            owner: owner.parse().unwrap(),
        })
    };
    let open = || given::<Ticket>([raised()]);
    let reason = || prose("与登记一致");
    open()
        .when(Command::Reject { reason: reason(), by: consumer() })
        .then_rejected(other(CONSUMER, PROVIDER));
    open().when(Command::Reject { reason: reason(), by: provider() }).then([rejected()]);
    open()
        .when(Command::Withdraw { reason: prose("误报"), by: provider() })
        .then_rejected(other(PROVIDER, CONSUMER));
    open().when(Command::Withdraw { reason: prose("误报"), by: consumer() }).then([withdrawn()]);
}

#[test]
fn a_ticket_is_answered_once() {
    for (end, rejection) in [
        (upheld(), Rejection::AlreadyUpheld),
        (rejected(), Rejection::AlreadyRejected),
        (withdrawn(), Rejection::AlreadyWithdrawn),
    ] {
        given::<Ticket>([raised(), end])
            .when(Command::Reject { reason: prose("另有理由"), by: provider() })
            .then_rejected(rejection);
    }
    let command = Command::Reject { reason: prose("另有理由"), by: provider() };
    given::<Ticket>([]).when(command).then_rejected(Rejection::Absent);
}

/// H5: what is no reference is refused, and not repeated.
#[test]
fn a_reference_is_32_lower_case_hexadecimal_digits() {
    let text = "0123456789abcdef0123456789abcdef";
    assert_eq!(text.parse::<RecordReference>().unwrap().to_string(), text);
    for wrong in [
        "",
        "11010519491231002X",
        &text.to_uppercase(),
        &text[1..],
        "+123456789abcdef0123456789abcdef",
    ] {
        let error = wrong.parse::<RecordReference>().unwrap_err();
        assert!(wrong.is_empty() || !error.to_string().contains(wrong));
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let days = (9_i8..31).prop_map(|day| Command::DeadlineElapsed { today: date(2026, 3, day) });
    let deliveries = (1_u128..9, 8_u8..14).prop_map(|(number, day)| {
        let code = if number % 2 == 0 { CONSUMER } else { STRANGER };
        delivered(code, number, &format!("2026-03-{day:02}T00:00:00Z"))
    });
    prop_oneof![
        Just(raise(finding())),
        Just(uphold(Flow::ToConsumers)),
        Just(Command::Reject { reason: prose("与登记一致"), by: provider() }),
        Just(Command::Withdraw { reason: prose("误报"), by: consumer() }),
        days,
        deliveries,
    ]
}

proptest! {
    /// Whatever comes in whatever order: one answer, one note of being overdue, and each correction arrives once.
    #[test]
    fn each_thing_happens_once(commands in proptest::collection::vec(any_command(), 0..40)) {
        let mut ticket = Ticket::default();
        let mut history: Vec<Event> = Vec::new();
        for command in commands {
            let Ok(events) = ticket.decide(command) else { continue };
            ticket = replay(ticket, &events);
            history.extend(events);
        }
        let count = |wanted: &dyn Fn(&Event) -> bool| history.iter().filter(|e| wanted(e)).count();
        let overdue = count(&|event| matches!(event, Event::Overdue { .. }));
        let answers = count(&|event| {
            matches!(event, Event::Upheld { .. } | Event::Rejected { .. } | Event::Withdrawn { .. })
        });
        prop_assert!(overdue <= 1 && answers <= 1);
        for code in [CONSUMER, STRANGER] {
            let code = code.parse().unwrap();
            let arrived = count(&|event| {
                matches!(event, Event::CorrectionDelivered { consumer, .. } if *consumer == code)
            });
            prop_assert!(arrived <= 1);
        }
    }
}
