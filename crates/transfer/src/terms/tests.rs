use publicdata_types::Mask;
use publicdata_types::quality::Quality;

use super::*;

const ID: &str = "00000000-0000-4000-8000-000000000001";

fn field(name: &str, mask: Option<Mask>) -> Field {
    Field { name: name.to_owned(), kind: ItemType::Text, mask, rules: None }
}

fn terms() -> Terms {
    Terms {
        grant: ID.parse().unwrap(),
        resource: ID.parse().unwrap(),
        resource_code: "302001/00001".parse().unwrap(),
        provider: "91350100M000100Y43".parse().unwrap(),
        consumer: Some("12100000400002259P".parse().unwrap()),
        fields: vec![field("code", None), field("phone", Some(Mask::Partial))],
        row_filter: Some("code = '1'".to_owned()),
        filter_items: [].into(),
        purpose: "社区网格管理".to_owned(),
        modes: [DeliveryMode::Bulk].into(),
        valid_from: "2026-03-01T16:00:00Z".parse().unwrap(),
        valid_until: "2026-12-30T16:00:00.5Z".parse().unwrap(),
        rows_max: Some(1_000),
        rate: None,
        total_rows_max: None,
    }
}

fn failing(change: impl FnOnce(&mut GrantTerms)) -> String {
    let mut wire = write(&terms());
    change(&mut wire);
    read(&wire).unwrap_err().field
}

#[test]
fn terms_come_back_as_they_were_signed() {
    let filter_items = [("area".to_owned(), ItemType::Integer)].into();
    let limited = |period| {
        let rate = Some(Rate { transfers: NonZeroU32::new(10).unwrap(), period });
        Terms { rate, total_rows_max: Some(50_000), ..terms() }
    };
    let domain = Some("mobile".parse().unwrap());
    let quality = Quality { unique: true, ..Quality::default() };
    let rules = Some(Rules { required: true, length_max: Some(11), quality });
    let ruled = Field { rules, ..field("phone", Some(Mask::Pseudonym(domain))) };
    for terms in [
        limited(RatePeriod::Hour),
        limited(RatePeriod::Day),
        limited(RatePeriod::Week),
        limited(RatePeriod::Month),
        terms(),
        Terms { consumer: None, row_filter: None, rows_max: None, ..terms() },
        Terms { filter_items, ..terms() },
        Terms { fields: vec![ruled], ..terms() },
    ] {
        assert_eq!(read(&write(&terms)).unwrap(), terms);
    }
}

#[test]
fn an_unknown_mask_is_never_read_as_plain() {
    assert_eq!(failing(|terms| terms.fields[0].mask = 99), "fields.mask");
    assert_eq!(
        failing(|terms| terms.fields[0].mask = catalog::Mask::Band.into()),
        "fields.mask_parameters.step"
    );
}

#[test]
fn a_rate_that_cannot_be_read_is_never_none() {
    for (transfers, period, field) in
        [(0, 1, "rate.transfers"), (1, 0, "rate.period"), (1, 99, "rate.period")]
    {
        let rate = Some(RateLimit { transfers, period });
        assert_eq!(failing(|terms| terms.rate = rate), field);
    }
}

#[test]
fn a_filter_item_without_a_type_is_an_error() {
    let item = FilterItem { name: "area".to_owned(), r#type: 0 };
    assert_eq!(failing(|terms| terms.filter_items.push(item)), "filter_items.type");
}

#[test]
fn rules_that_cannot_be_read_are_never_none() {
    let quality = catalog::QualityRules { maximum: "many".to_owned(), ..Default::default() };
    let rules = FieldRules { quality: Some(quality), ..FieldRules::default() };
    assert_eq!(
        failing(|terms| terms.fields[0].rules = Some(rules)),
        "fields.rules.quality.maximum"
    );
}
