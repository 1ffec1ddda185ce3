//! Servers and channels that speak mutual TLS, and say what goes wrong.

mod accept;
mod call;
mod channel;
mod connect;
mod explain;
mod server;
mod tunnel;

pub use channel::{Channel, ChannelError, channel};
pub use server::{BoundServer, ServerError, bind};
pub use tunnel::{carry, channel_over, connection, serve_over};

use std::time::Duration;

/// The name of HTTP/2 in the TLS handshake.
const HTTP_2: &[u8] = b"h2";
/// What one stream may have in flight: twice the largest frame.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// How many streams one connection may carry.
const STREAMS_MAX: u32 = 512;
/// Room for every stream's window, so that a stream that nobody reads holds back no other.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS_MAX;
/// How often an idle connection is tried, so that a peer that vanished is noticed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
