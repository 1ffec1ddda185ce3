use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::connection::HEAD_MAX;
use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

fn served() -> (Tasks, SocketAddr) {
    let bound = BoundHttp::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (tasks, address) = (Tasks::new(), bound.local_addr());
    bound.spawn(&tasks, "test", Router::new().route("/", get(async || "answer")));
    (tasks, address)
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // Some ends are abrupt.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// R31.1: who sends a request byte by byte, and never ends it, does not hold a connection.
#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_left() {
    let (_tasks, address) = served();
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut answers, mut asks) = stream.into_split();
    let begun = Instant::now();
    let asking = async {
        while asks.write_all(b"G").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    };

    let mut answer = Vec::new();
    tokio::select! {
        _ = answers.read_to_end(&mut answer) => {}
        () = asking => {}
        () = sleep(4 * HEAD_MAX) => panic!("is still open"),
    }

    assert!(begun.elapsed() < 2 * HEAD_MAX, "{:?}", begun.elapsed());
}

/// R31.1: HTTP/2, of which a stranger could hold many streams at once, is not spoken.
#[tokio::test]
async fn http2_is_not_spoken() {
    let (_tasks, address) = served();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();

    let answer = timeout(Duration::from_secs(5), answer(&mut stream)).await.unwrap();

    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer:?}");
}

/// R31.1: strangers hold so many connections at once, and no more; whoever comes next is answered when one has ended.
#[tokio::test]
async fn connections_are_bounded() {
    let (_tasks, address) = served();
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(REQUEST).await.unwrap();
    let waited = timeout(Duration::from_millis(300), next.readable()).await;
    assert!(waited.is_err(), "there is no place for one more");

    silent.pop();

    let answer = timeout(Duration::from_secs(5), answer(&mut next)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("answer"), "{answer:?}");
}

/// H4: at shutdown, who holds an idle connection holds up nothing.
#[tokio::test]
async fn idle_connections_end_at_shutdown() {
    let (tasks, address) = served();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    idle.readable().await.unwrap();

    tasks.shutdown().cancel();

    let answer = timeout(DRAIN_DEADLINE / 2, answer(&mut idle)).await.unwrap();
    assert!(answer.ends_with("answer"), "{answer:?}");
}
