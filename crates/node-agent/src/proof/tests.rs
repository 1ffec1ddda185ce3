use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, StringArray};
use arrow::datatypes::{Field as Column, Schema};
use publicdata_types::{ItemType, Mask};

use super::*;
use crate::source::value::arrow_type;

fn field(name: &str, kind: ItemType, mask: Option<Mask>) -> Field {
    Field { name: name.to_owned(), kind, mask, rules: None }
}

fn fields() -> Vec<Field> {
    vec![field("status", ItemType::Text, None), field("income", ItemType::Number, None)]
}

fn claims(values: &[(&str, &str)]) -> Vec<NamedValue> {
    let named = |(name, value): &(&str, &str)| NamedValue {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    values.iter().map(named).collect()
}

/// 低保 with an income of 812.50.
fn row() -> RecordBatch {
    let column = |name: &str, kind| Column::new(name, arrow_type(kind), true);
    let schema =
        Schema::new(vec![column("status", ItemType::Text), column("income", ItemType::Number)]);
    let income =
        Decimal128Array::from(vec![8_125_000_000_000]).with_data_type(arrow_type(ItemType::Number));
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec!["低保"])), Arc::new(income)];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn confirmed(stated: &[(&str, &str)], row: Option<&RecordBatch>) -> Vec<bool> {
    let claims = Claims::read(ProofKind::Confirm, &claims(stated), &fields()).unwrap();
    let Answer::Confirmed(facts) = claims.answer(row, row).unwrap() else {
        panic!("values were told where yes or no was asked for");
    };
    // By name: income, status.
    facts.into_values().map(|fact| fact.confirmed).collect()
}

/// R21.1: what was stated is compared as the type that it has, and nothing else of the record is told.
#[test]
fn stated_values_are_confirmed_or_not() {
    let row = row();
    assert_eq!(confirmed(&[("status", "低保"), ("income", "812.5")], Some(&row)), [true, true]);
    assert_eq!(confirmed(&[("status", "特困"), ("income", "0812.500")], Some(&row)), [true, false]);
    assert_eq!(confirmed(&[("status", "低保"), ("income", "812.5")], None), [false, false]);
}

/// R21.1: what is asked for is told as the grant gives it.
#[test]
fn values_on_record_are_stated() {
    let claims = Claims::read(ProofKind::Extract, &[], &fields()).unwrap();

    let Answer::Stated(values) = claims.answer(Some(&row()), Some(&row())).unwrap() else {
        panic!("yes or no was told where values were asked for");
    };

    assert_eq!(values["status"].as_deref(), Some("低保"));
    assert_eq!(values["income"].as_deref(), Some("812.5000000000"));
    assert_eq!(claims.answer(None, None).unwrap(), Answer::Stated([].into()));
}

/// R26.2: comparing does not lift a mask.
#[test]
fn claims_that_make_no_sense_are_refused_by_field() {
    let name = |name: &str| name.to_owned();
    let check = |given: &[(&str, &str)], error: ClaimError| {
        assert_eq!(Claims::read(ProofKind::Confirm, &claims(given), &fields()).unwrap_err(), error);
    };
    check(&[("status", "a")], ClaimError::Missing { field: name("income") });
    check(&[("other", "a")], ClaimError::Field { field: name("other") });
    check(&[("status", "a"), ("status", "b")], ClaimError::Field { field: name("status") });
    check(&[("income", "much")], ClaimError::Value { field: name("income") });
    let masked = [field("status", ItemType::Text, Some(Mask::Partial))];
    let refused = Claims::read(ProofKind::Confirm, &claims(&[("status", "a")]), &masked);
    assert_eq!(refused.unwrap_err(), ClaimError::Masked { field: name("status") });
    let stated = Claims::read(ProofKind::Extract, &claims(&[("status", "a")]), &fields());
    assert_eq!(stated.unwrap_err(), ClaimError::NotAsked);
}
