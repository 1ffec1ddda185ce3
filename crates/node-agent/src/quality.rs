//! Quality rules where the data flows (R17.2): which rows of a batch keep to the rules that the grant's terms promise.
//!
//! Rules are held against plain values, before masking, and only those of the fields that are delivered. What comes out
//! follows from the rows and their order alone, so that a resumed transfer finds the same.

mod column;
mod values;

use std::collections::BTreeMap;

use arrow::array::{Array as _, BooleanArray, RecordBatch};
use arrow::compute::{and, filter_record_batch};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt as _;
use publicdata_exchange_domain::terms::Field;
use publicdata_types::ResourceId;
use publicdata_types::quality::{Reference, Rule, Rules};

use crate::dataset::Dataset;
use crate::source::SourceError;
use crate::source::scan::scan;
use column::Column;
use values::{Full, Values, hashes};

/// How many different values a rule may have to remember; it takes some 100 MB.
pub const VALUES_MAX: usize = 5_000_000;

/// The rules of a delivery, and what was met so far.
pub struct Checks {
    items: Vec<Item>,
    rows: u64,
}

struct Item {
    place: usize,
    name: String,
    column: Column,
    /// The values of rows that were passed, if none may come twice and the source does not see to that.
    unique: Option<Values>,
    /// The values that there are elsewhere.
    known: Option<Values>,
}

/// A batch, less the rows that break a rule.
#[derive(Debug)]
pub struct Checked {
    /// The others, in their order.
    pub passed: RecordBatch,
    /// The rows that break a rule.
    pub rejected: Vec<Rejected>,
}

/// A row that breaks a rule. It holds values, and so must not be logged (H5).
#[derive(Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place among the rows that the grant gives, from 1.
    pub row: u64,
    /// The rules that it breaks.
    pub breaches: Vec<Breach>,
    /// Its values, by item.
    pub values: Vec<(String, Option<String>)>,
}

/// A rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Breach {
    /// The item.
    pub item: String,
    /// The rule.
    pub rule: Rule,
}

/// Why rows cannot be checked. Then none is delivered.
#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    /// The grant's terms carry a rule that cannot be held against such values.
    #[error(
        "the rule {rule} of item {item} cannot be checked; the provider has to grant anew, under rules that can"
    )]
    Malformed {
        /// The item.
        item: String,
        /// The rule.
        rule: Rule,
    },
    /// The values would have to occur in a resource that the node does not have.
    #[error(
        "values of item {item} have to occur in resource {resource}, which this node does not serve"
    )]
    NotServed {
        /// The item.
        item: String,
        /// The resource.
        resource: ResourceId,
    },
    /// The resource that the values have to occur in cannot be read.
    #[error("what item {item} refers to cannot be read")]
    Reference {
        /// The item.
        item: String,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// The source does not say which values it keeps unique.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There are too many values to remember.
    #[error(
        "the rule {rule} of item {item} is checked for at most {VALUES_MAX} different values; grant or ask for fewer \
         rows, leave the item out, or have the database keep the column unique"
    )]
    TooManyValues {
        /// The item.
        item: String,
        /// The rule.
        rule: Rule,
    },
    /// Arrow cannot do it.
    #[error("a batch cannot be checked")]
    Arrow(#[from] ArrowError),
}

// === impl Checks ===

impl Checks {
    /// The rules of these fields, in their order. Reads what they refer to, and asks the source which values it keeps unique itself, if
    /// it is given: these need not be remembered.
    pub async fn prepare(
        fields: &[Field],
        datasets: &BTreeMap<ResourceId, Dataset>,
        source: Option<&Dataset>,
    ) -> Result<Self, QualityError> {
        let mut items = Vec::new();
        for (place, field) in fields.iter().enumerate() {
            let Some(rules) = field.rules.as_ref().filter(|rules| **rules != Rules::default())
            else {
                continue;
            };
            let known = match &rules.quality.reference {
                Some(reference) => Some(known(field, reference, datasets).await?),
                None => None,
            };
            let is_remembered = match source {
                Some(source) if rules.quality.unique => !source.keeps_unique(&field.name).await?,
                Some(_) | None => rules.quality.unique,
            };
            let malformed = |rule| QualityError::Malformed { item: field.name.clone(), rule };
            items.push(Item {
                place,
                name: field.name.clone(),
                column: Column::new(rules, field.kind).map_err(malformed)?,
                unique: is_remembered.then(Values::default),
                known,
            });
        }
        Ok(Self { items, rows: 0 })
    }

