use super::*;

#[test]
fn domains_are_short_names() {
    for text in ["identity-number", "a", "resident-card-2"] {
        assert_eq!(text.parse::<JoinDomain>().unwrap().as_str(), text);
    }
    for text in ["", "-a", "2a", "Identity", "身份证", "a b", &"a".repeat(64)] {
        assert_eq!(text.parse::<JoinDomain>(), Err(JoinDomainError), "{text}");
    }
}

#[test]
fn steps_are_more_than_nothing() {
    assert_eq!("0".parse::<Step>(), Err(StepError::NotPositive));
    assert_eq!("-5".parse::<Step>(), Err(StepError::NotPositive));
    assert_eq!("five".parse::<Step>(), Err(StepError::Number(DecimalError)));
    assert_eq!("0.5".parse::<Step>().unwrap().to_string(), "0.5");
}

#[test]
fn masks_of_a_kind_fit_the_types_that_can_hold_it() {
    let step = |text: &str| text.parse::<Step>().unwrap();
    assert!(Mask::IdentityNumber.fits(ItemType::Text));
    assert!(!Mask::IdentityNumber.fits(ItemType::Integer), "a leading zero would be lost");
    assert!(Mask::Month.fits(ItemType::Date) && !Mask::Month.fits(ItemType::Text));
    assert!(Mask::Round(step("5")).fits(ItemType::Integer));
    assert!(!Mask::Round(step("0.5")).fits(ItemType::Integer));
    assert!(!Mask::Band(step("1")).fits(ItemType::Integer), "nothing would be hidden");
    assert!(Mask::Round(step("0.5")).fits(ItemType::Number));
}
