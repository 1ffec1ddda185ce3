use proptest::prelude::*;

use super::*;

fn step(text: &str) -> Step {
    text.parse().unwrap()
}

fn decimals(values: &[Option<i128>], scale: i8) -> ArrayRef {
    let values: Decimal128Array = values.iter().copied().collect();
    Arc::new(values.with_precision_and_scale(38, scale).unwrap())
}

#[track_caller]
fn check_bands(column: ArrayRef, width: &str, expected: &[Option<&str>]) {
    let found = bands(&column, step(width)).unwrap();
    assert_eq!(found.as_string::<i32>().iter().collect::<Vec<_>>(), expected);
}

#[test]
fn dates_and_times_lose_their_days() {
    for (text, of_month, of_year) in [
        ("2026-01-04", "2026-01", "2026"),
        ("2026-01-04T23:30:00+08:00", "2026-01", "2026"),
        ("-0044-03-15", "-0044-03", "-0044"),
    ] {
        assert_eq!(month(text).as_deref(), Some(of_month));
        assert_eq!(year(text).as_deref(), Some(of_year));
    }
    assert_eq!(month("2026"), None);
    assert_eq!(year("2026-01"), None, "what is no date has no year");
}

#[test]
fn numbers_become_the_band_they_lie_in() {
    let ages = Int64Array::from(vec![Some(0), Some(19), Some(20), Some(-1), None]);
    let expected = ["[0,20)", "[0,20)", "[20,40)", "[-20,0)"].map(Some);
    check_bands(Arc::new(ages), "20", &[&expected[..], &[None]].concat());

    check_bands(decimals(&[Some(123_456), Some(i128::MAX)], 4), "0.5", &[Some("[12,12.5)"), None]);
    let doubles = Float64Array::from(vec![0.3, -0.1, f64::NAN, f64::INFINITY, 1e300]);
    let expected = [Some("[0.3,0.4)"), Some("[-0.1,0)"), None, None, None];
    // 0.3 / 0.1 is a little less than 3 in double precision.
    let found = bands(&(Arc::new(doubles) as ArrayRef), step("0.1")).unwrap();
    assert_eq!(found.as_string::<i32>().iter().skip(1).collect::<Vec<_>>(), expected[1..]);
}

#[test]
fn numbers_are_rounded_away_from_zero() {
    let incomes: ArrayRef = Arc::new(Int64Array::from(vec![499, 500, -500, -1_499, i64::MAX]));
    let found = rounded(&incomes, step("1000")).unwrap();
    let found: Vec<_> = found.as_primitive::<Int64Type>().iter().collect();
    assert_eq!(found, [Some(0), Some(1_000), Some(-1_000), Some(-1_000), None]);

    let found = rounded(&decimals(&[Some(1_249_999), Some(1_250_000)], 4), step("50")).unwrap();
    let found: Vec<_> = found.as_primitive::<Decimal128Type>().iter().collect();
    assert_eq!(found, [Some(1_000_000), Some(1_500_000)]);
    let finer = rounded(&decimals(&[Some(1)], 4), step("0.00003")).unwrap();
    assert_eq!(finer.null_count(), 1, "what the type cannot hold is not let through");

    let floats: ArrayRef = Arc::new(Float32Array::from(vec![1.3, f32::NAN]));
    let found = rounded(&floats, step("0.5")).unwrap();
    assert_eq!(found.as_primitive::<Float32Type>().iter().collect::<Vec<_>>(), [Some(1.5), None]);
}

proptest! {
    #[test]
    fn a_number_lies_in_its_band(value in any::<i64>(), width in 2..1_000_000_i64) {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![value]));
        let found = bands(&column, step(&width.to_string())).unwrap();
        let text = found.as_string::<i32>().value(0).to_owned();
        let (lower, upper) = text.trim_matches(&['[', ')'][..]).split_once(',').unwrap();
        let (lower, upper): (i128, i128) = (lower.parse().unwrap(), upper.parse().unwrap());
        let (value, width) = (i128::from(value), i128::from(width));
        prop_assert!(lower <= value && value < upper && upper - lower == width);
        prop_assert_eq!(lower % width, 0);
    }
}
