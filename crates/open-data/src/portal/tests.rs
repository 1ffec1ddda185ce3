use axum::http::HeaderMap;
use axum::http::header::{ETAG, IF_NONE_MATCH};

use super::*;

/// H5: a log line shows routes, and nothing that a visitor typed.
#[test]
fn what_is_typed_is_not_logged() {
    for (path, route) in [
        ("/", "/"),
        ("/help", "/help"),
        ("/datasets/3010100-00001", "/datasets/{code}"),
        ("/datasets/3010100-00001.csv", "/datasets/{code}.csv"),
        ("/datasets/13912345678.json", "/datasets/{code}.json"),
        ("/datasets/13912345678.pdf", "/datasets/{code}"),
        ("/13912345678", "other"),
    ] {
        assert_eq!(route_of(path), route);
    }
}

#[test]
fn a_site_is_where_it_is_said_to_be_or_where_it_listens() {
    let address = SocketAddr::from(([127, 0, 0, 1], 8080));
    let named = Site::new(Some("https://data.example.gov.cn"), address);
    let code = "3010100/00001";
    assert_eq!(named.url_of(code), "https://data.example.gov.cn/datasets/3010100-00001");
    let found = Site::new(None, address);
    assert_eq!(found.url_of(code), "http://127.0.0.1:8080/datasets/3010100-00001");
}

#[test]
fn a_known_version_is_recognised_among_several() {
    let tag = answer::tag("ab12");
    for (known, expected) in [
        ("\"ab12\"", true),
        ("W/\"ab12\"", true),
        ("\"cd\", \"ab12\"", true),
        ("*", true),
        ("\"ab1\"", false),
        ("ab12", false),
    ] {
        let asked: HeaderMap = [(IF_NONE_MATCH, known.parse().unwrap())].into_iter().collect();
        assert_eq!(answer::is_known(&asked, &tag), expected, "{known}");
    }
    let other: HeaderMap = [(ETAG, tag.clone())].into_iter().collect();
    assert!(!answer::is_known(&other, &tag));
}
