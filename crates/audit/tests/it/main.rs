//! The audit service on real NATS, SQLite and Postgres.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod bench;
mod outside;

mod access;
mod administrator;
mod archives;
mod auditor;
mod clock;
mod crash;
mod disk;
mod evidence;
mod findings;
mod logging;
mod program;
mod proofs;
mod releases;
mod sm2;
mod story;
mod tampering;
mod tiles;
mod trace;
mod verifiers;
mod witnesses;
