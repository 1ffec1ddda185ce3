#![doc = include_str!("../README.md")]

pub mod config;
pub mod telemetry;

pub mod clock;
pub mod problem;
pub mod retry;
pub mod tasks;

pub mod grpc;

pub use clock::Clock;
pub use problem::Problem;
pub use tasks::{Tasks, shutdown_signal};
