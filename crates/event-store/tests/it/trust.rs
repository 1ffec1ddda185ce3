//! Certificates and permissions at the server.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use publicdata_event_store::jetstream::{
    ClientTls, JetStreamStore, Options, Profile, SetupError, StoreConfig, StreamOptions, Token,
    permissions,
};
use publicdata_event_store::server::{NatsServer, ServerOptions, Tls, User};
use publicdata_event_store::testing::raw::Raw;
use publicdata_event_store::{AppendError, Error};
use rcgen::string::Ia5String;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::kit::{Bed, all, new_commit, next};

/// R45.1: with exactly its permissions a service can do all that the store does, and nothing to another's subjects.
#[tokio::test]
async fn service_writes_its_own_subjects_alone() {
    let authority = Authority::new();
    let server = start(&authority).await;
    let catalog = connect(&server, "catalog", authority.client("catalog")).await.unwrap();
    catalog.ensure_stream_with(StreamOptions::new("CATALOG", 1)).await.unwrap();
    let bed = Bed::new(Arc::new(catalog), "catalog");
    let subject = bed.subject();
    bed.fill(&subject, 3).await;
    let commit = new_commit();
    bed.store.append(&subject, 3, commit.clone()).await.unwrap();
    assert!(bed.store.append(&subject, 4, commit).await.unwrap().repeated);

    let audit = connect(&server, "audit", authority.client("audit")).await.unwrap();
    let intruder = Bed::new(Arc::new(audit), "catalog");

    assert_eq!(intruder.store.load(&subject, 1).await.unwrap().len(), 3);
    assert_eq!(intruder.store.tail(&subject, 1).await.unwrap().len(), 3);
    assert_eq!(all(intruder.store.read("CATALOG", 0, None).await.unwrap()).await.unwrap().len(), 4);
    let mut subscription = intruder.store.subscribe("CATALOG", 4).await.unwrap();
    assert_eq!(next(&mut subscription).await.unwrap().sequence, 4);
    let written = intruder.store.append(&subject, 4, new_commit()).await;
    assert!(matches!(written, Err(AppendError::Store(Error::Unavailable { .. }))), "{written:?}");
    let hijacked = connect(&server, "catalog", authority.client("audit")).await.unwrap();
    let answer = publicdata_event_store::EventStore::last_sequence(&hijacked, "CATALOG").await;
    assert!(answer.is_err(), "audit listens at the inboxes of catalog");
    assert_eq!(bed.store.last_sequence("CATALOG").await.unwrap(), 4);
}

/// R23.2: with a service's own certificate nobody removes what is stored, or changes a stream so that it would be removed later: neither
/// the service that writes it, nor one that reads it.
#[tokio::test]
async fn services_can_remove_nothing() {
    let authority = Authority::new();
    let server = start(&authority).await;
    let catalog = connect(&server, "catalog", authority.client("catalog")).await.unwrap();
    catalog.ensure_stream_with(StreamOptions::new("CATALOG", 1)).await.unwrap();
    let bed = Bed::new(Arc::new(catalog), "catalog");
    bed.fill(&bed.subject(), 3).await;
    let mut config = serde_json::json!({
        "name": "CATALOG", "subjects": ["ev.catalog.>"], "storage": "file", "retention": "limits", "discard": "new",
        "num_replicas": 1, "allow_direct": true, "allow_atomic": true, "deny_delete": true, "deny_purge": true,
    });
    config["max_age"] = 1_000_000_000_u64.into();

    for service in ["catalog", "audit"] {
        let intruder = authority.client(service);
        let raw = Raw::connect_as(&server.url(), service, &intruder).await.unwrap();
        for (call, request) in [
            ("STREAM.UPDATE.CATALOG", &config),
            ("STREAM.CREATE.CATALOG", &config),
            ("STREAM.PURGE.CATALOG", &serde_json::json!({})),
            ("STREAM.MSG.DELETE.CATALOG", &serde_json::json!({ "seq": 2 })),
            ("STREAM.SNAPSHOT.CATALOG", &serde_json::json!({ "deliver_subject": "x" })),
            ("STREAM.DELETE.CATALOG", &serde_json::json!({})),
        ] {
            raw.ask(call, request).await.unwrap();
        }
        // Each was flushed: the server has had it before it is asked.
        assert_eq!(bed.store.risks("CATALOG").await.unwrap(), Vec::<String>::new());
        let commits = all(bed.store.read("CATALOG", 0, None).await.unwrap()).await.unwrap();
        assert_eq!(commits.len(), 3);
    }
}

