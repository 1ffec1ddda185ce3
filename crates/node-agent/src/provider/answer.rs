//! What becomes of the rows that were read: they are masked, and perhaps given their references, or they give a proof.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use publicdata_identity::Signer;
use publicdata_proto::exchange::v1::TransferRequest;
use publicdata_transfer::credential::{Credential, CredentialError, Issuer, Subject, TermsOfUse};
use publicdata_transfer::question::{CREDENTIAL, DISPUTED, REFERENCE};

use super::question::Question;
use crate::mask::Masking;
use crate::permit::Permit;
use crate::proof::Claims;
use crate::reference::References;
use crate::source::{Batches, SourceError};

/// Makes of what was read what is delivered.
pub(super) enum Output {
    /// Rows.
    Rows(Box<Rows>),
    /// A proof.
    Proof(Box<Proof>),
}

/// Batches on their way.
pub(super) type Answers = BoxStream<'static, Result<RecordBatch, AnswerError>>;

/// Rows, masked, and with their references if they are to come along.
pub(super) struct Rows {
    masking: Masking,
    references: Option<References>,
    schema: SchemaRef,
}

/// What a proof rests on.
pub(super) struct Proof {
    rows: Rows,
    claims: Claims,
    subject: Subject,
    issuer: Issuer,
    request: TransferRequest,
    valid: (Timestamp, Timestamp),
    signer: Signer,
}

/// Why rows that were read cannot be delivered.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    /// The source failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A batch cannot be masked.
    #[error("a batch cannot be masked")]
    Mask(#[source] ArrowError),
    /// Several records are about the subject.
    #[error(
        "more than one record is about this subject, so there is no one fact to prove; ask with more parameters"
    )]
    Ambiguous,
    /// The record cannot be compared.
    #[error("the record cannot be compared with what was stated")]
    Compare(#[source] ArrowError),
    /// The proof cannot be written.
    #[error("the proof cannot be written")]
    Credential(#[from] CredentialError),
}

// === impl Output ===

impl Output {
    /// The schema of what is delivered.
    pub(super) fn schema(&self) -> SchemaRef {
        match self {
            Self::Rows(rows) => SchemaRef::clone(&rows.schema),
            Self::Proof(_) => proof_schema(),
        }
    }

    /// What comes of what is read: rows, and what is still to be made of those that pass the rules; or the proof.
    pub(super) fn deliver(self, batches: Batches) -> (Answers, Option<Box<Rows>>) {
        match self {
            Self::Rows(rows) => (batches.map_err(AnswerError::from).boxed(), Some(rows)),
            // What a record says is stated as it is, whether or not it keeps the rules.
            Self::Proof(proof) => (stream::once(proof.prove(batches)).boxed(), None),
        }
    }
}

// === impl Rows ===

impl Rows {
    pub(super) fn new(masking: Masking, references: Option<References>) -> Self {
        let schema = match &references {
            None => SchemaRef::clone(masking.schema()),
            Some(_) => with_references(masking.schema()),
        };
        Self { masking, references, schema }
    }

    /// The first columns of a batch are the fields; those after them identify the row.
    pub(super) fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, AnswerError> {
        let masked = self.masking.apply(batch).map_err(AnswerError::Mask)?;
        let Some(references) = &self.references else { return Ok(masked) };
        let keys = &batch.columns()[masked.num_columns()..];
        let mut columns = masked.columns().to_vec();
        columns.extend(references.columns(&masked, keys));
        RecordBatch::try_new(SchemaRef::clone(&self.schema), columns).map_err(AnswerError::Mask)
    }
}

// === impl Proof ===

impl Proof {
    pub(super) fn new(
        rows: Rows,
        permit: &Permit,
        (question, claims): (&Question, &Claims),
        signer: Signer,
        now: Timestamp,
    ) -> Self {
        let until = now.checked_add(question.service.proof_validity).unwrap_or(Timestamp::MAX);
        Self {
            rows,
            claims: claims.clone(),
            subject: Subject {
                resource: permit.terms.resource_code.to_string(),
                service: question.service.name.clone(),
                parameters: question.parameters.clone(),
                found: false,
                disputed: false,
                answer: publicdata_transfer::credential::Answer::Stated([].into()),
            },
            issuer: Issuer {
                id: signer.id().to_string(),
                organisation: permit.terms.provider.to_string(),
            },
            request: permit.request.clone(),
            valid: (now, until),
            signer,
        }
    }

    async fn prove(self: Box<Self>, batches: Batches) -> Result<RecordBatch, AnswerError> {
        let row = one_row(batches).await?;
        let delivered = row.as_ref().map(|row| self.rows.apply(row)).transpose()?;
        let fields: Vec<usize> = (0..self.rows.masking.schema().fields().len()).collect();
        let masked = delivered.as_ref().map(|row| row.project(&fields)).transpose();
        let masked = masked.map_err(AnswerError::Mask)?;
        let disputed = delivered.as_ref().and_then(|row| row.column_by_name(DISPUTED));
        let answer = self.claims.answer(row.as_ref(), masked.as_ref());
        let subject = Subject {
            found: row.is_some(),
            disputed: disputed.is_some_and(|column| column.as_boolean().value(0)),
            answer: answer.map_err(AnswerError::Compare)?,
            ..self.subject
        };
        let TransferRequest { transfer_id, grant_id, consumer_code, purpose, case_number, .. } =
            self.request;
        let terms = TermsOfUse::new(grant_id, consumer_code, purpose, case_number);
        let credential = Credential::new(&transfer_id, self.issuer, self.valid, subject, terms);
        let text: ArrayRef = Arc::new(StringArray::from(vec![credential.sign(&self.signer)?]));
        RecordBatch::try_new(proof_schema(), vec![text]).map_err(AnswerError::Compare)
    }
}

/// The schema of rows with their references.
#[must_use]
pub fn with_references(rows: &Schema) -> SchemaRef {
    let mut fields: Vec<_> = rows.fields().iter().map(Arc::clone).collect();
    fields.push(Arc::new(Field::new(REFERENCE, DataType::Utf8, true)));
    fields.push(Arc::new(Field::new(DISPUTED, DataType::Boolean, true)));
    Arc::new(Schema::new(fields))
}

/// The schema of a proof.
#[must_use]
pub fn proof_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(CREDENTIAL, DataType::Utf8, true)]))
}

/// The one row that there is, if there is one.
async fn one_row(mut batches: Batches) -> Result<Option<RecordBatch>, AnswerError> {
    let mut found: Vec<RecordBatch> = Vec::new();
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        if batch.num_rows() > 0 {
            found.push(batch);
        }
        if found.iter().map(RecordBatch::num_rows).sum::<usize>() > 1 {
            return Err(AnswerError::Ambiguous);
        }
    }
    match found.first() {
        None => Ok(None),
        Some(first) => {
            concat_batches(first.schema_ref(), &found).map(Some).map_err(AnswerError::Mask)
        }
    }
}

// === impl AnswerError ===

impl AnswerError {
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Source(error) => error.reason(),
            Self::Mask(_) => "MASKING_FAILED",
            Self::Ambiguous => "SUBJECT_AMBIGUOUS",
            Self::Compare(_) | Self::Credential(_) => "PROOF_FAILED",
        }
    }
}
