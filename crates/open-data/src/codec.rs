//! Domain events to wire events and back. A wire event is for ever: its field numbers and its golden file never change.

use std::str::FromStr;

use jiff::Timestamp;
use prost_types::Any;
use publicdata_event_store::BoxError;
use publicdata_event_store::aggregates::{Codec, DecodeError, from_any, to_any};
use publicdata_open_data_domain::publication::{
    Content, Event, Outcome, Proposal, Publication, Review,
};
use publicdata_proto::opendata::v1 as wire;
use publicdata_types::Digest;

/// How publications are stored, by their id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publications;

impl Codec for Publications {
    type Aggregate = Publication;

    const SERVICE: &'static str = "opendata";
    const AGGREGATE: &'static str = "publication";

    fn encode(event: &Event) -> Any {
        match event {
            Event::Proposed(proposal) => to_any(&proposal_to_wire(proposal)),
            Event::SecrecyReviewed(review) => to_any(&wire::SecrecyReviewed {
                outcome: outcome_to_wire(review.outcome).into(),
                basis: review.basis.clone(),
                reviewed_by: review.reviewed_by.clone(),
                content_sha256: review.digest.as_bytes().to_vec(),
            }),
            Event::Published { published_by } => {
                to_any(&wire::PublicationPublished { published_by: published_by.clone() })
            }
            Event::Withdrawn { reason } => {
                to_any(&wire::PublicationWithdrawn { reason: reason.clone() })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(proposed) = from_any(any) {
            proposal_from_wire(proposed?).map(Event::Proposed)
        } else if let Some(reviewed) = from_any(any) {
            review_from_wire(reviewed?).map(Event::SecrecyReviewed)
        } else if let Some(published) = from_any::<wire::PublicationPublished>(any) {
            Ok(Event::Published { published_by: published?.published_by })
        } else if let Some(withdrawn) = from_any::<wire::PublicationWithdrawn>(any) {
            Ok(Event::Withdrawn { reason: withdrawn?.reason })
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
pub(crate) struct FieldError {
    /// The field.
    pub(crate) field: &'static str,
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

pub(crate) fn digest(field: &'static str, bytes: &[u8]) -> Result<Digest, FieldError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(Digest::from_bytes).map_err(|_| FieldError::new(field, "it is not 32 bytes"))
}

pub(crate) fn outcome(field: &'static str, number: i32) -> Result<Outcome, FieldError> {
    match wire::ReviewOutcome::try_from(number) {
        Ok(wire::ReviewOutcome::Passed) => Ok(Outcome::Passed),
        Ok(wire::ReviewOutcome::Rejected) => Ok(Outcome::Rejected),
        Ok(wire::ReviewOutcome::Unspecified) | Err(_) => {
            Err(FieldError::new(field, "say whether the review passed or rejected the content"))
        }
    }
}

pub(crate) fn time_from_wire(
    field: &'static str,
    time: Option<prost_types::Timestamp>,
) -> Result<Timestamp, FieldError> {
    let time = time.ok_or_else(|| FieldError::new(field, "the time is missing"))?;
    Timestamp::new(time.seconds, time.nanos).map_err(|source| FieldError::new(field, source))
}

fn outcome_to_wire(outcome: Outcome) -> wire::ReviewOutcome {
    match outcome {
        Outcome::Passed => wire::ReviewOutcome::Passed,
        Outcome::Rejected => wire::ReviewOutcome::Rejected,
    }
}

fn proposal_to_wire(proposal: &Proposal) -> wire::PublicationProposed {
    let Content { digest, bytes, rows, columns } = &proposal.content;
    wire::PublicationProposed {
        resource_id: proposal.resource.to_string(),
        resource_code: proposal.resource_code.to_string(),
        provider_code: proposal.provider.to_string(),
        content_sha256: digest.as_bytes().to_vec(),
        content_bytes: *bytes,
        rows: *rows,
        columns: columns.clone(),
        proposed_by: proposal.proposed_by.clone(),
    }
}

fn proposal_from_wire(proposed: wire::PublicationProposed) -> Result<Proposal, FieldError> {
    Ok(Proposal {
        resource: parse("resource_id", &proposed.resource_id)?,
        resource_code: parse("resource_code", &proposed.resource_code)?,
        provider: parse("provider_code", &proposed.provider_code)?,
        content: Content {
            digest: digest("content_sha256", &proposed.content_sha256)?,
            bytes: proposed.content_bytes,
            rows: proposed.rows,
            columns: proposed.columns,
        },
        proposed_by: proposed.proposed_by,
    })
}

fn review_from_wire(reviewed: wire::SecrecyReviewed) -> Result<Review, FieldError> {
    Ok(Review {
        outcome: outcome("outcome", reviewed.outcome)?,
        digest: digest("content_sha256", &reviewed.content_sha256)?,
        basis: reviewed.basis,
        reviewed_by: reviewed.reviewed_by,
    })
}

#[cfg(test)]
mod tests;
