#![doc = include_str!("../README.md")]

pub mod delivering;
pub mod receiving;

pub mod item;
pub mod terms;

pub mod credential;
pub mod digest;
pub mod frames;
pub mod push;
pub mod question;
pub mod receipt;
pub mod rows;
pub mod seal;
pub mod signed;
pub mod time;

#[cfg(test)]
mod testing;

pub use delivering::Delivering;
pub use digest::Progress;
pub use receipt::Agreed;
pub use receiving::Receiving;
pub use rows::RowsDigest;
