use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray as _, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use proptest::prelude::*;
use publicdata_types::ItemType;
use publicdata_types::quality::{Quality, Range};

use super::*;

const ID: &str = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002";

fn field(name: &str, kind: ItemType, rules: Rules) -> Field {
    Field { name: name.to_owned(), kind, mask: None, rules: Some(rules) }
}

async fn checks(fields: &[Field]) -> Checks {
    Checks::prepare(fields, &BTreeMap::new(), None).await.unwrap()
}

fn ruled(quality: Quality) -> Rules {
    Rules { quality, ..Rules::default() }
}

fn range(min: &str, max: &str) -> Rules {
    let bound = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
    let range = Some(Range { min: bound(min), max: bound(max) });
    ruled(Quality { range, ..Quality::default() })
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn broken(checked: &Checked) -> Vec<(u64, Vec<(&str, Rule)>)> {
    let mut all = Vec::new();
    for rejected in &checked.rejected {
        let breaches = rejected.breaches.iter();
        all.push((
            rejected.row,
            breaches.map(|breach| (breach.item.as_str(), breach.rule)).collect(),
        ));
    }
    all
}

/// The rows of one column that break its rules, by their numbers from 1.
async fn failing(kind: ItemType, rules: Rules, column: ArrayRef) -> Vec<u64> {
    let mut checks = checks(&[field("x", kind, rules)]).await;
    let checked = checks.apply(batch(vec![("x", column)])).unwrap();
    checked.rejected.iter().map(|rejected| rejected.row).collect()
}

/// R17.2: a row that breaks a rule is told from the others, with each rule that it breaks and its values.
#[tokio::test]
async fn rows_that_break_a_rule_are_named_with_every_reason() {
    let pattern = Quality { pattern: Some("[0-9]{6}".to_owned()), ..Quality::default() };
    let code = Rules { required: true, length_max: Some(6), quality: pattern };
    let fields =
        [field("code", ItemType::Text, code), field("age", ItemType::Integer, range("0", "150"))];
    let mut checks = checks(&fields).await;
    let ages = Int64Array::from(vec![Some(30), Some(151), None, Some(-1)]);
    let codes = texts(&[Some("510104"), None, Some("5101041"), Some("abc")]);

    let checked = checks.apply(batch(vec![("code", codes), ("age", Arc::new(ages))])).unwrap();

    assert_eq!(checked.passed.num_rows(), 1);
    assert_eq!(
        broken(&checked),
        [
            (2, vec![("code", Rule::Required), ("age", Rule::Range)]),
            (3, vec![("code", Rule::Length), ("code", Rule::Pattern)]),
            (4, vec![("code", Rule::Pattern), ("age", Rule::Range)]),
        ]
    );
    let values = [("code".to_owned(), None), ("age".to_owned(), Some("151".to_owned()))];
    assert_eq!(checked.rejected[0].values, values);
    assert!(!format!("{checked:?}").contains("5101041"), "no value gets into a log (H5)");
}

/// Rows are counted over batches.
#[tokio::test]
async fn places_are_counted_over_batches() {
    let rules = Rules { required: true, ..Rules::default() };
    let mut checks = checks(&[field("x", ItemType::Text, rules)]).await;
    for expected in [2, 4] {
        let checked = checks.apply(batch(vec![("x", texts(&[Some("a"), None]))])).unwrap();
        assert_eq!(checked.rejected[0].row, expected);
    }
}

#[tokio::test]
async fn bounds_belong_to_the_range() {
    let numbers = Int64Array::from(vec![Some(-1), Some(0), Some(10), Some(11), None]);
    assert_eq!(failing(ItemType::Integer, range("0", "10"), Arc::new(numbers)).await, [1, 4]);

    let amounts = Decimal128Array::from(vec![4_999, 5_000, 100_001, i128::MAX / 2]);
    let amounts = amounts.with_precision_and_scale(38, 4).unwrap();
    assert_eq!(failing(ItemType::Money, range("0.5", "10"), Arc::new(amounts)).await, [1, 3, 4]);

    let doubles = Float64Array::from(vec![0.1, 0.10001, f64::NAN, f64::NEG_INFINITY]);
    assert_eq!(failing(ItemType::Double, range("", "0.1"), Arc::new(doubles)).await, [2, 3]);
    let floats = Float32Array::from(vec![0.1, 0.2]);
    assert_eq!(failing(ItemType::Float, range("", "0.1"), Arc::new(floats)).await, [2]);

    let days = Date32Array::from(vec![-1, 0, 20_457, 20_458]);
    let rules = range("1970-01-01", "2026-01-04");
    assert_eq!(failing(ItemType::Date, rules, Arc::new(days)).await, [1, 4]);
    let times = TimestampMicrosecondArray::from(vec![1_767_488_400_000_000, 1_767_488_400_000_001]);
    let rules = range("", "2026-01-04T09:00:00+08:00");
    assert_eq!(
        failing(ItemType::Timestamp, rules, Arc::new(times.with_timezone("+08:00"))).await,
        [2]
    );
}

#[tokio::test]
async fn lengths_count_characters_and_digits() {
    let rules = Rules { length_max: Some(3), ..Rules::default() };
    let words = texts(&[Some("成都市"), Some("成都市区"), Some(""), None]);
    assert_eq!(failing(ItemType::Text, rules.clone(), words).await, [2]);

    let numbers = Int64Array::from(vec![999, 1_000, -999, 0, i64::MIN]);
    assert_eq!(failing(ItemType::Integer, rules.clone(), Arc::new(numbers)).await, [2, 5]);
    let amounts = Decimal128Array::from(vec![125_000, 1_250_000, 12_345, 1]);
    let amounts = amounts.with_precision_and_scale(38, 4).unwrap();
    assert_eq!(failing(ItemType::Money, rules, Arc::new(amounts)).await, [3, 4]);
}

#[tokio::test]
async fn patterns_match_the_whole_text_and_lists_the_exact_value() {
    let pattern =
        |text: &str| ruled(Quality { pattern: Some(text.to_owned()), ..Quality::default() });
    let values = || texts(&[Some("a"), Some("ab"), Some("xa"), Some("b"), Some("a\n"), None]);
    assert_eq!(failing(ItemType::Text, pattern("a|b"), values()).await, [2, 3, 5]);

    let one_of = vec!["1".to_owned(), "2".to_owned()];
    let rules = ruled(Quality { one_of, ..Quality::default() });
    let numbers = Int64Array::from(vec![Some(1), Some(12), None]);
    assert_eq!(failing(ItemType::Integer, rules, Arc::new(numbers)).await, [2]);
}

/// R17.2: the first row that has a value is delivered, later ones are not; a row that fails anyway takes no value.
#[tokio::test]
async fn values_that_must_be_unique_come_once() {
    let unique = ruled(Quality { unique: true, ..Quality::default() });
    let fields =
        [field("id", ItemType::Text, unique), field("age", ItemType::Integer, range("0", ""))];
    let mut checks = checks(&fields).await;
    let mut apply = |ids: &[Option<&str>], ages: Vec<i64>| {
        let ages: ArrayRef = Arc::new(Int64Array::from(ages));
        checks.apply(batch(vec![("id", texts(ids)), ("age", ages)])).unwrap()
    };

    let first = apply(&[Some("a"), Some("b"), Some("b"), None, None], vec![-1, 1, 1, 1, 1]);
    assert_eq!(broken(&first), [(1, vec![("age", Rule::Range)]), (3, vec![("id", Rule::Unique)])]);
    let second = apply(&[Some("b"), Some("a"), Some("a")], vec![1, 1, 1]);
    assert_eq!(broken(&second), [(6, vec![("id", Rule::Unique)]), (8, vec![("id", Rule::Unique)])]);
}

#[tokio::test]
async fn what_cannot_be_checked_is_an_error() {
    let reference = Reference { resource: ID.parse().unwrap(), item: "code".to_owned() };
    let cases = [
        (ItemType::Text, range("1", ""), "RULE_MALFORMED"),
        (ItemType::Integer, range("2026-01-04", ""), "RULE_MALFORMED"),
        (
            ItemType::Text,
            ruled(Quality { pattern: Some("(".to_owned()), ..Quality::default() }),
            "RULE_MALFORMED",
        ),
        (
            ItemType::Date,
            ruled(Quality { one_of: vec!["x".to_owned()], ..Quality::default() }),
            "RULE_MALFORMED",
        ),
        (
            ItemType::Text,
            ruled(Quality { reference: Some(reference), ..Quality::default() }),
            "REFERENCE_NOT_SERVED",
        ),
    ];
    for (kind, rules, reason) in cases {
        let error = Checks::prepare(&[field("x", kind, rules)], &BTreeMap::new(), None).await;
        let Err(error) = error else { panic!("{reason} is not found") };
        assert_eq!(error.reason(), reason);
        assert!(error.to_string().contains("item x"), "{error}");
    }
}

#[test]
fn sets_of_values_are_bounded() {
    let mut values = Values::default();
    values.insert(1, 2).unwrap();
    values.insert(2, 2).unwrap();
    values.insert(2, 2).unwrap();
    assert_eq!(values.insert(3, 2), Err(Full));
    assert!(values.contains(2) && !values.contains(3));
}

proptest! {
    /// H4: where batches end makes no difference to what is found, so a resumed transfer finds the same.
    #[test]
    fn what_is_found_follows_from_the_rows_alone(
        ids in proptest::collection::vec(proptest::option::of(0..6_i64), 0..40), cut in 0..40usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let quality = Quality { unique: true, ..range("1", "").quality };
            let rules = Rules { required: true, quality, ..Rules::default() };
            let fields = [field("x", ItemType::Integer, rules)];
            let mut found = Vec::new();
            for cuts in [vec![ids.len()], vec![cut.min(ids.len()), ids.len()]] {
                let (mut checks, mut from) = (checks(&fields).await, 0);
                let (mut passed, mut rejected) = (Vec::new(), Vec::new());
                for until in cuts {
                    let column: ArrayRef = Arc::new(Int64Array::from(ids[from..until].to_vec()));
                    let checked = checks.apply(batch(vec![("x", column)])).unwrap();
                    let values = checked.passed.column(0).as_primitive::<arrow::datatypes::Int64Type>();
                    passed.extend(values.iter());
                    rejected.extend(checked.rejected);
                    from = until;
                }
                assert_eq!(passed.len() + rejected.len(), ids.len(), "no row is lost");
                found.push((passed, rejected));
            }
            assert_eq!(found[0], found[1]);
        });
    }
}
