//! Sets of values, by their hashes: 8 bytes each, whatever the value.
//!
//! Two different values have the same hash with a likelihood of one to a million where there are five million of them.
//! Then a row is kept back that repeats nothing, or delivered though its value does not occur elsewhere.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// Values that were met.
#[derive(Debug, Default)]
pub(super) struct Values(HashSet<u64>);

/// There is no room for another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Values {
    pub(super) fn contains(&self, hash: u64) -> bool {
        self.0.contains(&hash)
    }

    pub(super) fn insert(&mut self, hash: u64, max: usize) -> Result<(), Full> {
        if self.0.len() >= max && !self.0.contains(&hash) {
            return Err(Full);
        }
        self.0.insert(hash);
        Ok(())
    }
}

/// The hash of each value, as it is written out; the same in every run. Nulls have none.
pub(super) fn hashes(values: &ArrayRef) -> Result<Vec<Option<u64>>, ArrowError> {
    let texts = cast(values, &DataType::Utf8)?;
    let hash = |text: &str| {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    };
    let hashes: Vec<_> = texts.as_string::<i32>().iter().map(|text| text.map(hash)).collect();
    match texts.null_count() == values.null_count() {
        true => Ok(hashes),
        false => Err(ArrowError::CastError("a value cannot be written out".to_owned())),
    }
}
