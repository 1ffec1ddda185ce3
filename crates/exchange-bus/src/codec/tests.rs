//! Each published event version has a golden file, which is never edited: what was stored once must stay readable.

use std::path::Path;

use prost::Message as _;
use publicdata_event_store::aggregates::{Codec, EventOf};
use publicdata_exchange_domain::application::{Application, Request};
use publicdata_exchange_domain::terms::Field;
use publicdata_exchange_domain::transfer::{Cause, Receipt, Refuser, Source, Way};
use publicdata_exchange_domain::{ProofKind, Query, SignedBytes, Terms};
use publicdata_proto::common::v1::{Signature, SignedMessage};
use publicdata_proto::exchange::v1::{LogArchive, Receipt as WireReceipt, TransferRequest};
use publicdata_transfer::terms::write;
use publicdata_types::{Deadline, DeliveryMode, Digest, ItemType, Mask};

mod objections;

const PROVIDER: &str = "91350100M000100Y43";
const CONSUMER: &str = "12100000400002259P";
const ID: &str = "00000000-0000-4000-8000-000000000001";

/// H2: events that were stored by an earlier version are read as what they meant.
#[test]
fn grant_events_read_and_write_as_they_always_did() {
    use publicdata_exchange_domain::grant::Event;

    let deadline = deadline();
    for (name, event) in [
        ("application_submitted.v1", Event::ApplicationSubmitted(application())),
        ("application_overdue.v1", Event::ApplicationOverdue { deadline }),
        (
            "application_refused.v1",
            Event::ApplicationRefused {
                legal_basis: "《数据安全法》".to_owned(),
                reason: "超出职责".to_owned(),
            },
        ),
        ("grant_issued.v1", Event::Issued { terms: terms(), signed: signed_terms() }),
        ("grant_revoked.v1", Event::Revoked { reason: "用途变更".to_owned() }),
    ] {
        golden::<super::grant::Grants>(name, &event);
    }
}

/// H2: as above, for the archives of the log.
#[test]
fn archive_events_read_and_write_as_they_always_did() {
    use publicdata_exchange_domain::archive::Event;

    let time = |text: &str| Some(super::values::time_to_wire(text.parse().unwrap()));
    let archive = LogArchive {
        number: 3,
        from: time("2026-03-01T00:00:00+08:00"),
        until: time("2026-04-01T00:00:00+08:00"),
        after_sequence: 70,
        last_sequence: 170,
        path: "exchange-log-2026-03-01-to-2026-03-31-0707070707070707.parquet".to_owned(),
        rows: 40,
        bytes: 12_345,
        sha256: vec![7; 32],
        first_transfer_sequence: 60,
        last_transfer_sequence: 168,
        first_requested_at: time("2026-02-27T08:00:00+08:00"),
        last_requested_at: time("2026-03-31T23:00:00+08:00"),
        layout: 1,
    };
    let sealed = super::grant::open(&signed(&archive)).unwrap();
    let sealed = super::archive::archive_of(&sealed).unwrap();
    for (name, event) in [
        ("log_archive_sealed.v1", Event::Sealed(sealed)),
        ("log_trimmed.v1", Event::Trimmed { number: 3 }),
        ("log_archive_expired.v1", Event::Expired { number: 3 }),
    ] {
        golden::<super::archive::LogArchives>(name, &event);
    }
}

/// H2: as above, for transfers.
#[test]
fn transfer_events_read_and_write_as_they_always_did() {
    use publicdata_exchange_domain::transfer::Event;

    let cause = || Cause { reason: "FIELD_OUTSIDE_GRANT".to_owned(), message: "no".to_owned() };
    for (name, event) in [
        ("transfer_requested.v1", Event::Requested(request(Some(source())))),
        ("transfer_requested_unknown_grant.v1", Event::Requested(request(None))),
        ("transfer_requested_proof.v1", Event::Requested(proof())),
        ("transfer_requested_through.v1", Event::Requested(through(request(Some(source()))))),
        ("transfer_refused.v1", Event::Refused { refuser: Refuser::ProviderNode, cause: cause() }),
        ("transfer_refused_peer.v1", Event::Refused { refuser: Refuser::PeerBus, cause: cause() }),
        (
            "transfer_resumed.v1",
            Event::Resumed { received_frames: 7, signed: signed(&TransferRequest::default()) },
        ),
        ("transfer_interrupted.v1", Event::Interrupted { cause: cause() }),
        ("transfer_stopped.v1", Event::Stopped { reason: "GRANT_REVOKED".to_owned() }),
        ("transfer_completed.v1", Event::Completed(receipt())),
    ] {
        golden::<super::transfer::Transfers>(name, &event);
    }
}

