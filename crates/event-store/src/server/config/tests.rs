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

/// R24.1: the servers of two tiers meet as leaf node and hub, with certificates on both sides.
#[test]
fn a_leaf_node_shows_its_certificate_and_has_a_domain() {
    let tls = Tls { ca: "/c/ca.pem".into(), cert: "/c/tls.pem".into(), key: "/c/tls.key".into() };
    let options = ServerOptions {
        domain: Some("d510104".to_owned()),
        leaf_of: Some("nats.example:7422".to_owned()),
        tls: Some(tls.clone()),
        ..ServerOptions::new("/data")
    };
    let leaf = render(&options, 4222, 8222);
    assert!(leaf.contains(r#"domain: "d510104""#), "{leaf}");
    assert!(leaf.contains(r#"url: "tls://nats.example:7422""#), "{leaf}");

    let options =
        ServerOptions { leaf_port: Some(7422), tls: Some(tls), ..ServerOptions::new("/data") };
    let hub = render(&options, 4222, 8222);
    assert!(hub.contains("leafnodes {\n  host: \"127.0.0.1\"\n  port: 7422\n  tls {"), "{hub}");
    assert_eq!(hub.matches("verify_and_map: true").count(), 2, "{hub}");
}

#[test]
fn text_cannot_end_its_quotes() {
    assert_eq!(quoted(r#"a" }"#), r#""a\" }""#);
}
