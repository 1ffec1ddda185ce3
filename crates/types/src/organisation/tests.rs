use proptest::prelude::*;

use super::*;

/// A code whose check character fits; which organisation has it, if any, does not matter here.
const VALID: &str = "12100000400002259P";

#[test]
fn codes_whose_check_character_fits_are_accepted() {
    for text in [VALID, "91110000802100433B", "91350100M000100Y43"] {
        assert_eq!(text.parse::<OrganisationCode>().unwrap().to_string(), text);
    }
}

/// Codes as departments file them; the last one's check digit is wrong.
#[test]
fn filed_codes_are_told_apart_by_their_check_digit() {
    for text in ["91350100M000100Y43", "11332500MB1601924J"] {
        assert_eq!(text.parse::<OrganisationCode>().unwrap().as_str(), text);
    }
    assert!(matches!(
        "11330102MB1234567A".parse::<OrganisationCode>(),
        Err(OrganisationCodeError::CheckCharacter { found: 'A', .. })
    ));
}

/// H3: what is wrong, where, and what was expected.
#[test]
fn wrong_codes_say_what_is_wrong_and_where() {
    let parse = |text: &str| text.parse::<OrganisationCode>().unwrap_err();

    assert_eq!(parse(""), OrganisationCodeError::Length { found: 0 });
    assert_eq!(parse(&VALID[1..]), OrganisationCodeError::Length { found: 17 });
    assert_eq!(
        parse("1210000040000225OP"),
        OrganisationCodeError::Character { found: 'O', position: 17 }
    );
    assert_eq!(
        parse("一二100000400002259P"),
        OrganisationCodeError::Character { found: '一', position: 1 }
    );
    assert_eq!(
        parse("12100000400002259A").to_string(),
        "organisation code ends in `A` where `P` is expected; one of its characters is mistyped"
    );
}

proptest! {
    /// Every code has exactly one check character, and one mistyped character never passes.
    #[test]
    fn one_mistyped_character_is_always_found(
        body in "[0-9A-HJ-NPQRTUWXY]{17}",
        position in 0_usize..18,
        replacement in 0_usize..31,
    ) {
        let code = checked(&body);
        let mut mistyped = code.to_string().into_bytes();
        prop_assume!(mistyped[position] != ALPHABET[replacement]);
        mistyped[position] = ALPHABET[replacement];

        let mistyped = String::from_utf8(mistyped).unwrap();
        prop_assert!(mistyped.parse::<OrganisationCode>().is_err());
    }
}

fn checked(body: &str) -> OrganisationCode {
    let mut fitting =
        ALPHABET.iter().filter_map(|&check| format!("{body}{}", char::from(check)).parse().ok());
    let code = fitting.next().unwrap();
    assert_eq!(fitting.next(), None, "one check character fits");
    code
}
