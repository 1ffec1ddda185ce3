#![doc = include_str!("../README.md")]

pub mod config;

mod app;
mod grpc;

pub mod codec;
mod drafting;
mod entry;
mod error;
mod history;

mod queries;
pub mod search;
pub mod views;

pub use app::{App, BuildError, Dependencies};
pub use config::{Config, ProcessConfig};
