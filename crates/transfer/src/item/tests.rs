use super::*;

fn masks() -> Vec<Mask> {
    vec![
        Mask::Suppress,
        Mask::Partial,
        Mask::Pseudonym(None),
        Mask::Pseudonym(Some("identity-number".parse().unwrap())),
        Mask::IdentityNumber,
        Mask::Mobile,
        Mask::PersonName,
        Mask::Address,
        Mask::BankCard,
        Mask::Month,
        Mask::Year,
        Mask::Band("5000".parse().unwrap()),
        Mask::Round("0.5".parse().unwrap()),
    ]
}

#[test]
fn masks_are_read_back_as_they_were_written() {
    for mask in masks() {
        let (number, parameters) = mask_to_wire(Some(&mask));
        assert_eq!(super::mask(number.into(), parameters.as_ref()).unwrap(), Some(mask));
    }
    assert_eq!(super::mask(0, None).unwrap(), None);
}

/// R12.1: what is sensitive never leaves plain because a program is old or an entry careless.
#[test]
fn a_mask_that_is_not_understood_is_never_read_as_plain() {
    let parameters = |domain: &str, step: &str| {
        Some(wire::MaskParameters { pseudonym_domain: domain.to_owned(), step: step.to_owned() })
    };
    for (mask, parameters, field) in [
        (99, None, "mask"),
        (-1, None, "mask"),
        (0, parameters("mobile", ""), "mask_parameters.pseudonym_domain"),
        (2, parameters("", "5"), "mask_parameters.step"),
        (3, parameters("Identity Number", ""), "mask_parameters.pseudonym_domain"),
        (3, parameters("mobile", "5"), "mask_parameters.step"),
        (11, None, "mask_parameters.step"),
        (11, parameters("", "0"), "mask_parameters.step"),
        (12, parameters("", "many"), "mask_parameters.step"),
        (12, parameters("mobile", "5"), "mask_parameters.pseudonym_domain"),
    ] {
        assert_eq!(super::mask(mask, parameters.as_ref()).unwrap_err().field, field);
    }
}

#[test]
fn every_mask_of_the_wire_is_known() {
    let known = masks().into_iter().map(|mask| mask_to_wire(Some(&mask)).0.into());
    let known: std::collections::BTreeSet<i32> = known.chain([0]).collect();
    assert!(wire::Mask::try_from(known.len() as i32 - 1).is_ok());
    assert!(wire::Mask::try_from(known.len() as i32).is_err(), "a mask is missing here");
}

#[test]
fn rules_are_read_back_as_they_were_written() {
    let quality = Quality {
        range: Some(Range { min: Some("0".parse().unwrap()), max: Some("1.5".parse().unwrap()) }),
        pattern: Some("[0-9]{6}".to_owned()),
        one_of: vec!["是".to_owned(), "否".to_owned()],
        unique: true,
        reference: Some(Reference {
            resource: "00000000-0000-4000-8000-000000000001".parse().unwrap(),
            item: "code".to_owned(),
        }),
    };
    assert_eq!(super::quality(quality_to_wire(&quality).as_ref()).unwrap(), quality);
    assert_eq!(super::quality(None).unwrap(), Quality::default());
    assert_eq!(quality_to_wire(&Quality::default()), None);
}

#[test]
fn rules_that_cannot_be_read_are_named() {
    let minimum = wire::QualityRules { minimum: "many".to_owned(), ..Default::default() };
    let reference = wire::QualityReference { resource_id: "x".to_owned(), item: String::new() };
    let reference = wire::QualityRules { reference: Some(reference), ..Default::default() };
    for (rules, field) in
        [(minimum, "quality.minimum"), (reference, "quality.reference.resource_id")]
    {
        assert_eq!(quality(Some(&rules)).unwrap_err().field, field);
    }
}
