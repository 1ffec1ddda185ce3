//! `publicdata register`: the infrastructure register.

pub mod network;
pub mod recovery;
pub mod security;
pub mod system;

use clap::{Args, Subcommand};

use crate::context::Context;

/// What can be done with the register.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Information systems, and who still runs isolated ones (信息系统清单).
    #[command(subcommand)]
    System(system::Command),
    /// Dedicated networks, and the authority's opinion before they are built (业务专网).
    #[command(subcommand)]
    Network(network::Command),
    /// Disaster recovery: what is enrolled in it, and what is not (灾备).
    #[command(subcommand)]
    Recovery(recovery::Command),
    /// Security assessments, drills and incidents, with owner, deadline and closing (安全管理).
    #[command(subcommand)]
    Security(security::Command),
}

/// What every list can be narrowed by.
#[derive(Clone, Debug, Args)]
pub struct Narrowed {
    /// Only those of this organisation.
    #[arg(long, default_value = "")]
    pub organisation: String,
    /// Only those of organisations in this division.
    #[arg(long, default_value = "")]
    pub region: String,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let client = context.session()?.register()?;
    match command {
        Command::System(command) => system::run(context, client, command).await,
        Command::Network(command) => network::run(context, client, command).await,
        Command::Recovery(command) => recovery::run(context, client, command).await,
        Command::Security(command) => security::run(context, client, command).await,
    }
}
