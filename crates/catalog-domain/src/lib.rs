#![doc = include_str!("../README.md")]

pub mod organisation;

pub mod classification;

pub mod description;
pub mod resource;

pub mod foreign_resource;
pub mod harvest_source;
