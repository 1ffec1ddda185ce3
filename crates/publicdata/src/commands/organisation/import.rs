//! `publicdata organisation import`: organisations from a table, row by row.

use std::path::PathBuf;
use std::pin::pin;

use anyhow::{Context as _, bail};
use clap::Args;
use futures::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use publicdata_proto::catalog::v1::organisation_service_client::OrganisationServiceClient;
use publicdata_proto::catalog::v1::{RegisterOrganisationRequest, Role};
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::{Problem, shutdown_signal};
use publicdata_types::{Digest, OrganisationCode};
use serde::Serialize;
use uuid::Uuid;

use super::super::answer;
use crate::context::Context;
use crate::sheet::{self, Column, Need, Row};

const COLUMNS: &[Column] = &[
    Column { names: &["统一社会信用代码", "code"], need: Need::Required },
    Column { names: &["机构名称", "单位名称", "name"], need: Need::Required },
    Column { names: &["行政区划代码", "region"], need: Need::Required },
    Column { names: &["角色", "roles", "role"], need: Need::Required },
    Column { names: &["区划版本", "revision"], need: Need::Optional },
];
/// How many rows are on their way at once.
const AT_ONCE: usize = 8;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The table: .xlsx, .xls, .ods, or .csv in UTF-8 or GB18030. Its columns are 统一社会信用代码 (code), 机构名称 (name), 行政区划代码
    /// (region), 角色 (roles, separated by 、 or commas), and perhaps 区划版本 (revision).
    pub file: PathBuf,
    /// Say what would be taken, flagged and refused, and register nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// What became of a table.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether nothing was to be registered.
    pub dry_run: bool,
    /// Rows that were registered, or could be.
    pub taken: usize,
    /// Rows whose code is wrong: they are kept out, for whoever filled in the table to correct.
    pub flagged: usize,
    /// Rows that the rules refuse.
    pub refused: usize,
    /// Rows that were not come to.
    pub left: usize,
    /// Each row that was come to, in the order of the file.
    pub rows: Vec<RowReport>,
}

/// What became of a row. A code that is wrong is not repeated: it may be a person's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowReport {
    /// Its number in the file.
    pub row: usize,
    /// The organisation's name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The column that is wrong; empty if none is.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was registered, or could be.
    Taken,
    /// Its code is wrong.
    Flagged,
    /// The rules refuse it.
    Refused,
}

/// Imports a table. What was registered stays; the same command goes on after an interruption, and does nothing twice.
///
/// # Errors
/// The file is no table, the service cannot be reached, or rows have to be corrected.
pub async fn run(context: &Context, arguments: Import) -> anyhow::Result<()> {
    let bytes = std::fs::read(&arguments.file)
        .with_context(|| format!("cannot read {}", arguments.file.display()))?;
    let rows = sheet::read(&arguments.file, COLUMNS)?;
    let client = context.session()?.organisations()?;
    let report = import(&client, &Digest::of(&bytes), rows, arguments.dry_run).await?;

    context.output.value(&report, text(&report))?;
    match (report.left, report.flagged + report.refused) {
        (0, 0) => Ok(()),
        (0, wrong) => bail!("{wrong} rows have to be corrected; import the corrected table again"),
        (left, _) => bail!("interrupted with {left} rows left; give the same command to go on"),
    }
}

async fn import(
    client: &OrganisationServiceClient<Channel>,
    digest: &Digest,
    rows: Vec<Row>,
    dry_run: bool,
) -> anyhow::Result<Report> {
    let (all, progress) = (rows.len(), progress(rows.len()));
    let mut report =
        Report { dry_run, taken: 0, flagged: 0, refused: 0, left: 0, rows: Vec::new() };
    let mut done = stream::iter(rows)
        .map(|row| {
            let command_id = command_id(digest, row.number);
            register(client.clone(), row, command_id, dry_run)
        })
        .buffered(AT_ONCE);
    let mut interrupted = pin!(shutdown_signal()?);
    loop {
        let next = tokio::select! {
            biased;
            () = &mut interrupted => break,
            next = done.next() => next,
        };
        let Some(row) = next else { break };
        let row = row?;
        match row.outcome {
            Outcome::Taken => report.taken += 1,
            Outcome::Flagged => report.flagged += 1,
            Outcome::Refused => report.refused += 1,
        }
        report.rows.push(row);
        progress.inc(1);
    }
    progress.finish_and_clear();
    report.left = all - report.rows.len();
    Ok(report)
}

