//! The program itself, as Kubernetes starts and ends it.

use publicdata_event_store::jetstream::permissions;
use publicdata_event_store::server::User;
use publicdata_event_store::testing::nats_over_tls;
use publicdata_identity::{CertificateAuthority, testing};
use publicdata_service_kit::testing::{Program, free_address};

/// H4: started before its event store it waits for it, makes its stream, serves, and ends in its own time when asked to.
#[tokio::test]
async fn waits_for_its_store_and_serves_until_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority =
        CertificateAuthority::create(&path("ca"), testing::domain(), testing::always()).unwrap();
    let id = testing::service("catalog");
    let credentials = testing::credentials(&authority, &id);
    credentials.save(&path("catalog")).unwrap();
    let permissions = permissions("catalog", &["CATALOG"], &[]);
    let users = vec![User { spiffe_id: id.to_string(), permissions }];
    let mut nats = nats_over_tls(&path("catalog"), users).await;
    let address = free_address();
    let config = format!(
        "credentials = \"{folder}/catalog\"\n\
         [catalog]\n\
         listen = \"{address}\"\n\
         database = \"sqlite:{folder}/catalog.db\"\n\
         index = \"{folder}/index\"\n\
         authority = \"{folder}/ca\"\n\
         {nats}",
        folder = folder.path().display(),
        nats = nats.config_toml(),
    );
    std::fs::write(path("catalog.toml"), config).unwrap();

    let away = nats.leave().await;
    let program = env!("CARGO_BIN_EXE_publicdata-catalog");
    let mut program = Program::start(program, &path("catalog.toml"));
    away.tried(2).await;
    nats.come_back(away).await;
    program.serves(address, &credentials, &id).await;
    let ended = program.terminate().await;

    assert!(ended.success(), "{ended}");
}
