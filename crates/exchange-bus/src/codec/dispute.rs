//! Events of the aggregate `dispute`.

use prost::Name as _;
use prost_types::Any;
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_exchange_domain::dispute::{Dispute, Event, Matter, Objection, Opinion, Outcome};
use publicdata_proto::exchange::v1::{
    DisputeDecided, DisputeMatterKind, DisputeOutcome, DisputeRaised, DisputeReferred,
    DisputeSettled, DisputeStatementMade, DisputeWithdrawn, ExpertOpinionAsked, ExpertOpinionGiven,
    SettlementProposed,
};
use publicdata_types::Prose;
use publicdata_types::{Digest, OrganisationCode};

use super::{FieldError, from_any, to_any, unreadable, values};

/// How disputes are stored.
#[derive(Clone, Copy, Debug)]
pub struct Disputes;

impl Codec for Disputes {
    type Aggregate = Dispute;

    const SERVICE: &'static str = "exchange";
    const AGGREGATE: &'static str = "dispute";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Raised(objection) => to_any(&raised(objection)),
            Event::Stated { author, statement } => to_any(&DisputeStatementMade {
                author_code: author.to_string(),
                statement: said(statement),
            }),
            Event::Proposed { author, number, terms } => to_any(&SettlementProposed {
                author_code: author.to_string(),
                number: *number,
                terms: said(terms),
            }),
            Event::Settled { author, number } => {
                to_any(&DisputeSettled { author_code: author.to_string(), number: *number })
            }
            Event::Referred { author, reason } => {
                to_any(&DisputeReferred { author_code: author.to_string(), reason: said(reason) })
            }
            Event::OpinionAsked { author, question } => to_any(&ExpertOpinionAsked {
                author_code: author.to_string(),
                question: said(question),
            }),
            Event::OpinionGiven { author, opinion } => to_any(&opinion_to_wire(*author, opinion)),
            Event::Decided { author, outcome, decision, reason } => to_any(&DisputeDecided {
                author_code: author.to_string(),
                decision: said(decision),
                reason: said(reason),
                outcome: outcome_to_wire(*outcome).into(),
            }),
            Event::Withdrawn { author, reason } => {
                to_any(&DisputeWithdrawn { author_code: author.to_string(), reason: said(reason) })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = match any.type_url.as_str() {
            url if url == DisputeRaised::type_url() => objection(from_any(any)?).map(Event::Raised),
            url if url == DisputeStatementMade::type_url() => stated(from_any(any)?),
            url if url == SettlementProposed::type_url() => proposed(from_any(any)?),
            url if url == DisputeSettled::type_url() => settled(from_any(any)?),
            url if url == DisputeReferred::type_url() => referred(from_any(any)?),
            url if url == ExpertOpinionAsked::type_url() => asked(from_any(any)?),
            url if url == ExpertOpinionGiven::type_url() => given(from_any(any)?),
            url if url == DisputeDecided::type_url() => decided(from_any(any)?),
            url if url == DisputeWithdrawn::type_url() => withdrawn(from_any(any)?),
            _ => return Err(unreadable(any)("no event of a dispute")),
        };
        event.map(Some).map_err(unreadable(any))
    }
}

/// What a dispute is about, as a request or an event names it.
///
/// # Errors
/// The kind is none, or the id is no UUID.
pub fn matter(kind: DisputeMatterKind, id: &str) -> Result<Matter, FieldError> {
    match kind {
        DisputeMatterKind::Grant => values::parse("matter_id", id).map(Matter::Grant),
        DisputeMatterKind::Application => values::parse("matter_id", id).map(Matter::Application),
        DisputeMatterKind::Transfer => values::parse("matter_id", id).map(Matter::Transfer),
        DisputeMatterKind::Ticket => values::parse("matter_id", id).map(Matter::Ticket),
        DisputeMatterKind::Unspecified => Err(FieldError::missing("matter_kind")),
    }
}

/// The digest of a document; none for no bytes.
///
/// # Errors
/// There are bytes, and not 32 of them.
pub fn document(sha256: Vec<u8>) -> Result<Option<Digest>, FieldError> {
    if sha256.is_empty() {
        return Ok(None);
    }
    match <[u8; 32]>::try_from(sha256) {
        Ok(bytes) => Ok(Some(Digest::from_bytes(bytes))),
        Err(_) => Err(FieldError {
            field: "document_sha256",
            source: "it is not 32 bytes long, as SHA-256 is".into(),
        }),
    }
}

fn matter_to_wire(matter: Matter) -> (DisputeMatterKind, String) {
    match matter {
        Matter::Grant(id) => (DisputeMatterKind::Grant, id.to_string()),
        Matter::Application(id) => (DisputeMatterKind::Application, id.to_string()),
        Matter::Transfer(id) => (DisputeMatterKind::Transfer, id.to_string()),
        Matter::Ticket(id) => (DisputeMatterKind::Ticket, id.to_string()),
    }
}

