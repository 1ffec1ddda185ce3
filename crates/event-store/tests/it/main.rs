//! The contract of an event store, on each implementation; and what only servers can show.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod aggregates;
mod cluster;
mod contract;
mod durability;
mod group;
mod kit;
mod memory;
mod outage;
mod raw;
mod release;
mod restore;
mod server;
mod single;
mod standby;
mod trust;
