//! Refusing servers that would lose what they acknowledge.

use publicdata_event_store::jetstream::{Profile, SetupError};
use publicdata_event_store::testing;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// H1: our own server syncs each write, and that can be seen.
#[tokio::test]
async fn server_that_syncs_is_accepted_in_production() {
    let nats = testing::nats().await;
    let store = nats.connect("test").await;
    store.check_durability(Profile::Production, &[nats.server.monitor_url()]).await.unwrap();
}

/// H1: production does not run on hope.
#[tokio::test]
async fn server_that_cannot_be_asked_is_refused_in_production_alone() {
    let nats = testing::nats().await;
    let store = nats.connect("test").await;
    for monitors in [vec![], vec!["http://127.0.0.1:1".to_owned()], vec!["127.0.0.1".to_owned()]] {
        let outcome = store.check_durability(Profile::Production, &monitors).await;
        assert!(matches!(&outcome, Err(SetupError::Unknown { .. })), "{outcome:?}");
        store.check_durability(Profile::Development, &monitors).await.unwrap();
    }
    let other = testing::nats().await;
    let outcome = store.check_durability(Profile::Production, &[other.server.monitor_url()]).await;
    assert!(matches!(&outcome, Err(SetupError::Unknown { .. })), "{outcome:?}");
}

/// H1: a server with the default setting is refused.
#[tokio::test]
async fn server_that_does_not_sync_is_refused() {
    let nats = testing::nats().await;
    let store = nats.connect("test").await;
    let monitor = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", monitor.local_addr().unwrap());
    let serve = async {
        let (mut connection, _) = monitor.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(connection.read(&mut request).await.unwrap() > 0);
        let varz = r#"{"server_id":"N1","jetstream":{"config":{"sync_interval":120000000000}}}"#;
        let answer = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{varz}", varz.len());
        connection.write_all(answer.as_bytes()).await.unwrap();
    };

    let monitors = [address];
    let check = store.check_durability(Profile::Production, &monitors);
    let (outcome, ()) = futures::future::join(check, serve).await;

    let error = outcome.unwrap_err();
    assert!(matches!(&error, SetupError::NotSynced { .. }), "{error:?}");
    assert!(error.to_string().contains("sync_interval: always"), "{error}");
}
