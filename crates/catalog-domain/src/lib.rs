#![doc = include_str!("../README.md")]

pub mod organisation;

pub mod classification;

pub mod name;

pub mod description;
pub mod resource;
