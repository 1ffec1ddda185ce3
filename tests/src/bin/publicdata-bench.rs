//! `make bench`: see `publicdata-bench --help`.

use std::process::ExitCode;

use clap::Parser as _;
use publicdata_tests::bench::{self, Options};

#[tokio::main]
async fn main() -> ExitCode {
    bench::main(Options::parse()).await
}
