//! Backups of real streams and a real log, and what becomes of them.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod bench;

mod backup;
mod restore;
mod tampering;
