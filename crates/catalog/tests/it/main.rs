//! The catalogue as its clients meet it: over mutual TLS, on real NATS and SQLite.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod agreements;
mod assessments;
mod classifications;
mod collection;
mod districts;
mod entries;
mod fixture;
mod libraries;
mod mistakes;
mod obligations;
mod organisations;
mod program;
mod recovery;
mod register;
mod resources;
mod search;
