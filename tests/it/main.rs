//! The fleet as a user meets it: every service, real NATS, real nodes, mutual TLS, and what goes wrong.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod fleet;
mod process;
mod python;
mod town;

mod archives;
mod bench;
mod catalogues;
mod centre;
mod clients;
mod collection;
mod command_line;
mod dropped;
mod faults;
mod findings;
mod objections;
mod offline;
mod push;
mod questions;
mod recovery;
mod register;
mod restart;
mod retention;
mod standby;
mod state;
mod story;
mod tiers;
mod trace;
mod trust;
