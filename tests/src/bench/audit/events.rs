//! Events as an exchange has them: transfers that are asked for, break off and go on a few times, and end with a receipt. A thousand are
//! under way at any time, so that each event comes long after the one before it of the same transfer.

use jiff::SignedDuration;
use prost_types::Any;
use publicdata_event_store::{NewCommit, Recorded, Subject};
use publicdata_proto::catalog::v1::{DeliveryMode, OrganisationRegistered, Role};
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{
    TransferCompleted, TransferInterrupted, TransferRequested, TransferResumed,
};
use publicdata_types::{CommandId, Digest};
use uuid::Uuid;

use crate::bench::entry;

pub(super) const CATALOG: &str = "CATALOG";
pub(super) const EXCHANGE: &str = "EXCHANGE";
/// Who may read the log.
pub(super) const AUDITOR: &str = "11510100MB0000019Q";

const PROVIDER: &str = "11510100MB0000027K";
const CONSUMER: &str = "11510100MB0000035E";
const CITY: &str = "510100";
/// How many transfers are under way.
const AT_ONCE: u64 = 1_000;
/// How many events a transfer has.
const STEPS: u64 = 10;
/// Between two events.
const PACE: SignedDuration = SignedDuration::from_millis(3);

/// The event of the stream `CATALOG`, which lets an auditor in.
pub(super) fn auditor() -> anyhow::Result<Recorded> {
    let registered = OrganisationRegistered {
        code: AUDITOR.to_owned(),
        name: "成都市审计局".to_owned(),
        region_code: CITY.to_owned(),
        roles: vec![Role::Auditor.into()],
        ..OrganisationRegistered::default()
    };
    let subject = Subject::new("catalog", "organisation", AUDITOR)?;
    recorded(CATALOG, 1, subject, Any::from_msg(&registered)?)
}

/// The event at this place of the stream `EXCHANGE`, counted from 1.
pub(super) fn event(sequence: u64) -> anyhow::Result<Recorded> {
    let place = sequence - 1;
    let wave = place / (AT_ONCE * STEPS);
    let step = place / AT_ONCE % STEPS;
    let id = id(wave * AT_ONCE + place % AT_ONCE).to_string();
    let event = match step {
        0 => Any::from_msg(&requested())?,
        step if step == STEPS - 1 => Any::from_msg(&completed(place))?,
        step if step % 2 == 1 => Any::from_msg(&interrupted())?,
        step => Any::from_msg(&resumed(step))?,
    };
    recorded(EXCHANGE, sequence, Subject::new("exchange", "transfer", &id)?, event)
}

fn recorded(stream: &str, sequence: u64, subject: Subject, event: Any) -> anyhow::Result<Recorded> {
    let recorded_at = entry::occurred_at()? + PACE * i32::try_from(sequence)?;
    let command_id = CommandId::from_uuid(id(u64::MAX - sequence));
    let commit = NewCommit {
        command_id,
        actor: format!("spiffe://bench.internal/org/{CONSUMER}/node/node-1"),
        occurred_at: recorded_at,
        traceparent: None,
        events: vec![event],
    };
    Ok(Recorded {
        stream: stream.to_owned(),
        sequence,
        subject,
        recorded_at,
        message_id: command_id.to_string(),
        traceparent: None,
        payload: commit.encode(),
    })
}

fn requested() -> TransferRequested {
    TransferRequested {
        grant_id: id(0).to_string(),
        resource_id: id(1).to_string(),
        resource_code: "3010100/00001".to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        consumer_node: format!("spiffe://bench.internal/org/{CONSUMER}/node/node-1"),
        requested_by: format!("spiffe://bench.internal/org/{CONSUMER}/user/system-1"),
        fields: ["code", "name", "areaCode"].map(str::to_owned).to_vec(),
        purpose: "社区公共卫生服务网格划分".to_owned(),
        mode: DeliveryMode::Bulk.into(),
        ..TransferRequested::default()
    }
}

fn interrupted() -> TransferInterrupted {
    TransferInterrupted {
        reason: "PROVIDER_NODE_LOST".to_owned(),
        message: "the provider's node is not connected; the transfer can be resumed".to_owned(),
    }
}

fn resumed(step: u64) -> TransferResumed {
    TransferResumed { received_frames: step * 8, request: Some(SignedMessage::default()) }
}

fn completed(place: u64) -> TransferCompleted {
    TransferCompleted {
        rows: 20_000 + place % 1_000,
        bytes: 1_500_000,
        sha256: Digest::of(place.to_be_bytes()).as_bytes().to_vec(),
        ..TransferCompleted::default()
    }
}

fn id(number: u64) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes())
}
