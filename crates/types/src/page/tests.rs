use super::*;

#[test]
fn token_comes_back_as_it_went() {
    let token = PageToken::after("302001/00001");

    assert_eq!(token.to_string().parse(), Ok(token.clone()));
    assert_eq!(token.key(), "302001/00001");
}

#[test]
fn invented_tokens_are_refused() {
    for text in ["", "page-2", "ff", "3"] {
        assert_eq!(text.parse::<PageToken>(), Err(PageTokenError), "{text}");
    }
}
