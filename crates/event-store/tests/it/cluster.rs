//! Three servers with three replicas.

use std::sync::Arc;

use publicdata_event_store::jetstream::StreamOptions;
use publicdata_event_store::testing;

use crate::contract::{self, contract};
use crate::kit::Bed;

/// The whole contract on one cluster, which takes seconds to elect its leaders: each claim has a stream of its own.
#[tokio::test]
async fn cluster_keeps_the_contract() {
    let cluster = testing::cluster().await;
    let store = cluster.connect("test").await;

    macro_rules! on_three_servers {
        ($($claim:ident,)*) => {
            let mut number = 0;
            $(
                number += 1;
                let service = format!("s{number}");
                let stream = StreamOptions::new(service.to_ascii_uppercase(), 3);
                store.ensure_stream_with(stream).await.unwrap();
                contract::$claim(Bed::new(Arc::new(store.clone()), &service)).await;
            )*
        };
    }
    contract!(on_three_servers);
}
