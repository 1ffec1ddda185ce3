use super::*;

/// The example of GB 11643-1999 itself.
const NUMBER: &str = "11010519491231002X";

#[test]
fn the_old_number_joins_with_the_new_one() {
    let form = Form::IdentityNumber;
    assert_eq!(joining(form, "110105491231002").unwrap(), NUMBER);
    assert_eq!(joining(form, " 110105 19491231 002x\n").unwrap(), NUMBER);
    assert_eq!(joining(form, "１１０１０５１９４９１２３１００２Ｘ").unwrap(), NUMBER);
    // What is none still joins with itself.
    assert_eq!(joining(form, "m-1").unwrap(), "M-1");
}

#[test]
fn mobile_numbers_join_however_they_are_written() {
    for text in ["13800001234", "+86 138-0000-1234", "8613800001234", "0086 13800001234"] {
        assert_eq!(joining(Form::Mobile, text).unwrap(), "13800001234", "{text}");
    }
}

#[test]
fn nothing_joins_with_nothing() {
    for form in [Form::IdentityNumber, Form::Code, Form::Mobile, Form::Digits, Form::Text] {
        assert_eq!(joining(form, "  "), None);
    }
}
