use proptest::prelude::*;

use super::*;

fn region(text: &str) -> RegionCode {
    text.parse().unwrap()
}

/// R13.1: the province contains its cities, a city its districts, a district only itself.
#[test]
fn regions_contain_what_lies_below_them() {
    let (province, city, district) = (region("510000"), region("510100"), region("510104"));

    for (outer, inner, contained) in [
        (province, district, true),
        (province, city, true),
        (city, district, true),
        (city, city, true),
        (district, district, true),
        (district, region("510105"), false),
        (district, city, false),
        (city, region("510304"), false),
        (province, region("110000"), false),
    ] {
        assert_eq!(outer.contains(&inner), contained, "{outer} contains {inner}");
    }
}

/// R13.1: what lies in a region begins as it does.
#[test]
fn leading_digits_are_those_of_the_level() {
    for (code, leading) in [("510000", "51"), ("510100", "5101"), ("510104", "510104")] {
        assert_eq!(region(code).leading(), leading);
    }
}

#[test]
fn streets_and_villages_lie_in_their_district() {
    assert_eq!(RegionCode::from_statistical("510104017"), Ok(region("510104")));
    assert_eq!(RegionCode::from_statistical("510104017001"), Ok(region("510104")));
    assert_eq!(
        RegionCode::from_statistical("510104"),
        Err(RegionCodeError::Length { found: 6, expected: "9 or 12" })
    );
}

#[test]
fn wrong_codes_say_what_is_wrong_and_where() {
    let parse = |text: &str| text.parse::<RegionCode>().unwrap_err();

    assert_eq!(parse("51010"), RegionCodeError::Length { found: 5, expected: "6" });
    assert_eq!(parse("5101O4"), RegionCodeError::Character { found: 'O', position: 5 });
    assert_eq!(parse("成都市高新区"), RegionCodeError::Character { found: '成', position: 1 });
    assert_eq!(parse("510004"), RegionCodeError::Level);
    assert_eq!(parse("000000"), RegionCodeError::Level);
}

#[test]
fn a_revision_is_a_year() {
    assert_eq!("2023".parse(), Ok(RegionRevision::of(2023)));
    assert_eq!(RegionRevision::of(2023).to_string(), "2023");
    for wrong in ["", "23", "02023", "1979", "+202", "二〇二三"] {
        assert_eq!(wrong.parse::<RegionRevision>(), Err(RegionRevisionError));
    }
}

prop_compose! {
    fn regions()(province in 11_u32..83, city in 0_u32..100, county in 0_u32..100) -> RegionCode {
        let county = if city == 0 { 0 } else { county };
        region(&format!("{province:02}{city:02}{county:02}"))
    }
}

proptest! {
    #[test]
    fn containment_is_a_partial_order(a in regions(), b in regions(), c in regions()) {
        prop_assert!(a.contains(&a));
        prop_assert!(!(a.contains(&b) && b.contains(&a)) || a == b);
        prop_assert!(!(a.contains(&b) && b.contains(&c)) || a.contains(&c));
        prop_assert_eq!(a.to_string().parse(), Ok(a));
    }
}