    /// Takes out the rows of the next batch that break a rule.
    pub fn apply(&mut self, batch: RecordBatch) -> Result<Checked, QualityError> {
        let before = self.rows;
        self.rows += batch.num_rows() as u64;
        if self.items.is_empty() {
            return Ok(Checked { passed: batch, rejected: Vec::new() });
        }

        let mut keeps = Vec::new();
        for item in &self.items {
            for (rule, kept) in item.keeps(&batch)? {
                keeps.push((Breach::new(&item.name, rule), kept));
            }
        }
        let mut passes = BooleanArray::from(vec![true; batch.num_rows()]);
        for (_, kept) in &keeps {
            passes = and(&passes, kept)?;
        }
        let mut repeated = BTreeMap::new();
        let passes = repeats(&mut self.items, &batch, &passes, &mut repeated)?;
        if passes.true_count() == batch.num_rows() {
            return Ok(Checked { passed: batch, rejected: Vec::new() });
        }

        let mut rejected = Vec::new();
        for row in (0..batch.num_rows()).filter(|&row| !passes.value(row)) {
            let broken = keeps.iter().filter(|(_, kept)| !kept.value(row));
            let mut breaches: Vec<_> = broken.map(|(breach, _)| breach.clone()).collect();
            breaches.extend(repeated.remove(&row).unwrap_or_default());
            rejected.push(Rejected {
                row: before + row as u64 + 1,
                breaches,
                values: values_of(&batch, row)?,
            });
        }
        Ok(Checked { passed: filter_record_batch(&batch, &passes)?, rejected })
    }
}

/// Of the rows that pass so far, those that repeat no value of an earlier one.
fn repeats(
    items: &mut [Item],
    batch: &RecordBatch,
    passes: &BooleanArray,
    repeated: &mut BTreeMap<usize, Vec<Breach>>,
) -> Result<BooleanArray, QualityError> {
    let mut uniques = Vec::new();
    for item in items.iter_mut() {
        let hashes = match &item.unique {
            Some(_) => hashes(batch.column(item.place))?,
            None => continue,
        };
        uniques.push((item, hashes));
    }
    let mut pass = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let mut passed = passes.value(row);
        if passed {
            for (item, hashes) in &uniques {
                let met = |values: &Values| hashes[row].is_some_and(|hash| values.contains(hash));
                if item.unique.as_ref().is_some_and(met) {
                    let breach = Breach::new(&item.name, Rule::Unique);
                    repeated.entry(row).or_default().push(breach);
                    passed = false;
                }
            }
        }
        // What is not delivered keeps no later row from being so.
        for (item, hashes) in uniques.iter_mut().filter(|_| passed) {
            if let (Some(values), Some(hash)) = (&mut item.unique, hashes[row]) {
                values.insert(hash, VALUES_MAX).map_err(item_full(&item.name, Rule::Unique))?;
            }
        }
        pass.push(passed);
    }
    Ok(BooleanArray::from(pass))
}

/// Every value of the item referred to, read as values of the referring one.
async fn known(
    field: &Field,
    reference: &Reference,
    datasets: &BTreeMap<ResourceId, Dataset>,
) -> Result<Values, QualityError> {
    let item = || field.name.clone();
    let resource = reference.resource;
    let dataset = datasets
        .get(&resource)
        .ok_or_else(|| QualityError::NotServed { item: item(), resource })?;

    let mut values = Values::default();
    let mut batches = scan(dataset.connector(), dataset.scan_of(&reference.item, field.kind));
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|source| QualityError::Reference { item: item(), source })?;
        for hash in hashes(batch.column(0))?.into_iter().flatten() {
            values.insert(hash, VALUES_MAX).map_err(item_full(&field.name, Rule::Reference))?;
        }
    }
    Ok(values)
}

fn item_full(item: &str, rule: Rule) -> impl FnOnce(Full) -> QualityError {
    move |Full| QualityError::TooManyValues { item: item.to_owned(), rule }
}

/// A row's values, written out.
fn values_of(batch: &RecordBatch, row: usize) -> Result<Vec<(String, Option<String>)>, ArrowError> {
    let options = FormatOptions::default();
    let mut values = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let value = match column.is_null(row) {
            true => None,
            false => Some(ArrayFormatter::try_new(column, &options)?.value(row).try_to_string()?),
        };
        values.push((field.name().clone(), value));
    }
    Ok(values)
}

// === impl Item ===

impl Item {
    /// For each rule but uniqueness, which rows keep it.
    fn keeps(&self, batch: &RecordBatch) -> Result<Vec<(Rule, BooleanArray)>, QualityError> {
        let values = batch.column(self.place);
        let mut keeps = self.column.keeps(values)?;
        if let Some(known) = &self.known {
            let hashes = hashes(values)?.into_iter();
            let kept = hashes.map(|hash| hash.is_none_or(|hash| known.contains(hash)));
            keeps.push((Rule::Reference, BooleanArray::from(kept.collect::<Vec<_>>())));
        }
        Ok(keeps)
    }
}

// === impl Breach ===

impl Breach {
    fn new(item: &str, rule: Rule) -> Self {
        Self { item: item.to_owned(), rule }
    }
}

// === impl Rejected ===

impl std::fmt::Debug for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rejected")
            .field("row", &self.row)
            .field("breaches", &self.breaches)
            .finish_non_exhaustive()
    }
}

// === impl QualityError ===

impl QualityError {
    /// The stable code that clients may rely on.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "RULE_MALFORMED",
            Self::NotServed { .. } => "REFERENCE_NOT_SERVED",
            Self::Reference { source, .. } | Self::Source(source) => source.reason(),
            Self::TooManyValues { .. } => "RULE_LIMIT_EXCEEDED",
            Self::Arrow(_) => "CHECK_FAILED",
        }
    }
}

#[cfg(test)]
mod tests;
