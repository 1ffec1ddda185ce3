//! The program itself, as Kubernetes starts and ends it.

use std::net::SocketAddr;

use publicdata_event_store::jetstream::permissions;
use publicdata_event_store::server::User;
use publicdata_event_store::testing::{TestNats, nats_over_tls};
use publicdata_identity::{Credentials, SpiffeId, testing};
use publicdata_service_kit::testing::{Program, free_address};
use tempfile::TempDir;

/// What a bus needs to run.
struct Place {
    nats: TestNats,
    address: SocketAddr,
    id: SpiffeId,
    credentials: Credentials,
    // Dropped after the server, as fields are dropped in order.
    folder: TempDir,
}

/// H4: it makes its stream, serves, and ends in its own time when asked to.
#[tokio::test]
async fn serves_until_it_is_asked_to_end() {
    let place = Place::new().await;

    let mut program = place.start();
    program.serves(place.address, &place.credentials, &place.id).await;
    let ended = program.terminate().await;

    assert!(ended.success(), "{ended}");
}

/// H4: started before its event store it tries again until that is there, and then serves; while it waits, it ends when asked to.
#[tokio::test]
async fn waits_for_its_event_store() {
    let mut place = Place::new().await;
    let away = place.nats.leave().await;

    let asked_to_end = place.start();
    away.tried(2).await;
    let ended = asked_to_end.terminate().await;
    assert!(ended.success(), "{ended}");

    let mut program = place.start();
    away.tried(3).await;
    place.nats.come_back(away).await;
    program.serves(place.address, &place.credentials, &place.id).await;
}

// === impl Place ===

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let authority = testing::authority();
        let user = |name: &str, written: &[&str], read: &[&str]| {
            let id = testing::service(name);
            testing::credentials(&authority, &id).save(&path(name)).unwrap();
            User { spiffe_id: id.to_string(), permissions: permissions(name, written, read) }
        };
        let users = vec![
            user("catalog", &["CATALOG"], &[]),
            user("exchange-bus", &["EXCHANGE"], &["CATALOG", "AUDIT"]),
        ];
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
        let id = testing::service("exchange-bus");
        let credentials = testing::credentials(&authority, &id);
        Self { nats, address, id, credentials, folder }
    }

    fn start(&self) -> Program {
        let program = env!("CARGO_BIN_EXE_publicdata-exchange-bus");
        Program::start(program, &self.folder.path().join("bus.toml"))
    }
}
