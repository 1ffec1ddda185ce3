use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use uuid::Uuid;

use super::*;

const PROVIDER: &str = "91110000802100433B";
const CONSUMER: &str = "12100000400002259P";

fn signed(attempt: u8) -> SignedBytes {
    SignedBytes(vec![attempt])
}

fn request(attempt: u8) -> Request {
    let node = format!("spiffe://chengdu.example/org/{CONSUMER}/node/node-1");
    Request {
        grant: GrantId::from_uuid(Uuid::from_u128(2)),
        source: Some(Source {
            resource: ResourceId::from_uuid(Uuid::from_u128(1)),
            resource_code: "302001/00001".parse().unwrap(),
            provider: PROVIDER.parse().unwrap(),
        }),
        consumer: CONSUMER.parse().unwrap(),
        consumer_node: node.clone(),
        requested_by: node,
        fields: vec!["code".to_owned(), "name".to_owned()],
        purpose: "社区服务".to_owned(),
        case_number: "2026-0104".to_owned(),
        mode: DeliveryMode::Bulk,
        query: None,
        way: Way::default(),
        signed: signed(attempt),
    }
}

fn receipt() -> Receipt {
    let Request { grant, consumer, fields, purpose, .. } = request(1);
    Receipt {
        grant,
        provider: PROVIDER.parse().unwrap(),
        consumer,
        fields,
        purpose,
        rows: 3_000,
        rejected_rows: 0,
        bytes: 180_000,
        frames: 2,
        digest: Digest::of("frames"),
        signed: signed(7),
        provider_signature: signed(8),
        consumer_signature: signed(9),
    }
}

fn cause(reason: &str) -> Cause {
    Cause { reason: reason.to_owned(), message: "delivery broke off".to_owned() }
}

fn refuse() -> Command {
    Command::Refuse { refuser: Refuser::ExchangeBus, cause: cause("PURPOSE_DIFFERS") }
}

fn resume(attempt: u8) -> Command {
    Command::Resume { request: request(attempt), received_frames: 1 }
}

fn interrupt() -> Command {
    Command::Interrupt { cause: cause("PROVIDER_NODE_LOST") }
}

fn stop() -> Command {
    Command::Stop { reason: "GRANT_REVOKED".to_owned() }
}

fn requested() -> Event {
    Event::Requested(request(1))
}

fn refused() -> Event {
    Event::Refused { refuser: Refuser::ExchangeBus, cause: cause("PURPOSE_DIFFERS") }
}

fn interrupted() -> Event {
    Event::Interrupted { cause: cause("PROVIDER_NODE_LOST") }
}

fn resumed(attempt: u8) -> Event {
    Event::Resumed { received_frames: 1, signed: signed(attempt) }
}

fn stopped() -> Event {
    Event::Stopped { reason: "GRANT_REVOKED".to_owned() }
}

/// R23.2: every attempt is recorded, also one under a grant that nobody knows.
#[test]
fn every_attempt_is_recorded() {
    given::<Transfer>([]).when(Command::Request(request(1))).then([requested()]);

    let unknown = Request { source: None, ..request(1) };
    given::<Transfer>([]).when(Command::Request(unknown.clone())).then([Event::Requested(unknown)]);
    for command in [refuse(), resume(1), interrupt(), stop(), Command::Complete(receipt())] {
        given::<Transfer>([]).when(command).then_rejected(Rejection::Absent);
    }
}

/// R24.1: of a grant at a bus that was cut off when it was asked for, the receipt says who provided; of a grant that nobody knows, none
/// does.
#[test]
fn a_transfer_that_was_passed_on_ends_with_a_receipt() {
    let way = Way {
        served_through: Some("spiffe://chengdu.example/service/bus".to_owned()),
        ..Way::default()
    };
    let passed_on = Request { source: None, way, ..request(1) };
    given::<Transfer>([Event::Requested(passed_on), interrupted(), resumed(2)])
        .when(Command::Complete(receipt()))
        .then([Event::Completed(receipt())]);

    let unknown = Request { source: None, ..request(1) };
    given::<Transfer>([Event::Requested(unknown)])
        .when(Command::Complete(receipt()))
        .then_rejected(Rejection::ReceiptDiffers { what: "provider" });
}

/// R23.2, R30.1: a refusal is recorded with its reason.
#[test]
fn refusal_is_recorded() {
    given::<Transfer>([requested()]).when(refuse()).then([refused()]);
    given::<Transfer>([requested(), refused()]).when(resume(2)).then_rejected(Rejection::Refused);
}

/// R23.2: a delivery ends with the receipt that both nodes signed.
#[test]
fn delivery_ends_with_a_receipt() {
    for history in [
        vec![requested()],
        vec![requested(), interrupted()],
        vec![requested(), interrupted(), resumed(2)],
    ] {
        given::<Transfer>(history)
            .when(Command::Complete(receipt()))
            .then([Event::Completed(receipt())]);
    }
}

/// R23.2: rows that had been delivered before the stop are on the record.
#[test]
fn receipt_counts_even_if_the_stop_came_first() {
    given::<Transfer>([requested(), stopped()])
        .when(Command::Complete(receipt()))
        .then([Event::Completed(receipt())]);
}

