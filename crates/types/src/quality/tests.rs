use super::*;

#[test]
fn bounds_say_by_their_form_what_they_bound() {
    assert!(matches!("12.5".parse(), Ok(Bound::Number(_))));
    assert!(matches!("2026-01-04".parse(), Ok(Bound::Date(_))));
    assert!(matches!("2026-01-04T09:00:00+08:00".parse(), Ok(Bound::Time(_))));
    for text in ["", "many", "2026-13-01", "2026-01-04T09:00:00", "20260104T"] {
        assert_eq!(text.parse::<Bound>(), Err(BoundError), "{text}");
    }
}

#[test]
fn bounds_are_read_back_as_they_were_written() {
    for text in ["-12.5", "2026-01-04", "2026-01-04T01:00:00Z"] {
        assert_eq!(text.parse::<Bound>().unwrap().to_string(), text);
    }
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    for rule in Rule::ALL {
        assert_eq!(rule.as_str().parse(), Ok(rule));
    }
}
