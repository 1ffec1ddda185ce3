//! The monitoring endpoint of a nats-server, which alone tells some things about it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::BoxError;

const TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// The body of `path` at `endpoint`, which is `http://host:port`.
///
/// One request in HTTP/1.0, which ends with the connection, needs no client library.
pub(crate) async fn get(endpoint: &str, path: &str) -> Result<Vec<u8>, BoxError> {
    let host = endpoint
        .trim_end_matches('/')
        .strip_prefix("http://")
        .ok_or("address is not http://host:port")?;
    let answer = timeout(TIMEOUT, exchange(host, path)).await??;
    let head_end =
        answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("answer is not HTTP")?;
    let status = answer.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    if status != b"200" {
        return Err(format!("answer is {}", String::from_utf8_lossy(&answer[..head_end])).into());
    }
    Ok(answer[head_end + 4..].to_vec())
}

async fn exchange(host: &str, path: &str) -> Result<Vec<u8>, BoxError> {
    let mut connection = TcpStream::connect(host).await?;
    connection.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    connection.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(answer)
}