/// R45.1: who shows no certificate of ours, or one that is not known, is not let in.
#[tokio::test]
async fn strangers_are_not_let_in() {
    let authority = Authority::new();
    let server = start(&authority).await;
    let stranger = Authority::new();

    for tls in [
        None,
        Some(authority.client("nobody")),
        Some(ClientTls { ca: authority.ca(), ..stranger.client("catalog") }),
        // A server of another authority: the client does not let it in either.
        Some(ClientTls { ca: stranger.ca(), ..authority.client("catalog") }),
    ] {
        let options = Options { tls, ..impatient(&server, "catalog") };
        let outcome = JetStreamStore::connect(options.clone()).await;
        assert!(matches!(outcome, Err(SetupError::Connect { .. })), "{options:?}: {outcome:?}");
    }

    // Nor does anybody wait for a server that is there, and refuses.
    let folder = tempfile::tempdir().unwrap();
    for (client, ca) in
        [(stranger.client("catalog"), authority.ca()), (authority.client("catalog"), stranger.ca())]
    {
        for (from, name) in [(&ca, "ca.pem"), (&client.cert, "tls.pem"), (&client.key, "tls.key")] {
            fs::copy(from, folder.path().join(name)).unwrap();
        }
        let config = StoreConfig {
            urls: vec![server.url()],
            monitors: vec![server.monitor_url()],
            replicas: 1,
            mirror: Vec::new(),
            profile: Profile::Production,
        };
        let outcome = config.open_when_reachable("catalog", folder.path(), &["CATALOG"]);
        let outcome = timeout(Duration::from_secs(30), outcome).await.expect("an answer");
        assert!(matches!(outcome, Err(SetupError::Connect { .. })), "{outcome:?}");
    }
}

/// R45.1: a server for one client knows it by a token, and lets nobody else in; the token shows nowhere.
#[tokio::test]
async fn a_token_lets_in_who_knows_it() {
    let (folder, token) = (tempfile::tempdir().unwrap(), Token::random());
    let options = ServerOptions { token: Some(token.clone()), ..ServerOptions::new(folder.path()) };
    let server = NatsServer::start(options).await.unwrap();

    let known = Options { token: Some(token.clone()), ..impatient(&server, "recovery") };
    assert!(!format!("{known:?}").contains(&secret(&folder)));
    JetStreamStore::connect(known).await.unwrap();
    for token in [None, Some(Token::random())] {
        let outcome =
            JetStreamStore::connect(Options { token, ..impatient(&server, "recovery") }).await;
        assert!(matches!(outcome, Err(SetupError::Connect { .. })), "{outcome:?}");
    }
}

/// The token, as it stands in the server's configuration, which others cannot read.
fn secret(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("nats-server.conf");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    let config = std::fs::read_to_string(path).unwrap();
    let (_, rest) = config.split_once("token: \"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

fn impatient(server: &NatsServer, service: &str) -> Options {
    let attempt_timeout = Duration::from_millis(500);
    let call_timeout = Duration::from_millis(800);
    Options { attempt_timeout, call_timeout, ..Options::new(server.url(), service) }
}

async fn connect(
    server: &NatsServer,
    service: &str,
    tls: ClientTls,
) -> Result<JetStreamStore, SetupError> {
    JetStreamStore::connect(Options { tls: Some(tls), ..impatient(server, service) }).await
}

async fn start(authority: &Authority) -> NatsServer {
    let ClientTls { ca, cert, key } = authority.certify("nats", "spiffe://example/service/nats");
    let user = |service: &str, permissions| User { spiffe_id: spiffe_id(service), permissions };
    let users = vec![
        user("catalog", permissions("catalog", &["CATALOG"], &[])),
        user("audit", permissions("audit", &["AUDIT"], &["CATALOG"])),
    ];
    let tls = Some(Tls { ca, cert, key });
    let options = ServerOptions { tls, users, ..ServerOptions::new(authority.folder.path()) };
    NatsServer::start(options).await.unwrap()
}

fn spiffe_id(service: &str) -> String {
    format!("spiffe://example/service/{service}")
}

/// Signs certificates, and keeps them as files.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { folder, issuer };
        fs::write(authority.ca(), authority.issuer.pem()).unwrap();
        authority
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn client(&self, service: &str) -> ClientTls {
        self.certify(service, &spiffe_id(service))
    }

    fn certify(&self, name: &str, spiffe_id: &str) -> ClientTls {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::URI(Ia5String::try_from(spiffe_id).unwrap()));
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &self.issuer).unwrap();
        let cert = self.file(&format!("{name}.pem"), &certificate.pem());
        let key = self.file(&format!("{name}.key"), &pair.serialize_pem());
        ClientTls { ca: self.ca(), cert, key }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path: &Path = self.folder.path();
        let path = path.join(name);
        fs::write(&path, content).unwrap();
        path
    }
}