fn reconciliation() -> publicdata_exchange_domain::subscription::Reconciliation {
    use publicdata_exchange_domain::subscription::{Reconciliation, RowSet};

    let rows =
        |rows, digest| RowSet { rows, digest: [digest; 32], source_version: "1f".to_owned() };
    Reconciliation {
        transfer: ID.parse().unwrap(),
        statement: signed(&publicdata_proto::exchange::v1::SinkStatement::default()),
        source: rows(30, 7),
        sink: rows(31, 8),
    }
}

/// H2: as above, for subscriptions.
#[test]
fn subscription_events_read_and_write_as_they_always_did() {
    use publicdata_exchange_domain::subscription::{End, Event, Trigger};

    for (name, event) in [
        ("subscription_opened.v1", Event::Opened(subscription(Trigger::OnChange))),
        ("subscription_opened_once.v1", Event::Opened(subscription(Trigger::Once))),
        ("subscription_reconciled.v1", Event::Reconciled(reconciliation())),
        ("subscription_changed.v1", Event::Changed(subscription(Trigger::every(900).unwrap()))),
        (
            "subscription_changed_daily.v1",
            Event::Changed(subscription("daily 02:30".parse().unwrap())),
        ),
        ("subscription_ended.v1", Event::Ended(End::Requested { reason: "系统下线".to_owned() })),
        ("subscription_ended_revoked.v1", Event::Ended(End::GrantRevoked)),
        ("subscription_ended_expired.v1", Event::Ended(End::GrantExpired)),
        (
            "subscription_ended_withdrawn.v1",
            Event::Ended(End::Withdrawn { reason: "归集已停止".to_owned() }),
        ),
    ] {
        golden::<super::subscription::Subscriptions>(name, &event);
    }
}

fn subscription(
    trigger: publicdata_exchange_domain::subscription::Trigger,
) -> publicdata_exchange_domain::subscription::Settings {
    publicdata_exchange_domain::subscription::Settings {
        name: "villages".to_owned(),
        grant: ID.parse().unwrap(),
        resource: ID.parse().unwrap(),
        resource_code: "302001/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        consumer: CONSUMER.parse().unwrap(),
        consumer_node: format!("spiffe://chengdu.example/org/{CONSUMER}/node/node-1"),
        fields: vec!["code".to_owned()],
        purpose: "社区服务".to_owned(),
        case_number: "2026-0104".to_owned(),
        trigger,
    }
}

fn through(
    request: publicdata_exchange_domain::transfer::Request,
) -> publicdata_exchange_domain::transfer::Request {
    let bus = |name: &str| Some(format!("spiffe://chengdu.example/service/{name}"));
    let way = Way {
        requested_through: bus("exchange-bus-510104"),
        served_through: bus("exchange-bus-510105"),
    };
    publicdata_exchange_domain::transfer::Request { way, ..request }
}

#[test]
fn an_event_of_another_aggregate_is_an_error() {
    let stopped =
        super::transfer::Transfers::encode(&publicdata_exchange_domain::transfer::Event::Stopped {
            reason: "GRANT_REVOKED".to_owned(),
        });

    assert!(super::grant::Grants::decode(&stopped).is_err());
}

#[track_caller]
fn golden<C: Codec>(name: &str, event: &EventOf<C>)
where
    EventOf<C>: PartialEq + std::fmt::Debug,
{
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.hex"));
    let encoded = C::encode(event);
    let Ok(stored) = std::fs::read_to_string(&path) else {
        std::fs::write(&path, hex::encode(encoded.encode_to_vec()) + "\n").unwrap();
        panic!("{name} is new; its golden file was written, commit it");
    };

    let stored = prost_types::Any::decode(hex::decode(stored.trim()).unwrap().as_slice()).unwrap();
    assert_eq!(C::decode(&stored).unwrap().as_ref(), Some(event), "{name} reads otherwise");
    assert_eq!(encoded, stored, "{name} is written otherwise");
}

