//! Content: a CSV file in UTF-8 (RFC 4180) whose first row names its columns.
//!
//! Everything here reads row by row; the longest row is bounded, so is the memory.

mod check;
mod json;
mod preview;
mod rows;
mod value;

pub(crate) use check::{CheckError, ContentError, check};
pub(crate) use json::json;
pub(crate) use preview::preview;

#[cfg(test)]
mod tests;
