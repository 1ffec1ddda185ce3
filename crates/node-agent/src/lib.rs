#![doc = include_str!("../README.md")]

pub mod app;
pub mod config;

pub mod link;
pub mod permit;
pub mod provider;

pub mod changes;
pub mod sink;

pub mod centre;
pub mod counting;
pub mod dataset;
pub mod journal;
pub mod mask;
pub mod proof;
pub mod quality;
pub mod quarantine;
pub mod reference;
pub mod service;
pub mod source;

pub mod ask;
pub mod error;
pub mod fetch;
pub mod flight;
pub mod status;
pub mod subscriber;
pub mod ticket;

pub use app::App;
pub use config::Config;
