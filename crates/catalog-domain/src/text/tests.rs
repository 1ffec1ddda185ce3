use super::*;

#[test]
fn a_text_is_there_and_not_too_long() {
    assert_eq!(required("name", " \t", 5), Err(TextMistake::Empty { field: "name" }));
    assert_eq!(required("name", "社区名录", 4), Ok("社区名录".to_owned()));
    let too_long = TextMistake::TooLong { field: "name", found: 5, max: 4 };
    assert_eq!(required("name", "社区名录表", 4), Err(too_long));
}

/// H5: identity and telephone numbers stay out of the register.
#[test]
fn a_long_number_may_be_a_persons() {
    let personal = Err(TextMistake::Personal { field: "title" });
    for text in
        ["张三 510102199001011234", "致电13800138000", "５１０１０２１９９００１０１１２３４"]
    {
        assert_eq!(impersonal("title", text, 200), personal, "{text}");
    }
    for text in ["2026 年第 3 次应急演练", "等保三级测评 20260104", "工单 1234567890"]
    {
        assert_eq!(impersonal("title", text, 200), Ok(text.to_owned()), "{text}");
    }
}
