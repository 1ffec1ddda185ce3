//! Ports that nobody listens on.

use std::net::TcpListener;

use rand::random_range;

use super::ServerError;

/// Below the range from which the system takes ports for outgoing connections, lest one of those is in the way when a server
/// is started again.
const RANGE: std::ops::Range<u16> = 20_000..32_000;
const ATTEMPTS: u32 = 100;

/// The port that was asked for, or a free one at `host`.
pub(super) fn take(host: &str, wanted: Option<u16>) -> Result<u16, ServerError> {
    if let Some(port) = wanted {
        return Ok(port);
    }
    let mut candidates = (0..ATTEMPTS).map(|_| random_range(RANGE));
    candidates
        .find(|port| TcpListener::bind((host, *port)).is_ok())
        .ok_or_else(|| ServerError::NoPort { host: host.to_owned() })
}
