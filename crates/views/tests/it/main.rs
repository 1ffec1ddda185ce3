//! Views against both databases: SQLite in a temporary folder, and a Postgres of the test's own.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod compare;
mod fixture;
mod projector;