/// The same row of the same file is the same command, however often it is imported.
fn command_id(digest: &Digest, row: usize) -> String {
    let name = format!("organisation import {digest} row {row}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

async fn register(
    mut client: OrganisationServiceClient<Channel>,
    row: Row,
    command_id: String,
    validate_only: bool,
) -> anyhow::Result<RowReport> {
    let number = row.number;
    let [code, name, region_code, roles, region_revision] = cells(row);
    let report = |outcome: Outcome, field: &str, reason: String| RowReport {
        row: number,
        name: name.clone(),
        outcome,
        field: field.to_owned(),
        reason,
    };
    if let Err(error) = code.parse::<OrganisationCode>() {
        return Ok(report(Outcome::Flagged, COLUMNS[0].names[0], error.to_string()));
    }
    let roles = match parse_roles(&roles) {
        Ok(roles) => roles,
        Err(reason) => return Ok(report(Outcome::Refused, COLUMNS[3].names[0], reason)),
    };
    let request = RegisterOrganisationRequest {
        command_id,
        code,
        name: name.clone(),
        region_code,
        roles,
        region_revision,
        validate_only,
    };
    match answer(client.register_organisation(request).await) {
        Ok(_) => Ok(report(Outcome::Taken, "", String::new())),
        Err(problem) if is_of_the_row(problem.code) => {
            Ok(report(Outcome::Refused, column_of(&problem), problem.message))
        }
        Err(problem) => Err(problem).context("the import stopped; give the same command to go on"),
    }
}

/// A row has a cell for each column.
fn cells(row: Row) -> [String; 5] {
    let mut cells = row.cells.into_iter();
    std::array::from_fn(|_| cells.next().unwrap_or_default())
}

/// Whether another row may fare better.
const fn is_of_the_row(code: Code) -> bool {
    match code {
        Code::InvalidArgument
        | Code::NotFound
        | Code::PermissionDenied
        | Code::FailedPrecondition => true,
        Code::Unauthenticated
        | Code::Conflict
        | Code::Unavailable
        | Code::ResourceExhausted
        | Code::DataLoss
        | Code::Internal => false,
    }
}

fn column_of(problem: &Problem) -> &'static str {
    match problem.metadata.get("field").map(String::as_str) {
        Some("code") => COLUMNS[0].names[0],
        Some("region_code") => COLUMNS[2].names[0],
        Some("roles") => COLUMNS[3].names[0],
        Some("region_revision") => COLUMNS[4].names[0],
        _ if problem.reason == "NAME_MISSING" => COLUMNS[1].names[0],
        _ if problem.reason == "OUTSIDE_REGION" => COLUMNS[2].names[0],
        _ => "",
    }
}

/// Roles in words, Chinese or English, separated by 、 or commas.
fn parse_roles(text: &str) -> Result<Vec<i32>, String> {
    let words = text.split(['、', ',', '，', ';', '；']).map(str::trim);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err("no role is named; name at least one, such as 提供部门".to_owned());
    }
    let roles = words.into_iter().map(|word| match word {
        "公共数据主管部门" | "主管部门" | "authority" => Ok(Role::Authority.into()),
        "提供部门" | "provider" => Ok(Role::Provider.into()),
        "使用部门" | "consumer" => Ok(Role::Consumer.into()),
        "牵头建设部门" | "牵头部门" | "lead-department" => {
            Ok(Role::LeadDepartment.into())
        }
        "专家咨询委员会" | "expert-committee" => Ok(Role::ExpertCommittee.into()),
        "监督检查机构" | "审计机构" | "auditor" => Ok(Role::Auditor.into()),
        _ => Err("a role is unknown; write 公共数据主管部门, 提供部门, 使用部门, 牵头建设部门, \
                  专家咨询委员会 or 监督检查机构"
            .to_owned()),
    });
    roles.collect()
}

fn text(report: &Report) -> String {
    let mut lines: Vec<String> = report
        .rows
        .iter()
        .filter(|row| row.outcome != Outcome::Taken)
        .map(|row| {
            let outcome = match row.outcome {
                Outcome::Flagged => "flagged",
                Outcome::Taken | Outcome::Refused => "refused",
            };
            format!("row {:<5} {outcome} {} {}: {}", row.row, row.field, row.name, row.reason)
        })
        .collect();
    let taken = if report.dry_run { "could be taken" } else { "taken" };
    let Report { flagged, refused, .. } = report;
    lines.push(format!("{} {taken}, {flagged} flagged, {refused} refused", report.taken));
    lines.join("\n")
}

fn progress(rows: usize) -> ProgressBar {
    let bar = ProgressBar::new(rows as u64);
    match ProgressStyle::with_template("{bar:30} {pos}/{len} rows, {per_sec}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests;
