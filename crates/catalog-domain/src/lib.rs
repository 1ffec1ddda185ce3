#![doc = include_str!("../README.md")]

pub mod agreement;
pub mod organisation;

pub mod classification;

pub mod name;

pub mod description;
pub mod resource;

pub mod change;
pub mod obligation;
pub mod schedule;

pub mod foreign_resource;
pub mod harvest_source;
pub mod network;
pub mod recovery;
pub mod security_record;
pub mod system;

pub mod assessment;

pub mod leadership;
pub mod library;

pub mod entity;
pub mod likeness;
pub mod vocabulary;

pub mod consolidation;

pub mod owner;
pub mod text;
