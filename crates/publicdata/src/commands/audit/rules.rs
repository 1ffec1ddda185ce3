//! `publicdata audit rules`: what events are held against, and what other rules would find.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use publicdata_audit::client::Selection;
use publicdata_audit::findings::{Found, RuleSet, Trial, TrialError, Tried};
use publicdata_proto::audit::v1::{ListRulesRequest, RuleInForce};
use publicdata_service_kit::{Clock, Problem};
use publicdata_views::Database;
use tonic::Status;

use crate::commands::{answer, short};
use crate::context::Context;
use crate::output::print_line;

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the rules in force, and say how far they have read the log.
    List,
    /// Print one rule whole, as JSON: what the SHA-256 in its findings is taken of.
    Show {
        /// Its name.
        name: String,
    },
    /// Try rules on history before they are put in force: hold the log, or a part of it, against them, and say what they would have
    /// found. Nothing is written.
    Try(Try),
}

/// Arguments of `try`.
#[derive(Clone, Debug, Args)]
pub struct Try {
    /// The rules, a TOML file; without it, those that come with the platform.
    pub file: Option<PathBuf>,
    /// Hold events against the file's rules alone, and not against those that come with the platform.
    #[arg(long, requires = "file")]
    pub alone: bool,
    /// Nothing before this moment, such as 2026-01-04T09:00:00+08:00: what was registered earlier is not known then.
    #[arg(long)]
    pub from: Option<jiff::Timestamp>,
    /// Nothing after this moment, and what was due before it; by default what is due by now.
    #[arg(long)]
    pub until: Option<jiff::Timestamp>,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why; or what is wrong with the rules.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List => {
            let rules =
                answer(context.session()?.findings()?.list_rules(ListRulesRequest {}).await)?;
            let rows = rules.rules.iter().map(row).collect();
            context.output.table(
                &rules,
                &["rule", "article 46", "article", "title", "problem"],
                rows,
            )?;
            if context.output.is_json() {
                return Ok(());
            }
            print_line(format!("{} of {} events read", rules.read, rules.logged))?;
            anyhow::ensure!(rules.problem.is_empty(), "the rules do not go on: {}", rules.problem);
            Ok(())
        }
        Command::Show { name } => {
            let rules =
                answer(context.session()?.findings()?.list_rules(ListRulesRequest {}).await)?;
            let rule = rules.rules.into_iter().find(|rule| rule.name == name);
            let rule = rule.with_context(|| {
                format!("no rule `{name}` is in force; `publicdata audit rules list` names them")
            })?;
            print_line(rule.definition)
        }
        Command::Try(arguments) => try_rules(context, arguments).await,
    }
}

async fn try_rules(context: &Context, arguments: Try) -> anyhow::Result<()> {
    let Try { file, alone, from, until } = arguments;
    let rules = match &file {
        None => RuleSet::built_in()?,
        Some(path) if !alone => RuleSet::with_file(path)?,
        Some(path) => {
            let text = std::fs::read_to_string(path);
            RuleSet::alone(&text.with_context(|| format!("cannot read {}", path.display()))?)?
        }
    };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let tables = format!("sqlite:{}", folder.path().join("trial.sqlite").display());
    let database = Database::open(&tables).await?;
    let log = super::log(&context.session()?)?;
    let selection = Selection { from, until, ..Selection::default() };
    let style = ProgressStyle::with_template("{spinner} {human_pos} events read, {elapsed}")?;
    let bar = ProgressBar::new_spinner().with_style(style);
    let events = log.logged(selection).await.map_err(super::problem)?;
    let events = events.inspect_ok(|_| bar.inc(1));
    let tried = Trial::new(database, rules).await.map_err(trial_error)?;
    let tried = tried
        .run(
            events,
            Some(publicdata_types::china_date(until.unwrap_or_else(|| Clock::system().now()))),
        )
        .await;
    bar.finish_and_clear();
    let tried = tried.map_err(trial_error)?;
    context.output.value(&tried, told(&tried))
}

fn trial_error(error: TrialError<Status>) -> anyhow::Error {
    match error {
        TrialError::Events(status) => Problem::from_status(&status).into(),
        error @ (TrialError::Database(_) | TrialError::Write(_) | TrialError::Descriptors(_)) => {
            error.into()
        }
    }
}

fn told(tried: &Tried) -> String {
    let mut lines: Vec<String> = tried.found.iter().map(line).collect();
    lines
        .extend(tried.failures.iter().map(|(rule, problem)| format!("PROBLEM  {rule}: {problem}")));
    lines.push(format!(
        "{} events held against the rules: {} findings, {} of them cleared since",
        tried.events,
        tried.found.len(),
        tried.found.iter().filter(|found| found.cleared_on.is_some()).count()
    ));
    lines.join("\n")
}

fn line(found: &Found) -> String {
    let number =
        found.clause.map_or_else(|| "unusual use".to_owned(), |clause| format!("({clause})"));
    let cleared = found.cleared_on.map(|on| format!(", cleared {on}")).unwrap_or_default();
    let measured = found.measured.as_deref().map(|what| format!(" [{what}]")).unwrap_or_default();
    format!(
        "{}  {number}  {}  {}  {}{measured}{cleared}",
        found.found_on, found.rule, found.organisation, found.title
    )
}

fn row(rule: &RuleInForce) -> Vec<String> {
    let number = match rule.clause {
        0 => short(rule.kind().as_str_name(), "FINDING_KIND_"),
        clause => format!("({clause})"),
    };
    let problem = match rule.failures {
        0 => String::new(),
        failures => format!("{failures} events: {}", rule.problem),
    };
    vec![rule.name.clone(), number, rule.article.clone(), rule.title.clone(), problem]
}
