use super::*;

/// The example of GB 11643-1999 itself.
const NUMBER: &str = "11010519491231002X";

#[test]
fn identity_numbers_are_told_by_date_and_check_character() {
    assert!(is_identity_number(NUMBER));
    assert!(is_identity_number("440524188001010014"));
    for wrong in [
        "110105194912310021",
        "11010519491331002X",
        "01010519491231002X",
        "11010519491231002",
        "1101051949123100２X",
        "91510100MA61RQ1E0L",
    ] {
        assert!(!is_identity_number(wrong), "{wrong}");
    }
    assert!(is_old_identity_number("110105491231002"));
    assert!(!is_old_identity_number("110105491331002"));
}

#[test]
fn mobile_numbers_are_told_however_they_are_written() {
    for text in ["13800001234", "+86 138-0000-1234", "8613800001234", "0086 13800001234"] {
        assert_eq!(mobile_digits(text).as_deref(), Some("13800001234"), "{text}");
    }
    assert_eq!(mobile_digits("12800001234"), None);
    assert_eq!(mobile_digits("028-86510000"), None);
    assert_eq!(mobile_digits("86138000012"), None, "a number that begins with 86 is none");
}
