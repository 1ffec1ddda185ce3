//! What every command is carried out with: who asks, which fleet, where results go.

use std::path::PathBuf;

use clap::Args;

use crate::output::{Format, Output};
use crate::session::{Session, new_command_id};

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Folder of the fleet: its data, its addresses and the credentials that it made.
    #[arg(long, global = true, env = "PUBLICDATA_DATA", default_value = "data")]
    pub data: PathBuf,
    /// Who acts: a credentials folder, or its name below the fleet's folder, such as `authority`.
    #[arg(
        long = "as",
        global = true,
        env = "PUBLICDATA_AS",
        value_name = "CREDENTIALS",
        default_value = "authority"
    )]
    pub caller: String,
    /// Form of the output.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Format,
    /// Id of the command (a UUID): a repeat with the same id answers as the first did, and does nothing twice.
    #[arg(long, global = true)]
    pub command_id: Option<uuid::Uuid>,
    /// What is logged to standard error, such as `info` or `publicdata_exchange_bus=debug,warn`.
    /// By default what goes wrong; in the demonstration, where refusals are part of the story, errors alone.
    #[arg(long, global = true, env = "PUBLICDATA_LOG")]
    pub log: Option<String>,
    /// Where traces and metrics are sent (OTLP over gRPC), such as `http://localhost:4317`.
    #[arg(long, global = true, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp: Option<String>,
}

/// What a command is carried out with.
pub struct Context {
    /// Options of every command.
    pub global: Global,
    /// Where results go.
    pub output: Output,
}

// === impl Context ===

impl Context {
    /// The caller, and the fleet that it speaks to.
    ///
    /// # Errors
    /// No fleet was started with the data folder, or the credentials cannot be read.
    pub fn session(&self) -> anyhow::Result<Session> {
        Session::open(&self.global.data, &self.global.caller)
    }

    /// The id of the command: the caller's, or a fresh one.
    #[must_use]
    pub fn command_id(&self) -> String {
        match self.global.command_id {
            Some(id) => id.to_string(),
            None => new_command_id(),
        }
    }
}
