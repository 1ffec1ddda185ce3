use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::array::{Int64Array, StringArray};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Field, Schema};
use proptest::prelude::*;

use super::*;

type Row = (Option<String>, Option<i64>);

fn batch(rows: &[Row]) -> RecordBatch {
    let texts: StringArray = rows.iter().map(|(text, _)| text.clone()).collect();
    let numbers: Int64Array = rows.iter().map(|(_, number)| *number).collect();
    let schema = Schema::new(vec![
        Field::new("text", DataType::Utf8, true),
        Field::new("number", DataType::Int64, true),
    ]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(texts), Arc::new(numbers)]).unwrap()
}

fn digest(batch: &RecordBatch) -> RowSet {
    let mut digest = RowsDigest::default();
    digest.record(batch).unwrap();
    digest.to_wire(String::new())
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((prop::option::of("[a-c]{0,2}"), prop::option::of(0i64..3)), 0..6)
}

proptest! {
    /// R10.1: rows are told apart by what and how many they are, and by nothing else.
    #[test]
    fn two_sets_have_one_digest_if_and_only_if_they_have_the_same_rows(one in rows(), other in rows()) {
        let sorted = |rows: &[Row]| {
            let mut rows = rows.to_vec();
            rows.sort();
            rows
        };
        let same = sorted(&one) == sorted(&other);
        prop_assert_eq!(are_equal(&digest(&batch(&one)), &digest(&batch(&other))), same);
    }

    /// R10.1: neither their order nor the batches that they come in matter.
    #[test]
    fn neither_order_nor_batches_matter(one in rows(), other in rows()) {
        let whole = concat_batches(&batch(&one).schema(), [&batch(&one), &batch(&other)]).unwrap();
        let count = u32::try_from(whole.num_rows()).unwrap();
        let reversed: UInt32Array = (0..count).rev().collect();
        let reversed = take_record_batch(&whole, &reversed).unwrap();
        let mut parts = RowsDigest::default();
        parts.record(&batch(&other)).unwrap();
        parts.record(&batch(&one)).unwrap();

        prop_assert_eq!(digest(&whole), digest(&reversed));
        prop_assert_eq!(digest(&whole), parts.to_wire(String::new()));
    }
}

/// The format is for ever: nodes of different versions compare by it.
#[test]
fn the_digest_of_no_rows_is_the_identity() {
    let none = digest(&batch(&[]));
    assert_eq!((none.rows, none.digest), (0, vec![0; 32]));
}
