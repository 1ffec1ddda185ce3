#![doc = include_str!("../README.md")]

pub mod config;
pub mod telemetry;

pub mod clock;
pub mod holidays;
pub mod problem;
pub mod retry;
pub mod tasks;

pub mod grpc;
pub mod http;

#[cfg(feature = "testing")]
pub mod testing;

pub use clock::Clock;
pub use holidays::Holidays;
pub use problem::Problem;
pub use tasks::{DRAIN_DEADLINE, Tasks, shutdown_signal};
