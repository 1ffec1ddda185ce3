use arrow::array::AsArray as _;
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use publicdata_types::ItemType;

use super::*;
use crate::source::{Origin, Reading};

fn decoder() -> Decoder {
    let origin = Origin {
        resource: "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002".parse().unwrap(),
        connector: "postgres",
    };
    let reading =
        |item: &str, kind| Reading { item: item.to_owned(), column: item.to_owned(), kind };
    let readings = [reading("code", ItemType::Text), reading("people", ItemType::Integer)];
    Decoder::new(vec![Shape::Text, Shape::Int4], Rows::new(origin, &readings))
}

/// Two rows, the second with a null.
fn stream() -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([0; 8]);
    bytes.extend(2_i16.to_be_bytes());
    bytes.extend(3_i32.to_be_bytes());
    bytes.extend(b"001");
    bytes.extend(4_i32.to_be_bytes());
    bytes.extend(42_i32.to_be_bytes());
    bytes.extend(2_i16.to_be_bytes());
    bytes.extend((-1_i32).to_be_bytes());
    bytes.extend(4_i32.to_be_bytes());
    bytes.extend(7_i32.to_be_bytes());
    bytes.extend((-1_i16).to_be_bytes());
    bytes
}

proptest! {
    #[test]
    fn chunks_may_be_cut_anywhere(cuts in proptest::collection::vec(1_usize..9, 60)) {
        let (mut decoder, bytes) = (decoder(), stream());
        let mut rest = bytes.as_slice();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            decoder.feed(chunk);
            prop_assert!(decoder.next_batch().unwrap().is_none());
            rest = after;
        }
        decoder.feed(rest);
        prop_assert!(decoder.next_batch().unwrap().is_none());

        let batch = decoder.finish().unwrap().unwrap();
        prop_assert_eq!(batch.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("001"), None]);
        prop_assert_eq!(batch.column(1).as_primitive::<Int64Type>().values().to_vec(), [42, 7]);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut decoder = decoder();
        decoder.feed(&stream()[..HEADER_BYTES]);
        decoder.feed(&bytes);
        let _ = decoder.next_batch().and_then(|_| decoder.finish());
    }
}

#[test]
fn stream_that_ends_early_is_an_error() {
    let bytes = stream();
    let mut decoder = decoder();
    decoder.feed(&bytes[..bytes.len() - 2]);
    assert!(decoder.next_batch().unwrap().is_none());

    assert_eq!(decoder.finish().unwrap_err().reason(), "SOURCE_BROKEN");
}

#[test]
fn numerics_are_exact() {
    let field =
        |words: &[i16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let number = field(&[3, 1, 0, 4, 1, 2345, 6789]);
    assert_eq!(numeric(&number), Some(Value::Decimal { unscaled: 123_456_789, scale: 4 }));
    let below_zero = field(&[3, 1, 0x4000, 4, 1, 2345, 6789]);
    assert_eq!(numeric(&below_zero), Some(Value::Decimal { unscaled: -123_456_789, scale: 4 }));
    // 50,000,000 is one digit of the second weight; NaN is none.
    assert_eq!(
        numeric(&field(&[1, 1, 0, 0, 5000])),
        Some(Value::Decimal { unscaled: 50_000_000, scale: 0 })
    );
    assert_eq!(numeric(&field(&[0, 0, -0x4000, 0])), None);
}

#[test]
fn infinite_dates_are_none() {
    assert_eq!(Shape::Date.value(&i32::MAX.to_be_bytes()), None);
    assert_eq!(Shape::Date.value(&i32::MIN.to_be_bytes()), None);
    assert_eq!(Shape::Instant.value(&i64::MAX.to_be_bytes()), None);
    assert_eq!(Shape::Date.value(&0_i32.to_be_bytes()), Some(Value::Date(EPOCH_DAYS)));
}
