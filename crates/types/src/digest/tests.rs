use super::*;

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn text_names_the_algorithm() {
    assert_eq!(Digest::of([]).to_string(), EMPTY);
    assert_eq!(EMPTY.parse(), Ok(Digest::of("")));
}

#[test]
fn malformed_digests_say_where() {
    let parse = |text: &str| text.parse::<Digest>().unwrap_err();

    assert_eq!(parse("e3b0"), DigestError::Algorithm);
    assert_eq!(parse("sha256:e3b0"), DigestError::Length { found: 4 });
    assert_eq!(parse(&EMPTY.replace("e3", "eg")), DigestError::Character { position: 9 });
    assert_eq!(parse(&format!("{EMPTY}00")), DigestError::Length { found: 66 });
}
