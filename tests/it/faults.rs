//! What goes wrong, one claim a test. Each ends in a clear error or in success after recovery, and never in a lost, doubled
//! or leaked row or event.

mod provider;
mod reader;
mod revocation;

mod commands;
mod kills;
mod room;
mod store;

mod leak;
mod mistakes;
mod strangers;
