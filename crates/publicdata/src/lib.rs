#![doc = include_str!("../README.md")]

pub mod cli;
pub mod context;
pub mod output;
pub mod progress;

pub mod endpoints;
pub mod session;

pub mod commands;
pub mod files;
pub mod sheet;

pub mod fleet;
pub mod recovery;
pub mod sample;
pub mod views;

pub mod demo;
pub mod narrator;
pub mod story;
pub mod up;
