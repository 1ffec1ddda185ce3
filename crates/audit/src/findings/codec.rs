//! Domain events to wire events and back. A wire event is for ever: its field numbers and its golden file never change.

use std::str::FromStr;

use prost_types::Any;
use publicdata_audit_domain::finding::{
    Escalation, Event, Finding, Matter, Order, Position, Raised, Source,
};
use publicdata_event_store::BoxError;
use publicdata_event_store::aggregates::{Codec, DecodeError, from_any, to_any};
use publicdata_proto::audit::v1 as wire;
use publicdata_types::{Digest, Prose};

/// How findings are stored, by their id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Findings;

impl Codec for Findings {
    type Aggregate = Finding;

    const SERVICE: &'static str = "audit";
    const AGGREGATE: &'static str = "finding";

    fn encode(event: &Event) -> Any {
        match event.clone() {
            Event::Raised(raised) => to_any(&raised_to_wire(&raised)),
            Event::Cleared { evidence, on } => to_any(&wire::FindingCleared {
                evidence: evidence.iter().map(position_to_wire).collect(),
                cleared_on: on.to_string(),
            }),
            Event::Ordered(order) => to_any(&order_to_wire(&order)),
            Event::Reported { author, statement, late } => to_any(&wire::RectificationReported {
                author_code: author.to_string(),
                statement: said(&statement),
                late,
            }),
            Event::Accepted { author, reason } => to_any(&wire::RectificationAccepted {
                author_code: author.to_string(),
                reason: said(&reason),
            }),
            Event::Rejected { author, reason, due_on } => to_any(&wire::RectificationRejected {
                author_code: author.to_string(),
                reason: said(&reason),
                due_on: due_on.to_string(),
            }),
            Event::Overdue { due_on } => {
                to_any(&wire::RectificationOverdue { due_on: due_on.to_string() })
            }
            Event::Escalated { author, escalation } => {
                let Escalation { addressee, reason, document } = escalation;
                to_any(&wire::FindingEscalated {
                    author_code: author.to_string(),
                    addressee: said(&addressee),
                    reason: said(&reason),
                    document_number: document.as_ref().map(said).unwrap_or_default(),
                })
            }
            Event::Dismissed { author, reason } => to_any(&wire::FindingDismissed {
                author_code: author.to_string(),
                reason: said(&reason),
            }),
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(raised) = from_any::<wire::FindingRaised>(any) {
            raised_from_wire(raised?).map(|raised| Event::Raised(Box::new(raised)))
        } else if let Some(cleared) = from_any::<wire::FindingCleared>(any) {
            let wire::FindingCleared { evidence, cleared_on } = cleared?;
            let evidence = evidence.into_iter().map(position).collect();
            parse("cleared_on", &cleared_on).map(|on| Event::Cleared { evidence, on })
        } else if let Some(ordered) = from_any::<wire::RectificationOrdered>(any) {
            order_from_wire(ordered?).map(Event::Ordered)
        } else if let Some(reported) = from_any::<wire::RectificationReported>(any) {
            let wire::RectificationReported { author_code, statement, late } = reported?;
            parse("author_code", &author_code).map(|author| Event::Reported {
                author,
                statement: Prose::recorded(statement),
                late,
            })
        } else if let Some(accepted) = from_any::<wire::RectificationAccepted>(any) {
            let wire::RectificationAccepted { author_code, reason } = accepted?;
            parse("author_code", &author_code)
                .map(|author| Event::Accepted { author, reason: Prose::recorded(reason) })
        } else if let Some(rejected) = from_any::<wire::RectificationRejected>(any) {
            rejected_from_wire(rejected?)
        } else if let Some(overdue) = from_any::<wire::RectificationOverdue>(any) {
            parse("due_on", &overdue?.due_on).map(|due_on| Event::Overdue { due_on })
        } else if let Some(escalated) = from_any::<wire::FindingEscalated>(any) {
            escalated_from_wire(escalated?)
        } else if let Some(dismissed) = from_any::<wire::FindingDismissed>(any) {
            let wire::FindingDismissed { author_code, reason } = dismissed?;
            parse("author_code", &author_code)
                .map(|author| Event::Dismissed { author, reason: Prose::recorded(reason) })
        } else {
            let unknown = "its type is unknown; this program is older than the event";
            return Err(DecodeError::new(any, unknown));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

/// A field of a message that holds what it must not, or does not hold what it must. It does not repeat the value (H5).
#[derive(Debug, thiserror::Error)]
#[error("field `{field}` is wrong")]
pub struct FieldError {
    /// The field.
    pub field: &'static str,
    source: BoxError,
}

impl FieldError {
    pub(crate) fn new(field: &'static str, source: impl Into<BoxError>) -> Self {
        Self { field, source: source.into() }
    }
}

/// Parses a text field.
pub(crate) fn parse<T>(field: &'static str, text: &str) -> Result<T, FieldError>
where
    T: FromStr<Err: Into<BoxError>>,
{
    text.parse().map_err(|source| FieldError::new(field, source))
}

/// The same of one that may be empty.
pub(crate) fn optional<T>(field: &'static str, text: &str) -> Result<Option<T>, FieldError>
where
    T: FromStr<Err: Into<BoxError>>,
{
    match text {
        "" => Ok(None),
        text => parse(field, text).map(Some),
    }
}

/// A place of an event, as it was named.
pub(crate) fn position(position: wire::StreamPosition) -> Position {
    let wire::StreamPosition { stream, sequence } = position;
    Position { stream, sequence }
}

/// What was found, as it stands in an event.
pub(crate) fn raised_to_wire(raised: &Raised) -> wire::FindingRaised {
    let (kind, clause) = match raised.matter {
        Matter::Breach { clause } => (wire::FindingKind::Breach, u32::from(clause)),
        Matter::UnusualUse => (wire::FindingKind::UnusualUse, 0),
    };
    let mut event = wire::FindingRaised {
        kind: kind.into(),
        clause,
        article: raised.article.clone(),
        title: raised.title.clone(),
        organisation_code: raised.organisation.to_string(),
        region_code: raised.region.to_string(),
        thing: raised.thing.clone().unwrap_or_default(),
        evidence: raised.evidence.iter().map(position_to_wire).collect(),
        found_on: raised.found_on.to_string(),
        ..wire::FindingRaised::default()
    };
    match &raised.source {
        Source::Rule { name, digest, measured } => {
            event.rule.clone_from(name);
            event.rule_sha256 = digest.as_bytes().to_vec();
            event.measured = measured.clone().unwrap_or_default();
        }
        Source::Authority { author, description } => {
            event.author_code = author.to_string();
            event.description = said(description);
        }
    }
    event
}

/// An order, as it stands in an event.
pub(crate) fn order_to_wire(order: &Order) -> wire::RectificationOrdered {
    wire::RectificationOrdered {
        author_code: order.author.to_string(),
        demand: said(&order.demand),
        due_on: order.due_on.to_string(),
        document_number: order.document.as_ref().map(said).unwrap_or_default(),
    }
}

pub(crate) fn said(prose: &Prose) -> String {
    prose.as_str().to_owned()
}

fn position_to_wire(position: &Position) -> wire::StreamPosition {
    wire::StreamPosition { stream: position.stream.clone(), sequence: position.sequence }
}

fn raised_from_wire(event: wire::FindingRaised) -> Result<Raised, FieldError> {
    let matter = match event.kind() {
        wire::FindingKind::Breach => {
            let clause = u8::try_from(event.clause);
            Matter::Breach { clause: clause.map_err(|error| FieldError::new("clause", error))? }
        }
        wire::FindingKind::UnusualUse => Matter::UnusualUse,
        wire::FindingKind::Unspecified => {
            return Err(FieldError::new("kind", "it is no kind of finding"));
        }
    };
    let source = match event.author_code.as_str() {
        "" => Source::Rule {
            name: event.rule,
            digest: digest("rule_sha256", &event.rule_sha256)?,
            measured: Some(event.measured).filter(|measured| !measured.is_empty()),
        },
        author => Source::Authority {
            author: parse("author_code", author)?,
            description: Prose::recorded(event.description),
        },
    };
    Ok(Raised {
        matter,
        article: event.article,
        title: event.title,
        organisation: parse("organisation_code", &event.organisation_code)?,
        region: parse("region_code", &event.region_code)?,
        thing: Some(event.thing).filter(|thing| !thing.is_empty()),
        evidence: event.evidence.into_iter().map(position).collect(),
        found_on: parse("found_on", &event.found_on)?,
        source,
    })
}

fn order_from_wire(event: wire::RectificationOrdered) -> Result<Order, FieldError> {
    Ok(Order {
        author: parse("author_code", &event.author_code)?,
        demand: Prose::recorded(event.demand),
        due_on: parse("due_on", &event.due_on)?,
        document: recorded(event.document_number),
    })
}

fn rejected_from_wire(event: wire::RectificationRejected) -> Result<Event, FieldError> {
    Ok(Event::Rejected {
        author: parse("author_code", &event.author_code)?,
        reason: Prose::recorded(event.reason),
        due_on: parse("due_on", &event.due_on)?,
    })
}

fn escalated_from_wire(event: wire::FindingEscalated) -> Result<Event, FieldError> {
    Ok(Event::Escalated {
        author: parse("author_code", &event.author_code)?,
        escalation: Escalation {
            addressee: Prose::recorded(event.addressee),
            reason: Prose::recorded(event.reason),
            document: recorded(event.document_number),
        },
    })
}

fn recorded(text: String) -> Option<Prose> {
    Some(text).filter(|text| !text.is_empty()).map(Prose::recorded)
}

fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest, FieldError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(Digest::from_bytes).map_err(|_| FieldError::new(field, "it is not 32 bytes"))
}

#[cfg(test)]
mod tests;
