//! A node against real sources, and against a bus that lies.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking as well")]

mod bus;
mod changes;
mod exchange;
mod mariadb;
mod parties;
mod quality;
mod questions;
mod receipts;
mod replication;
mod sinks;
mod sources;
