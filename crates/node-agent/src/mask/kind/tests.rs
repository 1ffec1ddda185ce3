use proptest::prelude::*;

use super::*;

type Mask = fn(&str) -> Option<String>;

#[track_caller]
fn check(mask: Mask, cases: &[(&str, &str)], misfits: &[&str]) {
    for (text, masked) in cases {
        assert_eq!(mask(text).as_deref(), Some(*masked), "{text}");
    }
    for text in misfits {
        assert_eq!(mask(text), None, "{text} is let through");
    }
}

#[test]
fn of_an_identity_number_the_birthday_is_hidden() {
    check(
        identity_number,
        &[
            ("11010519491231002X", "110105********002X"),
            ("11010519491231002x", "110105********002X"),
            (" 110105 19491231 002X ", "110105********002X"),
            ("110105491231002", "110105******002"),
        ],
        &[
            "",
            "110105194912310021",
            "11010519491231002",
            "11010519499931002X",
            "91510100MA61RQ1E0L",
            "G12345678",
            "110105********002X",
            "护照11010519491231002X",
        ],
    );
}

#[test]
fn of_a_mobile_number_the_middle_is_hidden() {
    check(
        mobile,
        &[
            ("13800001234", "138****1234"),
            ("+86 138 0000 1234", "138****1234"),
            ("(+86)138-0000-1234", "138****1234"),
            ("１３８００００１２３４", "138****1234"),
        ],
        &[
            "",
            "028-86510000",
            "12800001234",
            "1380000123",
            "138****1234",
            "13800001234转2",
            "13800001234、13900001234",
        ],
    );
}

#[test]
fn of_a_name_the_first_character_stays() {
    check(
        person_name,
        &[
            ("张三", "张*"),
            ("欧阳小明", "欧***"),
            ("司马光", "司**"),
            ("张", "*"),
            ("𠮷田", "𠮷*"),
            ("阿卜杜热西提·阿卜杜拉", "阿**********"),
            ("John O'Neil-Smith", "J****************"),
        ],
        &["", " ", "张三13800001234", "张三（户主）", "张**", "·张三", "张三;李四"],
    );
}

#[test]
fn of_a_card_number_the_middle_is_hidden() {
    check(
        bank_card,
        &[
            ("6222021234567890128", "622202*********0128"),
            ("4111 1111 1111 1111", "411111******1111"),
            ("378282246310005", "378282*****0005"),
        ],
        &["", "4111111111111112", "11010519491231002X", "12345678", "4111a11111111111"],
    );
}

fn masks() -> impl Strategy<Value = Mask> {
    prop_oneof![
        Just(identity_number as Mask),
        Just(mobile as Mask),
        Just(bank_card as Mask),
        Just(person_name as Mask),
        Just(super::super::address::address as Mask),
    ]
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[1-9][0-9]{5}19[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9])[0-9]{3}[0-9X]",
        "(\\+86 ?)?1[3-9][0-9]{9}",
        "[0-9 ]{13,24}",
        "[一-龥]{1,6}",
        "[四川成都市武侯区浆洗街县路号小0-9]{1,20}",
    ]
}

proptest! {
    #[test]
    fn no_mask_of_a_kind_gives_back_what_it_was_given(mask in masks(), value in values()) {
        if let Some(masked) = mask(&value) {
            // A whole address may name nothing but the division.
            let division = super::super::address::address(&value).as_deref() == Some(value.trim());
            prop_assert!(masked != value.trim() || division, "{} is let through", value);
            prop_assert!(masked.contains(VEIL) || division);
        }
    }

    #[test]
    fn no_digit_of_a_birthday_is_left(
        area in "[1-9][0-9]{5}", year in 1900..2026, month in 1..=12, day in 1..=28,
        serial in "[0-9]{3}",
    ) {
        let birthday = format!("{year}{month:02}{day:02}");
        for check in "0123456789X".chars() {
            let number = format!("{area}{birthday}{serial}{check}");
            if let Some(masked) = identity_number(&number) {
                prop_assert_eq!(masked, format!("{area}********{serial}{check}"));
            }
        }
    }
}
