use proptest::prelude::*;

use super::*;

fn error(text: &str) -> Option<ProseError> {
    text.parse::<Prose>().err()
}

#[test]
fn a_text_is_neither_empty_nor_endless() {
    assert_eq!(error(" \n"), Some(ProseError::Empty));
    assert_eq!(error(&"疑".repeat(CHARS_MAX)), None);
    let found = CHARS_MAX + 1;
    assert_eq!(error(&"疑".repeat(found)), Some(ProseError::TooLong { found }));
}

/// H5: what looks like a person's number does not get into an event, and is not repeated.
#[test]
fn persons_numbers_are_refused_by_their_place() {
    let identity_at = |position| ProseError::PersonalNumber { of: "an identity card", position };
    let identity = identity_at(4);
    assert_eq!(error("身份证11010519491231002X有误"), Some(identity.clone()));
    assert_eq!(error("身份证11010519491231002x"), Some(identity.clone()));
    assert!(!identity.to_string().contains("1101"), "{identity}");
    let mobile = ProseError::PersonalNumber { of: "a mobile telephone", position: 3 };
    for text in [
        "电话13800138000",
        "电话+86138-0013-8000",
        "电话8613800138000",
        "电话１３８００１３８０００",
    ] {
        assert_eq!(error(text), Some(mobile.clone()), "{text}");
    }
    assert_eq!(error("旧号 110105491231002"), Some(identity_at(4)));
}

#[test]
fn other_numbers_are_not_taken_for_persons() {
    for text in [
        "统一社会信用代码 12100000400002259P 不一致",
        "11010519491231002A",
        "110105194912310021",
        "登记号 23800138000",
        "20260302 至 20260316，共 138001380001 行",
    ] {
        assert_eq!(error(text), None, "{text}");
    }
}

/// H5: a text that is logged by mistake says nothing.
#[test]
fn debug_output_holds_no_text() {
    let prose: Prose = "李某的年龄有误".parse().unwrap();
    assert_eq!(format!("{prose:?}"), "Prose(7 characters)");
}

proptest! {
    /// Whatever is written, reading it ends, and what is taken is what was written.
    #[test]
    fn any_text_is_taken_as_it_is_or_refused(text in "\\PC{0,80}") {
        if let Ok(prose) = text.parse::<Prose>() {
            prop_assert_eq!(prose.as_str(), text.trim());
        }
    }
}
