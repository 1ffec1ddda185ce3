use proptest::prelude::*;

use super::*;

#[test]
fn only_plain_decimals_are_numbers() {
    for text in ["", "-", ".", "1.", ".5", "1e3", "+1", "１", "1,000", "0.12345678901", " 1"] {
        assert_eq!(text.parse::<Decimal>(), Err(DecimalError), "{text}");
    }
    assert!("9".repeat(28).parse::<Decimal>().is_ok());
    assert!("9".repeat(29).parse::<Decimal>().is_err());
}

#[test]
fn numbers_are_written_without_needless_zeros() {
    for (text, written) in
        [("007.50", "7.5"), ("-0.0000000001", "-0.0000000001"), ("10", "10"), ("-0", "0")]
    {
        assert_eq!(text.parse::<Decimal>().unwrap().to_string(), written);
    }
    assert!("10".parse::<Decimal>().unwrap().is_whole());
    assert!(!"0.5".parse::<Decimal>().unwrap().is_whole());
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(unscaled in -10_i128.pow(37)..10_i128.pow(37)) {
        let number = Decimal::from_unscaled(unscaled);
        prop_assert_eq!(number.to_string().parse(), Ok(number));
    }
}