fn raised(objection: &Objection) -> DisputeRaised {
    let (kind, matter_id) = matter_to_wire(objection.matter);
    DisputeRaised {
        matter_kind: kind.into(),
        matter_id,
        resource_id: objection.resource.to_string(),
        provider_code: objection.provider.to_string(),
        consumer_code: objection.consumer.to_string(),
        author_code: objection.claimant.to_string(),
        region_code: objection.seat.to_string(),
        statement: said(&objection.statement),
    }
}

fn objection(event: DisputeRaised) -> Result<Objection, FieldError> {
    Ok(Objection {
        matter: matter(event.matter_kind(), &event.matter_id)?,
        resource: values::parse("resource_id", &event.resource_id)?,
        provider: values::parse("provider_code", &event.provider_code)?,
        consumer: values::parse("consumer_code", &event.consumer_code)?,
        claimant: author(&event.author_code)?,
        seat: values::parse("region_code", &event.region_code)?,
        statement: Prose::recorded(event.statement),
    })
}

fn stated(event: DisputeStatementMade) -> Result<Event, FieldError> {
    let DisputeStatementMade { author_code, statement } = event;
    Ok(Event::Stated { author: author(&author_code)?, statement: Prose::recorded(statement) })
}

fn proposed(event: SettlementProposed) -> Result<Event, FieldError> {
    let SettlementProposed { author_code, number, terms } = event;
    Ok(Event::Proposed { author: author(&author_code)?, number, terms: Prose::recorded(terms) })
}

fn settled(event: DisputeSettled) -> Result<Event, FieldError> {
    Ok(Event::Settled { author: author(&event.author_code)?, number: event.number })
}

fn referred(event: DisputeReferred) -> Result<Event, FieldError> {
    let DisputeReferred { author_code, reason } = event;
    Ok(Event::Referred { author: author(&author_code)?, reason: Prose::recorded(reason) })
}

fn asked(event: ExpertOpinionAsked) -> Result<Event, FieldError> {
    let ExpertOpinionAsked { author_code, question } = event;
    Ok(Event::OpinionAsked { author: author(&author_code)?, question: Prose::recorded(question) })
}

fn given(event: ExpertOpinionGiven) -> Result<Event, FieldError> {
    let opinion = Opinion {
        text: Prose::recorded(event.opinion),
        document_number: values::non_empty(event.document_number).map(Prose::recorded),
        document: document(event.document_sha256)?,
    };
    Ok(Event::OpinionGiven { author: author(&event.author_code)?, opinion })
}

fn opinion_to_wire(author: OrganisationCode, opinion: &Opinion) -> ExpertOpinionGiven {
    let digest = opinion.document.map(|digest| digest.as_bytes().to_vec());
    ExpertOpinionGiven {
        author_code: author.to_string(),
        opinion: said(&opinion.text),
        document_number: opinion.document_number.as_ref().map(said).unwrap_or_default(),
        document_sha256: digest.unwrap_or_default(),
    }
}

fn decided(event: DisputeDecided) -> Result<Event, FieldError> {
    let DisputeDecided { author_code, decision, reason, outcome } = event;
    Ok(Event::Decided {
        author: author(&author_code)?,
        outcome: outcome_of(outcome)?,
        decision: Prose::recorded(decision),
        reason: Prose::recorded(reason),
    })
}

/// Who was right, if it is said.
pub fn outcome_of(outcome: i32) -> Result<Option<Outcome>, FieldError> {
    match DisputeOutcome::try_from(outcome) {
        Ok(DisputeOutcome::Unspecified) => Ok(None),
        Ok(DisputeOutcome::ForConsumer) => Ok(Some(Outcome::Consumer)),
        Ok(DisputeOutcome::ForProvider) => Ok(Some(Outcome::Provider)),
        Ok(DisputeOutcome::ForBoth) => Ok(Some(Outcome::Both)),
        Err(unknown) => Err(FieldError::of("outcome")(unknown)),
    }
}

const fn outcome_to_wire(outcome: Option<Outcome>) -> DisputeOutcome {
    match outcome {
        None => DisputeOutcome::Unspecified,
        Some(Outcome::Consumer) => DisputeOutcome::ForConsumer,
        Some(Outcome::Provider) => DisputeOutcome::ForProvider,
        Some(Outcome::Both) => DisputeOutcome::ForBoth,
    }
}

fn withdrawn(event: DisputeWithdrawn) -> Result<Event, FieldError> {
    let DisputeWithdrawn { author_code, reason } = event;
    Ok(Event::Withdrawn { author: author(&author_code)?, reason: Prose::recorded(reason) })
}

fn author(code: &str) -> Result<OrganisationCode, FieldError> {
    values::parse("author_code", code)
}

fn said(prose: &Prose) -> String {
    prose.as_str().to_owned()
}
