//! The program itself, as Kubernetes starts and ends it.

use publicdata_event_store::jetstream::permissions;
use publicdata_event_store::server::User;
use publicdata_event_store::testing::nats_over_tls;
use publicdata_identity::testing;
use publicdata_service_kit::testing::{Program, free_address};

/// H4: it makes its stream, serves, and ends in its own time when asked to.
#[tokio::test]
async fn serves_until_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority = testing::authority();
    let user = |name: &str, written: &[&str], read: &[&str]| {
        let id = testing::service(name);
        testing::credentials(&authority, &id).save(&path(name)).unwrap();
        User { spiffe_id: id.to_string(), permissions: permissions(name, written, read) }
    };
    let users =
        vec![user("catalog", &["CATALOG"], &[]), user("exchange-bus", &["EXCHANGE"], &["CATALOG"])];
    let nats = nats_over_tls(&path("exchange-bus"), users).await;
    // The catalogue's stream, which the bus reads.
    nats.config().open("catalog", &path("catalog"), &["CATALOG"]).await.unwrap();
    let address = free_address();
    let config = format!(
        "credentials = \"{folder}/exchange-bus\"\n\
         [exchange_bus]\n\
         listen = \"{address}\"\n\
         database = \"sqlite:{folder}/bus.db\"\n\
         {nats}",
        folder = folder.path().display(),
        nats = nats.config_toml(),
    );
    std::fs::write(path("bus.toml"), config).unwrap();

    let program = env!("CARGO_BIN_EXE_publicdata-exchange-bus");
    let mut program = Program::start(program, &path("bus.toml"));
    let id = testing::service("exchange-bus");
    program.serves(address, &testing::credentials(&authority, &id), &id).await;
    let ended = program.terminate().await;

    assert!(ended.success(), "{ended}");
}
