//! Events of the aggregate `subscription`.

use jiff::civil::Time;
use prost::Name as _;
use prost_types::Any;
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_exchange_domain::subscription::{
    End, Event, Reconciliation, RowSet, Settings, Subscription, Trigger,
};
use publicdata_proto::exchange::v1::{
    self as wire, SubscriptionChanged, SubscriptionEnd, SubscriptionEnded, SubscriptionOpened,
    SubscriptionReconciled, SubscriptionSettings, SubscriptionTrigger, SubscriptionTriggerKind,
};

use super::{FieldError, from_any, grant, to_any, unreadable, values};

/// How subscriptions are stored.
#[derive(Clone, Copy, Debug)]
pub struct Subscriptions;

impl Codec for Subscriptions {
    type Aggregate = Subscription;

    const SERVICE: &'static str = "exchange";
    const AGGREGATE: &'static str = "subscription";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Opened(settings) => {
                to_any(&SubscriptionOpened { settings: Some(settings_to_wire(settings)) })
            }
            Event::Changed(settings) => {
                to_any(&SubscriptionChanged { settings: Some(settings_to_wire(settings)) })
            }
            Event::Reconciled(found) => to_any(&reconciled(found)),
            Event::Ended(end) => to_any(&ended(end)),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = match any.type_url.as_str() {
            url if url == SubscriptionOpened::type_url() => {
                let SubscriptionOpened { settings } = from_any(any)?;
                Event::Opened(settings_from_wire(settings).map_err(unreadable(any))?)
            }
            url if url == SubscriptionChanged::type_url() => {
                let SubscriptionChanged { settings } = from_any(any)?;
                Event::Changed(settings_from_wire(settings).map_err(unreadable(any))?)
            }
            url if url == SubscriptionReconciled::type_url() => {
                let found = reconciliation(from_any(any)?);
                Event::Reconciled(found.map_err(unreadable(any))?)
            }
            url if url == SubscriptionEnded::type_url() => {
                Event::Ended(end(from_any(any)?).map_err(unreadable(any))?)
            }
            _ => return Err(unreadable(any)("no event of a subscription")),
        };
        Ok(Some(event))
    }
}

/// When a delivery is due.
///
/// # Errors
/// It says none.
pub fn trigger(wire: Option<&SubscriptionTrigger>) -> Result<Trigger, FieldError> {
    let wire = wire.ok_or_else(|| FieldError::missing("trigger"))?;
    match wire.kind() {
        SubscriptionTriggerKind::Once => Ok(Trigger::Once),
        SubscriptionTriggerKind::OnChange => Ok(Trigger::OnChange),
        SubscriptionTriggerKind::Every => {
            Trigger::every(wire.every_seconds).map_err(FieldError::of("trigger.every_seconds"))
        }
        SubscriptionTriggerKind::Daily => {
            let text = format!("daily {}", wire.daily_at);
            text.parse().map_err(FieldError::of("trigger.daily_at"))
        }
        SubscriptionTriggerKind::Unspecified => Err(FieldError::missing("trigger.kind")),
    }
}

fn trigger_to_wire(trigger: Trigger) -> SubscriptionTrigger {
    let of = |kind: SubscriptionTriggerKind| SubscriptionTrigger {
        kind: kind.into(),
        ..SubscriptionTrigger::default()
    };
    match trigger {
        Trigger::Once => of(SubscriptionTriggerKind::Once),
        Trigger::OnChange => of(SubscriptionTriggerKind::OnChange),
        Trigger::Every { seconds } => {
            SubscriptionTrigger { every_seconds: seconds, ..of(SubscriptionTriggerKind::Every) }
        }
        Trigger::Daily { at } => {
            SubscriptionTrigger { daily_at: clock_text(at), ..of(SubscriptionTriggerKind::Daily) }
        }
    }
}

