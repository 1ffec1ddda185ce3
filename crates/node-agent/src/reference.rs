//! References: keyed pseudonyms of rows and subjects, by which tickets and the exchange log name them without saying who they are.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray};
use publicdata_proto::exchange::v1::DisputedRecords;
use publicdata_types::{GrantId, ResourceId};

use crate::mask::PseudonymKey;
use crate::source::Reading;

/// Rows on which a verification ticket is open (R27.2), as the bus told this node.
#[derive(Clone, Debug, Default)]
pub struct Disputed(Arc<Mutex<HashMap<ResourceId, Marks>>>);

/// References by the grant that they were given out under.
pub type Marks = HashMap<GrantId, HashSet<String>>;

/// Makes the references of the rows of one delivery.
#[derive(Clone, Debug)]
pub struct References {
    key: PseudonymKey,
    resource: ResourceId,
    grant: GrantId,
    marks: Marks,
}

// === impl Disputed ===

impl Disputed {
    /// What is disputed of a resource from now on.
    pub fn replace(&self, resource: ResourceId, marks: Marks) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(resource, marks);
    }

    /// The same, as the bus says it. What is malformed of it marks nothing.
    pub fn hear(&self, records: &DisputedRecords) {
        let Ok(resource) = records.resource_id.parse() else { return };
        let marks = records.records.iter().filter_map(|of_grant| {
            Some((of_grant.grant_id.parse().ok()?, of_grant.references.iter().cloned().collect()))
        });
        self.replace(resource, marks.collect());
    }

    fn of(&self, resource: ResourceId) -> Marks {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&resource).cloned().unwrap_or_default()
    }
}

// === impl References ===

impl References {
    /// References under this grant, with what is disputed now.
    #[must_use]
    pub fn new(
        key: PseudonymKey,
        resource: ResourceId,
        grant: GrantId,
        disputed: &Disputed,
    ) -> Self {
        Self { key, resource, grant, marks: disputed.of(resource) }
    }

    /// How the columns are read that identify a row.
    pub fn readings(columns: &[String]) -> impl Iterator<Item = Reading> + '_ {
        columns.iter().map(|column| Reading {
            item: format!("_key.{column}"),
            column: column.clone(),
            kind: publicdata_types::ItemType::Text,
        })
    }

    /// Of each row its reference, and whether it is disputed. Rows that nothing identifies have no reference, and cannot be disputed.
    #[must_use]
    pub fn columns(&self, batch: &RecordBatch, keys: &[ArrayRef]) -> [ArrayRef; 2] {
        let rows = batch.num_rows();
        if keys.is_empty() {
            let none = StringArray::new_null(rows);
            return [Arc::new(none), Arc::new(BooleanArray::from(vec![false; rows]))];
        }
        let keys: Vec<&StringArray> = keys.iter().map(|column| column.as_string::<i32>()).collect();
        let values =
            |row| keys.iter().map(move |column| column.is_valid(row).then(|| column.value(row)));
        let reference = |grant, row| self.key.row(self.resource, grant, values(row));
        let references: StringArray =
            (0..rows).map(|row| Some(reference(self.grant, row))).collect();
        let disputed: BooleanArray = (0..rows)
            .map(|row| {
                Some(
                    self.marks
                        .iter()
                        .any(|(&grant, marked)| marked.contains(&reference(grant, row))),
                )
            })
            .collect();
        [Arc::new(references), Arc::new(disputed)]
    }
}

#[cfg(test)]
mod tests;
