#![doc = include_str!("../README.md")]

pub mod app;
pub mod config;

pub mod grpc;

pub mod grants;
pub mod subscriptions;
pub mod transfers;

pub mod disputes;
pub mod tickets;

pub mod archive;

pub mod relay;
pub mod tiers;

pub mod codec;
pub mod error;

pub mod policies;
pub mod queries;
pub mod views;

pub(crate) mod metrics;

pub use app::{App, BuildError, Dependencies};
pub use config::{ArchiveConfig, Config, ProcessConfig};
