//! The exchange bus against a real event store, with mutual TLS, and nodes that speak its protocol.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod fleet;
mod nodes;

mod archive;
mod centre;
mod disputes;
mod grants;
mod program;
mod questions;
mod recovery;
mod subscriptions;
mod tickets;
mod transfers;
mod visibility;
