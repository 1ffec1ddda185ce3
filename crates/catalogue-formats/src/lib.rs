#![doc = include_str!("../README.md")]

pub mod place;

#[cfg(feature = "sheets")]
pub mod column;
pub mod words;

#[cfg(feature = "sheets")]
pub mod filing;
#[cfg(feature = "sheets")]
pub mod table;

pub mod json;

#[cfg(feature = "sheets")]
pub mod sheet;

pub mod dcat;

pub use place::{Finding, Place, Record, Severity};
