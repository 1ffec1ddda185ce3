use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::*;

const ALMOST: Duration = Duration::from_secs(59);

/// R31.1: who never asks, or stops reading, does not hold a connection.
#[tokio::test(start_paused = true)]
async fn an_idle_visitor_is_left() {
    let (_silent, stream) = duplex(8);
    let begun = Instant::now();
    let error = Connection::new(stream).read_u8().await.unwrap_err();
    assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, IDLE_MAX));

    let (_stalled, stream) = duplex(8);
    let error = Connection::new(stream).write_all(b"more than fits").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

/// R31.1: a slow download goes on, though nobody asks for anything meanwhile.
#[tokio::test(start_paused = true)]
async fn a_slow_download_goes_on() {
    let (mut visitor, stream) = duplex(1);
    let (mut asks, mut answers) = tokio::io::split(Connection::new(stream));
    let read = async {
        for _ in 0..5 {
            sleep(ALMOST).await;
            visitor.read_u8().await.unwrap();
        }
    };
    tokio::select! {
        ended = asks.read_u8() => panic!("{ended:?}"),
        ended = answers.write_all(&[0; 100]) => panic!("{ended:?}"),
        () = read => {}
    }
}
