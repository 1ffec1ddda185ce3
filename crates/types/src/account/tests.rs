use super::*;

#[test]
fn opaque_ids_are_accepted() {
    for text in ["u7", "mz-operator-01", "etl"] {
        assert_eq!(text.parse::<Account>().unwrap().to_string(), text);
    }
}

/// H5: what looks like a person's name or number is no account.
#[test]
fn names_and_numbers_of_persons_are_refused() {
    let parse = |text: &str| text.parse::<Account>().unwrap_err();

    assert_eq!(parse("510102199001011234"), AccountError::Beginning { found: '5' });
    assert_eq!(parse("13800138000"), AccountError::Beginning { found: '1' });
    assert_eq!(parse("张三"), AccountError::Character { found: '张', position: 1 });
    assert_eq!(parse("u@example"), AccountError::Character { found: '@', position: 2 });
    assert_eq!(parse("u"), AccountError::Length { found: 1 });
}
