#![doc = include_str!("../README.md")]

pub mod config;

mod app;
mod grpc;

mod agreements;
pub mod codec;
mod collecting;
mod divisions;
mod drafting;
mod entry;
mod error;
mod history;
mod obligations;

mod policies;
mod queries;
pub mod search;
pub mod views;

pub use app::{App, BuildError, Dependencies};
pub use config::{Config, ProcessConfig};
