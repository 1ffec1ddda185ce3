//! The program itself, as Kubernetes starts and ends it.

use publicdata_identity::testing;
use publicdata_service_kit::testing::{Program, free_address};

use crate::bench::Bench;

/// H4: it serves, although only the catalogue has made its stream yet, and ends in its own time when asked to.
#[tokio::test]
async fn serves_until_it_is_asked_to_end() {
    let bench = Bench::on_nats_over_tls(&["CATALOG"]).await;
    let address = free_address();
    let config = bench.write_config(address);
    let id = testing::service("audit");
    let credentials = testing::credentials(&bench.certificates, &id);

    let mut program = Program::start(env!("CARGO_BIN_EXE_publicdata-audit"), &config);
    program.serves(address, &credentials, &id).await;
    let ended = program.terminate().await;

    assert!(ended.success(), "{ended}");
}

/// H4: started before its event store it tries again until that is there, and then serves; while it waits, it ends when asked to.
#[tokio::test]
async fn waits_for_its_event_store() {
    let mut bench = Bench::on_nats_over_tls(&["CATALOG"]).await;
    let address = free_address();
    let config = bench.write_config(address);
    let id = testing::service("audit");
    let credentials = testing::credentials(&bench.certificates, &id);
    let program = env!("CARGO_BIN_EXE_publicdata-audit");
    let nats = bench.nats.as_mut().unwrap();
    let away = nats.leave().await;

    let asked_to_end = Program::start(program, &config);
    away.tried(2).await;
    let ended = asked_to_end.terminate().await;
    assert!(ended.success(), "{ended}");

    let mut program = Program::start(program, &config);
    away.tried(2).await;
    nats.come_back(away).await;
    program.serves(address, &credentials, &id).await;
}
