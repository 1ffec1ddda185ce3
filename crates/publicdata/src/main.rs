//! The command line: see `publicdata --help`.

use std::process::ExitCode;

use clap::Parser as _;
use publicdata::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::main(Cli::parse()).await
}
