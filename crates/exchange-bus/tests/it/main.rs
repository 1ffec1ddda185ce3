//! The exchange bus against a real event store, with mutual TLS, and nodes that speak its protocol.

mod fleet;
mod nodes;

mod grants;
mod recovery;
mod transfers;
mod visibility;
