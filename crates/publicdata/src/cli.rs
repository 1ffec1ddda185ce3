//! The command line: what can be said, and who carries it out.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use publicdata_service_kit::Problem;
use publicdata_service_kit::telemetry::{self, TelemetryConfig};

use crate::commands::import::SomeRefused;
use crate::commands::{
    assessment, audit, backup, calendar, centre, change, collection, dispute, drill, duty, fetch,
    grant, init, library, node, obligation, open, organisation, proof, query, register, resource,
    restore, standby, subscription, ticket, transfer,
};
use crate::context::{Context, Global};
use crate::output::{Format, Output};
use crate::{demo, up};

/// 公共数据平台: catalogue, exchange, opening and audit of a city's public data.
///
/// `publicdata demo` tells the whole story once; `publicdata up` starts a fleet that stays.
#[derive(Debug, Parser)]
#[command(name = "publicdata", version, propagate_version = true, infer_subcommands = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell the story: one governed exchange from catalogue entry to verified audit, on real data, then stop.
    Demo(demo::Arguments),
    /// Start a fleet of all services and the nodes of this machine, and leave it running until Ctrl-C.
    Up(up::Arguments),
    /// Make a certificate authority, the services' credentials and those of the first authority.
    Init(init::Arguments),
    /// Organisations, their officers, certificates and service providers (机构).
    #[command(subcommand, visible_alias = "org")]
    Organisation(organisation::Command),
    /// The catalogue: write, submit, review, publish, revise, suspend, withdraw, search (目录).
    #[command(subcommand, after_long_help = resource::GUIDE)]
    Catalog(resource::Command),
    /// The infrastructure register: systems, networks, disaster recovery, security (基础设施台账).
    #[command(subcommand)]
    Register(register::Command),
    /// Supervision and assessment: scores, and what each point was lost by (监督考核).
    #[command(subcommand)]
    Assessment(assessment::Command),
    /// Base and theme libraries, their lead departments, and who is late (基础库、主题库).
    #[command(subcommand)]
    Library(library::Command),
    /// One source for each datum, and no double collection (一数一源、采集).
    #[command(subcommand)]
    Collection(collection::Command),
    /// Changes of law and of functions that catalogues have to follow (法规与职能变更).
    #[command(subcommand)]
    Change(change::Command),
    /// What organisations have to do by a day: fulfil it, see who is late (履职期限).
    #[command(subcommand)]
    Obligation(obligation::Command),
    /// Working days: count a limit, look up a year (工作日历).
    #[command(subcommand)]
    Calendar(calendar::Command),
    /// Applications and grants (申请与授权).
    #[command(subcommand)]
    Grant(grant::Command),
    /// Fetch data under a grant through one's own node (获取数据).
    Fetch(fetch::Arguments),
    /// Ask providers' data services through one's own node (数据服务).
    #[command(subcommand)]
    Query(query::Command),
    /// Proofs without paper: facts about one subject, signed, verified offline (电子证明).
    #[command(subcommand)]
    Proof(proof::Command),
    /// The exchange log (交换日志).
    #[command(subcommand)]
    Transfer(transfer::Command),
    /// What is pushed to whom, once, on schedule or on change (数据推送).
    #[command(subcommand)]
    Subscription(subscription::Command),
    /// The big data centre: what flows to it, what is missing, whether it equals its source (大数据中心、归集).
    #[command(subcommand)]
    Centre(centre::Command),
    /// The duties of providers and consumers, measured from events (提供义务、使用义务).
    #[command(subcommand)]
    Duty(duty::Command),
    /// Data in doubt: report, answer, corrections (校核).
    #[command(subcommand, after_long_help = ticket::GUIDE)]
    Ticket(ticket::Command),
    /// Disagreements between provider and consumer, up to the decision (异议).
    #[command(subcommand, after_long_help = dispute::GUIDE)]
    Dispute(dispute::Command),
    /// Data service nodes (数据服务节点).
    #[command(subcommand)]
    Node(node::Command),
    /// Opening data to the public (开放).
    #[command(subcommand)]
    Open(open::Command),
    /// The audit log: replay, verify, prove (审计).
    #[command(subcommand)]
    Audit(audit::Command),
    /// Backups of the whole platform: make, check (灾备、备份).
    #[command(subcommand, after_long_help = backup::GUIDE)]
    Backup(backup::Command),
    /// A standby of the event store in another place: mirror, look after, promote (备用).
    #[command(subcommand, after_long_help = standby::GUIDE)]
    Standby(standby::Command),
    /// Restore a platform from its backup into a new folder (恢复).
    Restore(restore::Arguments),
    /// Try whether the platform can be restored from its backup, and record what came of it (灾备演练).
    Drill(drill::Arguments),
}

// === impl Command ===

