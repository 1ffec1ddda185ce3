#![doc = include_str!("../README.md")]

pub mod organisation;

pub mod classification;

pub mod name;

pub mod description;
pub mod resource;

pub mod foreign_resource;
pub mod harvest_source;

pub mod assessment;

pub mod cycle;
pub mod leadership;
pub mod library;

pub mod entity;
pub mod likeness;
pub mod vocabulary;

pub mod text;