/// R30.1: a receipt for something else completes nothing.
#[test]
fn receipt_fits_the_request() {
    let check = |receipt: Receipt, what| {
        given::<Transfer>([requested()])
            .when(Command::Complete(receipt))
            .then_rejected(Rejection::ReceiptDiffers { what });
    };

    check(Receipt { grant: GrantId::from_uuid(Uuid::from_u128(9)), ..receipt() }, "grant");
    check(Receipt { provider: CONSUMER.parse().unwrap(), ..receipt() }, "provider");
    check(Receipt { consumer: PROVIDER.parse().unwrap(), ..receipt() }, "consumer");
    check(Receipt { fields: vec!["code".to_owned()], ..receipt() }, "list of fields");
    check(Receipt { purpose: "其他".to_owned(), ..receipt() }, "purpose");
}

/// H4: what broke off goes on, also if nobody noticed that it broke off.
#[test]
fn interrupted_delivery_is_resumed() {
    given::<Transfer>([requested()]).when(interrupt()).then([interrupted()]);
    given::<Transfer>([requested(), interrupted()]).when(resume(2)).then([resumed(2)]);
    given::<Transfer>([requested()]).when(resume(2)).then([resumed(2)]);
}

/// R30.1: resuming widens nothing.
#[test]
fn resuming_takes_the_same_request() {
    let check = |request: Request, what| {
        given::<Transfer>([requested(), interrupted()])
            .when(Command::Resume { request, received_frames: 1 })
            .then_rejected(Rejection::RequestDiffers { what });
    };
    let other = || "spiffe://chengdu.example/other".to_owned();

    check(Request { grant: GrantId::from_uuid(Uuid::from_u128(9)), ..request(2) }, "grant");
    check(Request { consumer: PROVIDER.parse().unwrap(), ..request(2) }, "consumer");
    check(Request { consumer_node: other(), ..request(2) }, "node");
    check(Request { requested_by: other(), ..request(2) }, "account");
    check(Request { fields: vec!["contact".to_owned()], ..request(2) }, "list of fields");
    check(Request { purpose: "其他".to_owned(), ..request(2) }, "purpose");
    check(Request { case_number: "1".to_owned(), ..request(2) }, "case number");
    check(Request { mode: DeliveryMode::Push, ..request(2) }, "mode");
    let query = Query { service: "by-code".to_owned(), proof: None };
    check(Request { query: Some(query), ..request(2) }, "question");
}

/// R26.2: a revoked grant stops its transfers, and they are not resumed.
#[test]
fn stopped_delivery_is_not_resumed() {
    for history in [vec![requested()], vec![requested(), interrupted()]] {
        given::<Transfer>(history).when(stop()).then([stopped()]);
    }
    given::<Transfer>([requested(), stopped()]).when(resume(2)).then_rejected(Rejection::Stopped);
}

/// H1
#[test]
fn repeated_commands_say_nothing() {
    for (history, command) in [
        (vec![requested()], Command::Request(request(1))),
        (vec![requested(), refused()], refuse()),
        (vec![requested(), refused()], Command::Request(request(1))),
        (vec![requested(), interrupted()], interrupt()),
        (vec![requested(), interrupted(), resumed(2)], resume(2)),
        (vec![requested(), stopped()], stop()),
        (vec![requested(), stopped()], interrupt()),
        (vec![requested(), Event::Completed(receipt())], Command::Complete(receipt())),
    ] {
        given::<Transfer>(history).when(command).then_nothing();
    }
}

#[test]
fn transfer_id_is_used_once() {
    given::<Transfer>([requested()])
        .when(Command::Request(Request { purpose: "其他".to_owned(), ..request(1) }))
        .then_rejected(Rejection::Exists);
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        (1_u8..4).prop_map(|attempt| Command::Request(request(attempt))),
        Just(refuse()),
        (1_u8..4).prop_map(resume),
        Just(interrupt()),
        Just(stop()),
        Just(Command::Complete(receipt())),
        Just(Command::Complete(Receipt { rows: 1, ..receipt() })),
    ]
}

proptest! {
    /// R23.2, R26.2: whatever callers try, nothing follows a refused or completed transfer, and a
    /// stopped one at most completes; a repeated command says nothing.
    #[test]
    fn nothing_follows_the_end(commands in prop::collection::vec(commands(), 0..40)) {
        let mut transfer = Transfer::default();
        for command in commands {
            let Ok(events) = transfer.decide(command.clone()) else { continue };
            match &transfer {
                Transfer::Refused(_) | Transfer::Completed(_) => prop_assert_eq!(&events[..], &[]),
                Transfer::Stopped(_) => {
                    prop_assert!(matches!(events[..], [] | [Event::Completed(_)]));
                }
                Transfer::Absent | Transfer::Running(_) | Transfer::Interrupted(_) => {}
            }
            transfer = replay(transfer, &events);
            prop_assert_eq!(transfer.decide(command), Ok(vec![]));
        }
    }
}