impl Command {
    /// What is logged unless said otherwise.
    fn log(&self) -> &'static str {
        match self {
            Self::Demo(_) => "error",
            Self::Up(_) => "info,async_nats=warn",
            Self::Init(_)
            | Self::Organisation(_)
            | Self::Catalog(_)
            | Self::Register(_)
            | Self::Assessment(_)
            | Self::Library(_)
            | Self::Collection(_)
            | Self::Change(_)
            | Self::Obligation(_)
            | Self::Calendar(_)
            | Self::Grant(_)
            | Self::Fetch(_)
            | Self::Query(_)
            | Self::Proof(_)
            | Self::Transfer(_)
            | Self::Subscription(_)
            | Self::Ticket(_)
            | Self::Dispute(_)
            | Self::Node(_)
            | Self::Open(_)
            | Self::Centre(_)
            | Self::Duty(_)
            | Self::Audit(_)
            | Self::Backup(_)
            | Self::Standby(_)
            | Self::Restore(_)
            | Self::Drill(_) => "warn",
        }
    }
}

/// The exit code of an import that refused entries, and took the others.
const SOME_REFUSED: u8 = 2;

/// Carries out a command line; an error is said on standard error.
pub async fn main(cli: Cli) -> ExitCode {
    let format = cli.global.output;
    let telemetry = TelemetryConfig {
        service_name: "publicdata".to_owned(),
        log: cli.global.log.clone().unwrap_or_else(|| cli.command.log().to_owned()),
        otlp_endpoint: cli.global.otlp.clone(),
        ..TelemetryConfig::default()
    };
    let result = async {
        let guard = telemetry::init(&telemetry)?;
        let result = run(cli).await;
        guard.finish().await;
        result
    };
    match result.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let refused = error.downcast_ref::<SomeRefused>().is_some();
            let _ = writeln!(io::stderr(), "{}", explained(&error, format));
            match refused {
                true => ExitCode::from(SOME_REFUSED),
                false => ExitCode::FAILURE,
            }
        }
    }
}

/// An error for people: what was wrong, why, and what to do; or the same for machines, on one line.
fn explained(error: &anyhow::Error, format: Format) -> String {
    let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
    let problem = error.chain().find_map(|cause| cause.downcast_ref::<Problem>());
    if format == Format::Json {
        let reason = problem.map(|problem| problem.reason.as_ref());
        let details = problem.map(|problem| &problem.metadata);
        let error = causes.join(": ");
        return serde_json::json!({ "error": error, "reason": reason, "details": details })
            .to_string();
    }
    let mut text = format!("error: {}", causes.join("\n  because "));
    if let Some(problem) = problem {
        text.push_str(&format!("\n  ({}) {}", problem.reason, problem.code.advice()));
    }
    text
}

/// Carries out a command line.
///
/// # Errors
/// What the command could not do, and why.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let output = Output::new(cli.global.output);
    let context = Context { global: cli.global, output };
    match cli.command {
        Command::Demo(arguments) => demo::run(&context, arguments).await,
        Command::Up(arguments) => up::run(&context, arguments).await,
        Command::Init(arguments) => init::run(&context, arguments),
        Command::Organisation(command) => organisation::run(&context, command).await,
        Command::Catalog(command) => resource::run(&context, command).await,
        Command::Register(command) => register::run(&context, command).await,
        Command::Assessment(command) => assessment::run(&context, command).await,
        Command::Library(command) => library::run(&context, command).await,
        Command::Collection(command) => collection::run(&context, command).await,
        Command::Change(command) => change::run(&context, command).await,
        Command::Obligation(command) => obligation::run(&context, command).await,
        Command::Calendar(command) => calendar::run(&context, command).await,
        Command::Grant(command) => grant::run(&context, command).await,
        Command::Fetch(arguments) => fetch::run(&context, arguments).await,
        Command::Query(command) => query::run(&context, command).await,
        Command::Proof(command) => proof::run(&context, command).await,
        Command::Transfer(command) => transfer::run(&context, command).await,
        Command::Subscription(command) => subscription::run(&context, command).await,
        Command::Centre(command) => centre::run(&context, command).await,
        Command::Duty(command) => duty::run(&context, command).await,
        Command::Ticket(command) => ticket::run(&context, command).await,
        Command::Dispute(command) => dispute::run(&context, command).await,
        Command::Node(command) => node::run(&context, command).await,
        Command::Open(command) => open::run(&context, command).await,
        Command::Audit(command) => audit::run(&context, command).await,
        Command::Backup(command) => Box::pin(backup::run(&context, command)).await,
        Command::Standby(command) => standby::run(&context, command).await,
        Command::Restore(arguments) => Box::pin(restore::run(&context, arguments)).await,
        Command::Drill(arguments) => Box::pin(drill::run(&context, arguments)).await,
    }
}
