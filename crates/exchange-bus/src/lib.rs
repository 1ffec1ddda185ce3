#![doc = include_str!("../README.md")]

pub mod calendar;
pub mod relay;

pub(crate) mod metrics;
