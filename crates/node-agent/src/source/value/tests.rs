use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;

use super::*;

fn one(kind: ItemType, value: Value<'_>) -> Result<ArrayRef, Misfit> {
    let mut column = Column::new(kind);
    column.append(value)?;
    Ok(column.finish())
}

fn text(kind: ItemType, value: Value<'_>) -> Result<String, Misfit> {
    let array = one(kind, value)?;
    let cast = arrow::compute::cast(&array, &DataType::Utf8).expect("a text");
    Ok(cast.as_string::<i32>().value(0).to_owned())
}

#[test]
fn columns_have_the_catalogues_types() {
    for kind in [
        ItemType::Text,
        ItemType::Number,
        ItemType::Money,
        ItemType::Date,
        ItemType::Timestamp,
        ItemType::Logical,
        ItemType::Memo,
        ItemType::General,
        ItemType::Double,
        ItemType::Integer,
        ItemType::Float,
    ] {
        let array = one(kind, Value::Null).unwrap();
        assert_eq!(array.data_type(), &arrow_type(kind));
        assert!(array.is_null(0));
    }
}

#[test]
fn codes_stay_text() {
    assert_eq!(text(ItemType::Text, Value::Text("0510")).unwrap(), "0510");
    assert_eq!(text(ItemType::Text, Value::Integer(510)).unwrap(), "510");
}

#[test]
fn decimals_are_never_rounded() {
    let fits = [
        ("1.5", "1.5000"),
        ("-0.0001", "-0.0001"),
        ("007", "7.0000"),
        ("2.50000000", "2.5000"),
        ("+3", "3.0000"),
    ];
    for (given, expected) in fits {
        assert_eq!(text(ItemType::Money, Value::Text(given)).unwrap(), expected);
    }
    let misfits = ["0.00001", "", "-", ".5", "5.", "1e3", "1,000", "NaN", "１", "1 "];
    for given in misfits {
        assert_eq!(text(ItemType::Money, Value::Text(given)), Err(Misfit), "{given}");
    }
    let too_long = "9".repeat(35);
    assert_eq!(text(ItemType::Money, Value::Text(&too_long)), Err(Misfit));
    assert_eq!(text(ItemType::Money, Value::Double(0.1)).unwrap(), "0.1000");
}

#[test]
fn whole_numbers_are_whole() {
    let integer = |value| one(ItemType::Integer, value);
    let value_of = |array: ArrayRef| array.as_primitive::<Int64Type>().value(0);
    assert_eq!(value_of(integer(Value::Double(5.0)).unwrap()), 5);
    assert_eq!(value_of(integer(Value::Decimal { unscaled: 50, scale: 1 }).unwrap()), 5);
    assert_eq!(value_of(integer(Value::Text("-12")).unwrap()), -12);
    for misfit in [
        Value::Double(5.5),
        Value::Double(1e300),
        Value::Decimal { unscaled: 55, scale: 1 },
        Value::Text("5.0"),
        Value::Text("many"),
        Value::Text("9223372036854775808"),
        Value::Bytes(b"5"),
        Value::Logical(true),
    ] {
        assert_eq!(integer(misfit).err(), Some(Misfit), "{misfit:?}");
    }
}

#[test]
fn times_without_a_zone_are_chinas() {
    let micros = |text| {
        let array = one(ItemType::Timestamp, Value::Text(text)).unwrap();
        array.as_primitive::<TimestampMicrosecondType>().value(0)
    };
    assert_eq!(micros("2026-01-04T09:00:00"), micros("2026-01-04T01:00:00Z"));
    assert_eq!(micros("2026-01-04 09:00:00"), micros("2026-01-04T10:00:00+09:00"));
    assert!(one(ItemType::Timestamp, Value::Text("yesterday")).is_err());
    assert!(one(ItemType::Date, Value::Text("2026-02-30")).is_err());
}

proptest! {
    #[test]
    fn numbers_come_back_as_they_were(unscaled in any::<i64>(), scale in 0_i8..=10) {
        let given = Value::Decimal { unscaled: unscaled.into(), scale };
        let array = one(ItemType::Number, given).unwrap();
        let stored = array.as_primitive::<Decimal128Type>().value(0);
        let power = 10_i128.pow(u32::try_from(NUMBER_SCALE - scale).unwrap());
        prop_assert_eq!(stored, i128::from(unscaled) * power);

        let written = text(ItemType::Text, given).unwrap();
        let again = one(ItemType::Number, Value::Text(&written)).unwrap();
        prop_assert_eq!(&array, &again);
    }

    #[test]
    fn no_text_makes_a_column_panic(given in ".{0,40}") {
        for kind in [ItemType::Number, ItemType::Date, ItemType::Timestamp, ItemType::Double] {
            let _ = one(kind, Value::Text(&given));
        }
    }
}
