use super::*;
use crate::jetstream::permissions;

#[test]
fn every_write_is_synced() {
    let config = render(&ServerOptions::new("/data"), 4222, 8222);
    assert!(config.contains("sync_interval: always"), "{config}");
    assert!(!config.contains("authorization"), "{config}");
}

/// R45.1: clients are known by the SPIFFE id in their certificate, and hold no more than they need.
#[test]
fn users_are_mapped_from_certificates() {
    let options = ServerOptions {
        tls: Some(Tls {
            ca: "/c/ca.pem".into(),
            cert: "/c/tls.pem".into(),
            key: "/c/tls.key".into(),
        }),
        users: vec![User {
            spiffe_id: "spiffe://example/service/audit".to_owned(),
            permissions: permissions("audit", &["AUDIT"], &[]),
        }],
        ..ServerOptions::new("/data")
    };
    let config = render(&options, 4222, 8222);
    assert!(config.contains("verify_and_map: true"), "{config}");
    assert!(
        config.contains(
            r#"{ user: "spiffe://example/service/audit", permissions: { publish: ["ev.audit.>""#
        ),
        "{config}"
    );
}

#[test]
fn text_cannot_end_its_quotes() {
    assert_eq!(quoted(r#"a" }"#), r#""a\" }""#);
}
