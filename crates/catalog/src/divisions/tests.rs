use super::*;

fn refused(code: &str) -> UnknownDivision {
    check(&code.parse().unwrap(), REVISION).unwrap_err()
}

#[test]
fn the_citys_divisions_are_known() {
    assert_eq!(DIVISIONS.len(), 20);
    for code in DIVISIONS.keys().map(String::as_str).chain([CITY, "510000", "110101"]) {
        assert_eq!(check(&code.parse().unwrap(), REVISION), Ok(()), "{code}");
    }
}

/// H3: a mistyped code is refused with those that are near.
#[test]
fn an_unknown_division_is_refused_with_the_nearest() {
    let error = refused("510103").to_string();
    assert!(error.contains("510104 锦江区"), "{error}");
    let UnknownDivision::Unknown { nearest, .. } = refused("510190") else { panic!() };
    assert_eq!(nearest, Vec::<String>::new());
}

#[test]
fn a_former_division_is_refused_with_what_became_of_it() {
    let error = refused("510132").to_string();
    assert!(error.contains("510118 新津区"), "{error}");
    for (_, now) in FORMER {
        assert!(DIVISIONS.contains_key(now));
    }
}

/// The revision is kept with the code: of another one the platform knows no list.
#[test]
fn a_code_of_another_revision_is_taken_by_its_form() {
    assert_eq!(check(&"510132".parse().unwrap(), RegionRevision::of(2019)), Ok(()));
}
