//! Servers and channels as services use them: mutual TLS over loopback.
#![expect(clippy::unwrap_used, reason = "clippy's exception for tests misses their helpers")]

mod calls;
mod failures;
mod fixture;
mod shutdown;
mod telemetry;
mod tunnel;
