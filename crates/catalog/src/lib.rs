#![doc = include_str!("../README.md")]

pub mod config;

mod app;
mod grpc;

mod changes;
pub mod codec;
mod collecting;
mod drafting;
mod entry;
mod error;
mod feed;
mod history;
mod import;

mod queries;
pub mod search;
pub mod views;

pub use app::{App, BuildError, Dependencies};
pub use config::{Config, FeedConfig, ProcessConfig};
pub use feed::FeedError;
