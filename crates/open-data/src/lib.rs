#![doc = include_str!("../README.md")]

pub mod config;

mod app;
mod grpc;
mod publishing;

mod blobs;
mod content;

mod codec;
mod entry;
mod error;

mod queries;
mod views;

mod portal;

pub use app::{App, BuildError, Dependencies};
pub use config::{Config, ProcessConfig};
pub use views::{OpenError as ViewsError, views};
