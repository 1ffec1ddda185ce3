use super::*;

#[test]
fn roles_are_read_in_both_languages() {
    let both = Ok(vec![Role::Provider.into(), Role::Consumer.into()]);
    for text in ["提供部门、使用部门", "provider, consumer", " 提供部门 ；consumer "]
    {
        assert_eq!(parse_roles(text), both);
    }
    assert!(parse_roles("提供部门、街道").unwrap_err().contains("牵头建设部门"));
    assert!(parse_roles(" 、").unwrap_err().contains("提供部门"));
}

/// H1: a file that is imported again says the same commands; another file says others.
#[test]
fn a_row_of_a_file_is_always_the_same_command() {
    let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
    assert_eq!(command_id(&one, 3), command_id(&one, 3));
    assert_ne!(command_id(&one, 3), command_id(&one, 4));
    assert_ne!(command_id(&one, 3), command_id(&other, 3));
}

#[test]
fn what_fails_for_every_row_stops_the_import() {
    assert!(is_of_the_row(Code::FailedPrecondition));
    assert!(!is_of_the_row(Code::Unavailable));
    assert!(!is_of_the_row(Code::Unauthenticated));
}
