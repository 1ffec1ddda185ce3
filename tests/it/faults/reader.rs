//! A consumer that stops reading.

use crate::fleet::{City, Rows};

/// H4, R23.1: whoever does not read holds up nobody else, and its rows wait at the source: what was not read there takes no
/// memory anywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_stops_reading_holds_up_itself_alone() {
    let city = City::settled(Rows { count: 160_000, note_bytes: 220 }).await;
    let node = city.provider_process().await;
    let source = city.source_rows().await;
    let source_bytes = std::fs::metadata(&city.database).unwrap().len();

    let stalled = city.paused().await;
    let other = city.fetch().await.unwrap().rest().await.unwrap();
    let read_bytes = node.read_bytes();
    let rest = stalled.rest().await.unwrap();

    assert!(other == source);
    // The other's rows, and of the first one's what fills the buffers on the way, however many there are.
    assert!(read_bytes > source_bytes, "{read_bytes} of {source_bytes} bytes were counted");
    assert!(
        read_bytes < source_bytes * 7 / 4,
        "{read_bytes} of twice {source_bytes} bytes were read"
    );
    assert!(rest == source);
}
