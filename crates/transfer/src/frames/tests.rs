use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int64Array,
    StringArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;
use arrow::ipc::reader::StreamReader;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::testing::batch;

fn frames_of(batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new().unwrap();
    let mut frames = vec![encoder.schema(&batches[0].schema()).unwrap()];
    for batch in batches {
        frames.extend(encoder.batch(batch).unwrap().into_iter().map(|(frame, _)| frame));
    }
    frames
}

fn batches_of(frames: Vec<Vec<u8>>) -> RecordBatch {
    let mut frames = frames.into_iter().map(Bytes::from);
    let (_, schema) = Parts::schema(&frames.next().unwrap()).unwrap();
    let batches: Vec<_> =
        frames.map(|frame| Parts::batch(&frame).unwrap().decode(&schema).unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn any_batch() -> impl Strategy<Value = RecordBatch> {
    let row = (
        option::of(".{0,12}"),
        option::of(any::<i64>()),
        option::of(any::<bool>()),
        option::of(any::<i32>()),
        option::of(vec(any::<u8>(), 0..9)),
        option::of(any::<i64>()),
    );
    vec(row, 1..200).prop_map(|rows| {
        let texts: StringArray = rows.iter().map(|row| row.0.clone()).collect();
        let numbers: Int64Array = rows.iter().map(|row| row.1).collect();
        let flags: BooleanArray = rows.iter().map(|row| row.2).collect();
        let dates: Date32Array = rows.iter().map(|row| row.3).collect();
        let bytes: BinaryArray = rows.iter().map(|row| row.4.clone()).collect();
        let decimals: Decimal128Array = rows.iter().map(|row| row.5.map(i128::from)).collect();
        let columns: [(&str, ArrayRef, bool); 6] = [
            ("texts", Arc::new(texts), true),
            ("numbers", Arc::new(numbers), true),
            ("flags", Arc::new(flags), true),
            ("dates", Arc::new(dates), true),
            ("bytes", Arc::new(bytes), true),
            ("decimals", Arc::new(decimals), true),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_encoded_is_decoded(batches in vec(any_batch(), 1..4)) {
        let schema = batches[0].schema();
        prop_assert_eq!(batches_of(frames_of(&batches)), concat_batches(&schema, &batches).unwrap());
    }

    #[test]
    fn same_batches_make_same_frames(batch in any_batch(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(batch.num_rows());
        // Equal content in other memory, with an offset.
        let copy = concat_batches(&batch.schema(), [&batch, &batch]).unwrap();
        let (from, rows) = (batch.num_rows() + cut, batch.num_rows() - cut);

        prop_assert_eq!(
            frames_of(&[batch.slice(cut, rows)]),
            frames_of(&[copy.slice(from, rows)])
        );
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in vec(any::<u8>(), 0..200), whole in any::<bool>()) {
        let mut frame = if whole { frames_of(&[batch(0, 5)]).remove(1) } else { Vec::new() };
        for (at, byte) in bytes.iter().enumerate() {
            match frame.get_mut(at * 3 + 4) {
                Some(place) => *place = *byte,
                None => frame.push(*byte),
            }
        }
        let schema = batch(0, 1).schema();
        if let Ok(parts) = Parts::batch(&Bytes::from(frame)) {
            let _ = parts.decode(&schema);
        }
    }
}

#[test]
fn concatenated_frames_are_an_arrow_stream() {
    let stream = frames_of(&[batch(0, 10), batch(10, 5)]).concat();

    let read: Vec<_> =
        StreamReader::try_new(stream.as_slice(), None).unwrap().map(Result::unwrap).collect();

    assert_eq!(read, [batch(0, 10), batch(10, 5)]);
}

#[test]
fn batch_that_is_too_large_is_sliced() {
    let mut random = crate::testing::random();
    let values: StringArray = (0..64)
        .map(|_| {
            let bytes: Vec<u8> =
                (0..60_000).map(|_| rand::Rng::random_range(&mut random, b' '..b'~')).collect();
            Some(String::from_utf8(bytes).unwrap())
        })
        .collect();
    let wide = RecordBatch::try_from_iter([("value", Arc::new(values) as ArrayRef)]).unwrap();

    let frames = frames_of(std::slice::from_ref(&wide));

    assert!(frames.len() > 4, "3.8 MB take at least four frames beside the schema's");
    assert!(frames.iter().all(|frame| frame.len() <= FRAME_BYTES_MAX));
    assert_eq!(batches_of(frames), wide);
}

#[test]
fn row_larger_than_a_frame_is_named() {
    let mut random = crate::testing::random();
    let mut large = vec![0; FRAME_BYTES_MAX + 1];
    rand::RngCore::fill_bytes(&mut random, &mut large);
    let values = BinaryArray::from_iter_values([b"small".as_slice(), &large, b"small"]);
    let batch = RecordBatch::try_from_iter([("value", Arc::new(values) as ArrayRef)]).unwrap();

    let error = Encoder::new().unwrap().batch(&batch).unwrap_err();

    assert!(matches!(error, EncodeError::RowTooLarge { row: 2, .. }), "{error}");
}

#[test]
fn dictionaries_are_refused() {
    let values: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
    assert_eq!(values.len(), 3);
    let batch = RecordBatch::try_from_iter([("value", Arc::new(values) as ArrayRef)]).unwrap();
    let mut encoder = Encoder::new().unwrap();
    encoder.schema(&batch.schema()).unwrap();

    assert!(matches!(encoder.batch(&batch), Err(EncodeError::Dictionary)));
}

#[test]
fn empty_batch_makes_no_frame() {
    assert!(Encoder::new().unwrap().batch(&batch(0, 0)).unwrap().is_empty());
}

#[test]
fn schema_where_a_batch_belongs_is_refused() {
    let frames = frames_of(&[batch(0, 1)]);
    let (schema, batch) = (Bytes::from(frames[0].clone()), Bytes::from(frames[1].clone()));

    assert!(matches!(Parts::batch(&schema), Err(DecodeError::Kind { .. })));
    assert!(matches!(Parts::schema(&batch), Err(DecodeError::Kind { .. })));
}
