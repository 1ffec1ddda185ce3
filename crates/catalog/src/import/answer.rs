//! What is said of an entry.

use publicdata_catalog_domain::leadership::NotWriter;
use publicdata_catalog_domain::resource::Rejection;
use publicdata_event_store::AppendError;
use publicdata_proto::catalog::v1::{
    ImportNote, ImportNoteSeverity, ImportOutcome, ImportResourcesResponse,
};
use publicdata_service_kit::problem::chain;

use crate::error::Error;

/// What somebody should know of an entry that can be taken.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<ImportNote>);

impl Notes {
    pub(super) fn code_unknown(&mut self) {
        let message = "no entry of this provider has this code, so it counts for nothing: the platform assigns codes";
        self.warn("code", "CODE_UNKNOWN", message);
    }

    pub(super) fn still_returned(&mut self) {
        let message = "the authority returned this entry, and it says the same as then; correct it as the reason says";
        self.warn("", "STILL_RETURNED", message);
    }

    pub(super) fn into_wire(self) -> Vec<ImportNote> {
        self.0
    }

    fn warn(&mut self, field: &str, reason: &str, message: &str) {
        let severity = ImportNoteSeverity::Warning;
        self.0.push(note(field, reason, message, severity));
    }
}

/// The answer to an entry that the rules refuse; an error that is not the entry's fault is passed on.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not the entry's fault is passed on, whatever it is"
)]
pub(super) fn refused(number: u32, error: Error) -> Result<ImportResourcesResponse, Error> {
    let mistake = |field: &str, reason: &str, message: String| {
        note(field, reason, &message, ImportNoteSeverity::Mistake)
    };
    let notes = match error {
        Error::Field(error) => {
            vec![mistake(&error.field, "FIELD_INVALID", chain(&error))]
        }
        Error::Resource(Rejection::Invalid { mistakes }) => mistakes
            .iter()
            .map(|found| mistake(&found.field(), found.reason(), found.to_string()))
            .collect(),
        Error::Resource(rejection) => {
            vec![mistake(field_of(&rejection), rejection.reason(), rejection.to_string())]
        }
        error @ Error::TwiceInImport => {
            vec![mistake("name", "TWICE_IN_IMPORT", error.to_string())]
        }
        Error::Append(error @ AppendError::TooLarge { .. }) => {
            vec![mistake("", "TOO_LARGE", error.to_string())]
        }
        other => return Err(other),
    };
    let outcome = ImportOutcome::Refused.into();
    Ok(ImportResourcesResponse { number, outcome, notes, ..ImportResourcesResponse::default() })
}

/// The field that a rejection is about, if it is one.
fn field_of(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::NameAlike { .. } => "name",
        Rejection::Denied(_)
        | Rejection::ProviderChanged { .. }
        | Rejection::NotWriter(NotWriter::Denied(_)) => "provider_code",
        Rejection::CodeChanged { .. }
        | Rejection::CodeElsewhere { .. }
        | Rejection::NotWriter(NotWriter::Led { .. } | NotWriter::Vacant { .. }) => {
            "classification_code"
        }
        Rejection::Absent
        | Rejection::Invalid { .. }
        | Rejection::UnderReview
        | Rejection::NoDraft
        | Rejection::NotSubmitted
        | Rejection::ReasonMissing
        | Rejection::ReasonTooLong { .. }
        | Rejection::NotPublished
        | Rejection::SuspendedByAuthority { .. }
        | Rejection::SuspendedByProvider
        | Rejection::Withdrawn
        | Rejection::CurrentInFuture { .. }
        | Rejection::CurrentGoesBack { .. }
        | Rejection::OwnEntry { .. } => "",
    }
}

fn note(field: &str, reason: &str, message: &str, severity: ImportNoteSeverity) -> ImportNote {
    ImportNote {
        field: field.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        severity: severity.into(),
    }
}