fn deadline() -> Deadline {
    Deadline {
        on: "2026-03-16".parse().unwrap(),
        provisional: true,
        calendar_version: "cn-0123456789ab".to_owned(),
    }
}

fn application() -> Application {
    Application {
        resource: ID.parse().unwrap(),
        resource_code: "302001/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        consumer: CONSUMER.parse().unwrap(),
        request: Request {
            purpose: "社区网格管理".to_owned(),
            legal_basis: "《条例》".to_owned(),
            fields: vec!["code".to_owned(), "name".to_owned()],
            row_filter: Some("code = '1'".to_owned()),
            modes: [DeliveryMode::Query, DeliveryMode::Bulk, DeliveryMode::Push].into(),
            valid_from: "2026-03-02".parse().unwrap(),
            valid_until: "2026-12-30".parse().unwrap(),
            renews: None,
        },
        deadline: deadline(),
    }
}

fn field(name: &str, mask: Option<Mask>) -> Field {
    Field { name: name.to_owned(), kind: ItemType::Text, mask, rules: None }
}

fn terms() -> Terms {
    Terms {
        grant: ID.parse().unwrap(),
        resource: ID.parse().unwrap(),
        resource_code: "302001/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        consumer: Some(CONSUMER.parse().unwrap()),
        fields: vec![field("code", None), field("phone", Some(Mask::Partial))],
        row_filter: Some("code = '1'".to_owned()),
        filter_items: [].into(),
        purpose: "社区网格管理".to_owned(),
        modes: [DeliveryMode::Bulk].into(),
        valid_from: "2026-03-01T16:00:00Z".parse().unwrap(),
        valid_until: "2026-12-30T16:00:00.5Z".parse().unwrap(),
        rows_max: Some(1_000),
        rate: None,
        total_rows_max: None,
    }
}

fn signed_terms() -> SignedBytes {
    signed(&write(&terms()))
}

fn signature(value: u8) -> Signature {
    let certificate_chain = vec![vec![1, 2, 3]];
    Signature { algorithm: "ed25519".to_owned(), certificate_chain, value: vec![value; 4] }
}

fn signed(message: &impl prost::Message) -> SignedBytes {
    super::grant::seal(&SignedMessage {
        message: message.encode_to_vec(),
        signature: Some(signature(4)),
    })
}

fn source() -> Source {
    Source {
        resource: ID.parse().unwrap(),
        resource_code: "302001/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
    }
}

fn request(source: Option<Source>) -> publicdata_exchange_domain::transfer::Request {
    publicdata_exchange_domain::transfer::Request {
        grant: ID.parse().unwrap(),
        source,
        consumer: CONSUMER.parse().unwrap(),
        consumer_node: format!("spiffe://test.internal/org/{CONSUMER}/node/n1"),
        requested_by: format!("spiffe://test.internal/org/{CONSUMER}/user/u1"),
        fields: vec!["code".to_owned()],
        purpose: "社区网格管理".to_owned(),
        case_number: "case-1".to_owned(),
        mode: DeliveryMode::Bulk,
        query: None,
        way: Way::default(),
        signed: signed(&TransferRequest {
            transfer_id: ID.to_owned(),
            ..TransferRequest::default()
        }),
    }
}

fn proof() -> publicdata_exchange_domain::transfer::Request {
    let query = Query { service: "by-code".to_owned(), proof: Some(ProofKind::Confirm) };
    publicdata_exchange_domain::transfer::Request {
        mode: DeliveryMode::Query,
        query: Some(query),
        ..request(Some(source()))
    }
}

fn receipt() -> Receipt {
    let wire = WireReceipt {
        transfer_id: ID.to_owned(),
        grant_id: ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        fields: vec!["code".to_owned()],
        purpose: "社区网格管理".to_owned(),
        rows: 10,
        bytes: 1_000,
        frames: 2,
        sha256: vec![7; 32],
        ..WireReceipt::default()
    };
    let signatures = (Some(signature(5)), Some(signature(6)));
    let receipt = super::transfer::receipt(wire.encode_to_vec(), signatures).unwrap();
    assert_eq!(receipt.digest, Digest::from_bytes([7; 32]));
    receipt
}
