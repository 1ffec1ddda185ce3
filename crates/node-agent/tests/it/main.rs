//! A node against real sources, and against a bus that lies.

mod bus;
mod exchange;
mod parties;
mod sources;
