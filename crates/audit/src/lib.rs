#![doc = include_str!("../README.md")]

pub mod app;
pub mod config;

pub mod writer;

pub mod feed;
pub mod keys;
pub mod leaf;
pub mod log;
pub mod sweep;

pub mod error;
pub mod events;
pub mod grpc;
pub mod queries;
pub mod shown;
pub mod witness;

mod metrics;
mod proofs;
mod tiles;
mod web;

pub mod client;
pub mod evidence;
pub mod replay;

pub mod findings;

pub mod archiving;

mod time;
mod trace;

pub use app::{App, BuildError, Dependencies};
pub use config::{Config, ProcessConfig};
pub use error::Error;
