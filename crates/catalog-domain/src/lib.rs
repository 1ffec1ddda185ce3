#![doc = include_str!("../README.md")]

pub mod agreement;
pub mod organisation;

pub mod classification;

pub mod description;
pub mod resource;

pub mod network;
pub mod recovery;
pub mod security_record;
pub mod system;

pub mod assessment;

pub mod cycle;
pub mod leadership;
pub mod library;

pub mod owner;
pub mod text;
