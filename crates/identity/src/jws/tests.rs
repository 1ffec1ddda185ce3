use super::*;
use crate::testing::{authority, credentials, noon, service, user};

const TYPE: &str = "vc+jwt";

/// R21.1: anyone who holds the root can check it, and nothing in it can be changed.
#[test]
fn a_token_is_verified_with_the_root_alone() {
    let authority = authority();
    let credentials = credentials(&authority, &user("officer-1"));
    let roots = credentials.roots();
    let text = Signer::from(&credentials).sign_token(TYPE, "vc", b"{}");

    let token = Token::parse(&text, TYPE).unwrap();
    assert_eq!(token.payload, b"{}");
    assert_eq!(token.verify(roots, noon()), Ok(user("officer-1")));

    let parts: Vec<&str> = text.split('.').collect();
    let other = URL_SAFE_NO_PAD.encode("{\"a\":1}");
    let changed = Token::parse(&[parts[0], &other, parts[2]].join("."), TYPE).unwrap();
    assert!(matches!(changed.verify(roots, noon()), Err(VerifyError::BadSignature { .. })));
    let stranger = crate::testing::authority();
    let stranger = crate::testing::credentials(&stranger, &service("catalog"));
    assert!(matches!(
        token.verify(stranger.roots(), noon()),
        Err(VerifyError::ForeignAuthority { .. })
    ));
}

#[test]
fn what_is_no_token_is_refused_by_name() {
    let signer = Signer::from(&credentials(&authority(), &user("officer-1")));
    let text = signer.sign_token("JWT", "vc", b"{}");
    let unsigned = format!(
        "{}.e30.",
        URL_SAFE_NO_PAD.encode("{\"alg\":\"none\",\"typ\":\"vc+jwt\",\"x5c\":[]}")
    );

    assert_eq!(Token::parse("a.b", TYPE), Err(TokenError::Form));
    assert_eq!(Token::parse("!.b.c", TYPE), Err(TokenError::Part("header")));
    let other = TokenError::Type { found: "JWT".to_owned(), expected: TYPE };
    assert_eq!(Token::parse(&text, TYPE), Err(other));
    let none = TokenError::Algorithm { found: "none".to_owned() };
    assert_eq!(Token::parse(&unsigned, TYPE), Err(none));
}
