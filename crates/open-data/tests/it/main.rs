//! The service against a real nats-server, over mutual TLS, and as the public meets it over HTTP.

#![expect(clippy::unwrap_used, reason = "a test ends where something fails")]

mod city;
mod service;

mod access;
mod faults;
mod opening;
mod portal;
mod proposals;
