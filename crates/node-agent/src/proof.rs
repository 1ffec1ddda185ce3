//! Proofs without paper (电子证明, R21.1): a fact about one subject, as a W3C Verifiable Credential signed by the provider's node.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use publicdata_exchange_domain::filter::{Comparison, Filter, Literal};
use publicdata_exchange_domain::terms::Field;
use publicdata_exchange_domain::{ProofKind, query};
use publicdata_proto::exchange::v1::NamedValue;
use publicdata_transfer::credential::{Answer, Fact};

use crate::source::evaluate;

/// What a proof is to say.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Whether it confirms or states.
    pub kind: query::ProofKind,
    /// The values that were stated, by field, in the types of the fields; none when it states values itself.
    stated: BTreeMap<String, (String, Literal)>,
}

/// Why no proof is given. No message contains a value (H5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// A stated field is not asked for, or stated twice.
    #[error("a value is stated for `{field}`, which is not asked for, or stated twice")]
    Field {
        /// The field.
        field: String,
    },
    /// No value is stated for a field that is to be confirmed.
    #[error("no value is stated for `{field}`, which is to be confirmed")]
    Missing {
        /// The field.
        field: String,
    },
    /// A stated value is not of the field's type.
    #[error("the value stated for `{field}` is not one of its type")]
    Value {
        /// The field.
        field: String,
    },
    /// The grant masks a field, and comparing would lift the mask.
    #[error("`{field}` is masked by the grant, so nothing can be confirmed of it")]
    Masked {
        /// The field.
        field: String,
    },
    /// Values are stated where they are asked for.
    #[error(
        "values are stated, and the proof is to state them; leave them out, or ask for a confirmation"
    )]
    NotAsked,
}

impl Claims {
    /// Reads what was stated, for fields that the grant gives.
    pub fn read(
        kind: ProofKind,
        claims: &[NamedValue],
        fields: &[Field],
    ) -> Result<Self, ClaimError> {
        let mut stated = BTreeMap::new();
        match kind {
            ProofKind::Extract if claims.is_empty() => return Ok(Self { kind, stated }),
            ProofKind::Extract => return Err(ClaimError::NotAsked),
            ProofKind::Confirm => {}
        }
        for claim in claims {
            let name = || claim.name.clone();
            let field = fields.iter().find(|field| field.name == claim.name);
            let field = field.ok_or_else(|| ClaimError::Field { field: name() })?;
            let value = Literal::read(&claim.value, field.kind)
                .ok_or_else(|| ClaimError::Value { field: name() })?;
            if field.mask.is_some() {
                return Err(ClaimError::Masked { field: name() });
            }
            if stated.insert(name(), (claim.value.clone(), value)).is_some() {
                return Err(ClaimError::Field { field: name() });
            }
        }
        match fields.iter().find(|field| !stated.contains_key(&field.name)) {
            Some(field) => Err(ClaimError::Missing { field: field.name.clone() }),
            None => Ok(Self { kind, stated }),
        }
    }

    /// What the record says: of `plain`, the row as it was read, and `masked`, the same as the grant gives it; of no row if there is none.
    pub fn answer(
        &self,
        plain: Option<&RecordBatch>,
        masked: Option<&RecordBatch>,
    ) -> Result<Answer, ArrowError> {
        match self.kind {
            ProofKind::Confirm => self.confirm(plain).map(Answer::Confirmed),
            ProofKind::Extract => {
                Ok(Answer::Stated(masked.map(values).transpose()?.unwrap_or_default()))
            }
        }
    }

    fn confirm(&self, row: Option<&RecordBatch>) -> Result<BTreeMap<String, Fact>, ArrowError> {
        let mut facts = BTreeMap::new();
        for (field, (text, value)) in &self.stated {
            let equal = Filter::compare(field.clone(), Comparison::Equal, value.clone());
            let confirmed = match row {
                Some(row) => {
                    let chosen = evaluate::rows(equal.condition(), row)?;
                    chosen.is_valid(0) && chosen.value(0)
                }
                None => false,
            };
            facts.insert(field.clone(), Fact { stated: text.clone(), confirmed });
        }
        Ok(facts)
    }
}

/// The values of a row, as the catalogue writes them.
fn values(row: &RecordBatch) -> Result<BTreeMap<String, Option<String>>, ArrowError> {
    let options = FormatOptions::default();
    let mut values = BTreeMap::new();
    for (field, column) in row.schema_ref().fields().iter().zip(row.columns()) {
        let value = match column.is_null(0) {
            true => None,
            false => match column.as_string_opt::<i32>() {
                Some(texts) => Some(texts.value(0).to_owned()),
                None => Some(ArrayFormatter::try_new(column, &options)?.value(0).try_to_string()?),
            },
        };
        values.insert(field.name().clone(), value);
    }
    Ok(values)
}

#[cfg(test)]
mod tests;
