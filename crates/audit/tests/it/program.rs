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