fn clock_text(at: Time) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// What a subscription asks for, on the wire.
#[must_use]
pub fn settings_to_wire(settings: &Settings) -> SubscriptionSettings {
    SubscriptionSettings {
        name: settings.name.clone(),
        grant_id: settings.grant.to_string(),
        resource_id: settings.resource.to_string(),
        resource_code: settings.resource_code.to_string(),
        provider_code: settings.provider.to_string(),
        consumer_code: settings.consumer.to_string(),
        consumer_node: settings.consumer_node.clone(),
        fields: settings.fields.clone(),
        purpose: settings.purpose.clone(),
        case_number: settings.case_number.clone(),
        trigger: Some(trigger_to_wire(settings.trigger)),
    }
}

fn settings_from_wire(wire: Option<SubscriptionSettings>) -> Result<Settings, FieldError> {
    let wire = wire.ok_or_else(|| FieldError::missing("settings"))?;
    Ok(Settings {
        trigger: trigger(wire.trigger.as_ref())?,
        name: wire.name,
        grant: values::parse("grant_id", &wire.grant_id)?,
        resource: values::parse("resource_id", &wire.resource_id)?,
        resource_code: values::parse("resource_code", &wire.resource_code)?,
        provider: values::parse("provider_code", &wire.provider_code)?,
        consumer: values::parse("consumer_code", &wire.consumer_code)?,
        consumer_node: wire.consumer_node,
        fields: wire.fields,
        purpose: wire.purpose,
        case_number: wire.case_number,
    })
}

fn reconciled(found: &Reconciliation) -> SubscriptionReconciled {
    SubscriptionReconciled {
        transfer_id: found.transfer.to_string(),
        statement: grant::open(&found.statement),
        source: Some(rows_to_wire(&found.source)),
        sink: Some(rows_to_wire(&found.sink)),
        equal: found.is_equal(),
    }
}

fn reconciliation(wire: SubscriptionReconciled) -> Result<Reconciliation, FieldError> {
    let statement = wire.statement.ok_or_else(|| FieldError::missing("statement"))?;
    Ok(Reconciliation {
        transfer: values::parse("transfer_id", &wire.transfer_id)?,
        statement: grant::seal(&statement),
        source: rows_from_wire("source", wire.source)?,
        sink: rows_from_wire("sink", wire.sink)?,
    })
}

fn rows_to_wire(rows: &RowSet) -> wire::RowSet {
    wire::RowSet {
        rows: rows.rows,
        digest: rows.digest.to_vec(),
        source_version: rows.source_version.clone(),
    }
}

/// A statement about rows.
///
/// # Errors
/// It is missing, or its digest is none.
pub fn rows_from_wire(
    field: &'static str,
    wire: Option<wire::RowSet>,
) -> Result<RowSet, FieldError> {
    let wire = wire.ok_or_else(|| FieldError::missing(field))?;
    let digest = wire.digest.as_slice().try_into().map_err(FieldError::of(field))?;
    Ok(RowSet { rows: wire.rows, digest, source_version: wire.source_version })
}

fn ended(end: &End) -> SubscriptionEnded {
    let of = |end: SubscriptionEnd, reason: &str| SubscriptionEnded {
        end: end.into(),
        reason: reason.to_owned(),
    };
    match end {
        End::Requested { reason } => of(SubscriptionEnd::Requested, reason),
        End::GrantRevoked => of(SubscriptionEnd::GrantRevoked, ""),
        End::GrantExpired => of(SubscriptionEnd::GrantExpired, ""),
        End::Withdrawn { reason } => of(SubscriptionEnd::Withdrawn, reason),
    }
}

/// Why a subscription ended.
///
/// # Errors
/// It is not said.
pub fn end(wire: SubscriptionEnded) -> Result<End, FieldError> {
    match wire.end() {
        SubscriptionEnd::Requested => Ok(End::Requested { reason: wire.reason }),
        SubscriptionEnd::GrantRevoked => Ok(End::GrantRevoked),
        SubscriptionEnd::GrantExpired => Ok(End::GrantExpired),
        SubscriptionEnd::Withdrawn => Ok(End::Withdrawn { reason: wire.reason }),
        SubscriptionEnd::Unspecified => Err(FieldError::missing("end")),
    }
}
