//! The report: what was taken, flagged and refused, by row and field.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use publicdata_catalogue_formats::sheet::{self, CsvTable, WorkbookTable};
use publicdata_catalogue_formats::table::ending;
use publicdata_catalogue_formats::{Record, Severity};
use publicdata_proto::catalog::v1::{ImportNoteSeverity, ImportOutcome, ImportResourcesResponse};
use serde::Serialize;

use super::{PRINTED_MAX, Summary};
use crate::commands::short;

const HEADINGS: [&str; 9] = [
    "位置 place",
    "行 row",
    "名称 name",
    "结果 outcome",
    "代码 code",
    "字段 field",
    "级别 severity",
    "说明 message",
    "id",
];

/// One finding about an entry, or the entry as a whole if there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Where it stands, such as `目录!C17`.
    pub place: String,
    /// The row that the entry begins in.
    pub row: u32,
    /// The entry's name.
    pub name: String,
    /// What became of the entry: `taken`, `revised`, `unchanged` or `refused`.
    pub outcome: String,
    /// The entry's code, if it has one.
    pub code: String,
    /// The field; empty if it is the entry as a whole.
    pub field: String,
    /// `warning` or `mistake`; empty if nothing was found.
    pub severity: String,
    /// What was found, and what to do.
    pub message: String,
    /// The entry's id, if it has one.
    pub resource_id: String,
    /// Whether it is the entry's first line.
    #[serde(skip)]
    pub is_first: bool,
}

/// A report that is being written.
pub struct Report {
    target: Option<(PathBuf, Target)>,
    first: Vec<Line>,
}

enum Target {
    Workbook(Box<WorkbookTable>),
    Csv(Box<CsvTable<BufWriter<File>>>),
    Json(Vec<Line>),
}

impl Report {
    /// Begins a report in a file, whose form follows from its ending; or none.
    ///
    /// # Errors
    /// The ending is unknown, or the file cannot be written to.
    pub fn create(path: Option<&Path>) -> anyhow::Result<Self> {
        let target = match path {
            None => None,
            Some(path) => Some((path.to_owned(), Target::create(path)?)),
        };
        Ok(Self { target, first: Vec::new() })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The disk is full.
    pub fn add(&mut self, line: Line) -> anyhow::Result<()> {
        if !line.message.is_empty() && self.first.len() < PRINTED_MAX {
            self.first.push(line.clone());
        }
        match self.target.as_mut().map(|(_, target)| target) {
            None => {}
            Some(Target::Workbook(table)) => table.write(&line.cells())?,
            Some(Target::Csv(table)) => table.write(&line.cells())?,
            Some(Target::Json(lines)) => lines.push(line),
        }
        Ok(())
    }

    /// Puts the report in its place; gives the first findings, to be printed.
    ///
    /// # Errors
    /// The disk is full, or the place cannot be written to.
    pub fn finish(self) -> anyhow::Result<Vec<Line>> {
        let Some((path, target)) = self.target else { return Ok(self.first) };
        let written: Result<(), sheet::Error> = match target {
            Target::Workbook(table) => table.finish(&path),
            Target::Csv(table) => table.finish().map(|_| ()),
            Target::Json(lines) => {
                std::fs::write(&path, serde_json::to_vec_pretty(&lines)?).map_err(Into::into)
            }
        };
        written.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(self.first)
    }
}

impl Target {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let unwritable = || format!("cannot write {}", path.display());
        Ok(match ending(path).as_str() {
            "xlsx" => Self::Workbook(Box::new(WorkbookTable::new("报告", &HEADINGS)?)),
            "csv" => {
                let file = BufWriter::new(File::create(path).with_context(unwritable)?);
                Self::Csv(Box::new(CsvTable::new(file, &HEADINGS)?))
            }
            "json" => Self::Json(Vec::new()),
            _ => bail!("{} must end in .xlsx, .csv or .json", path.display()),
        })
    }
}

impl Line {
    fn cells(&self) -> Vec<String> {
        vec![
            self.place.clone(),
            self.row.to_string(),
            self.name.clone(),
            self.outcome.clone(),
            self.code.clone(),
            self.field.clone(),
            self.severity.clone(),
            self.message.clone(),
            self.resource_id.clone(),
        ]
    }
}

/// What is said of an entry: what reading it found, and what the service answered. Counts it, too.
pub(super) fn lines(
    record: &Record,
    answer: Option<&ImportResourcesResponse>,
    summary: &mut Summary,
) -> Vec<Line> {
    let outcome = answer.map_or(ImportOutcome::Refused, ImportResourcesResponse::outcome);
    match outcome {
        ImportOutcome::Taken => summary.taken += 1,
        ImportOutcome::Revised => summary.revised += 1,
        ImportOutcome::Unchanged => summary.unchanged += 1,
        ImportOutcome::Refused | ImportOutcome::Unspecified => summary.refused += 1,
    }
    let whole = Line {
        place: record.place.to_string(),
        row: record.place.row,
        name: record.description.name.clone(),
        outcome: short(outcome.as_str_name(), "IMPORT_OUTCOME_"),
        code: answer.map_or(&record.code, |answer| &answer.code).clone(),
        field: String::new(),
        severity: String::new(),
        message: String::new(),
        resource_id: answer.map(|answer| answer.resource_id.clone()).unwrap_or_default(),
        is_first: false,
    };
    let mut lines: Vec<Line> = record
        .findings
        .iter()
        .map(|finding| Line {
            place: finding.place.to_string(),
            field: finding.field.clone(),
            severity: match finding.severity {
                Severity::Warning => "warning".to_owned(),
                Severity::Mistake => "mistake".to_owned(),
            },
            message: finding.message.clone(),
            ..whole.clone()
        })
        .collect();
    for note in answer.map(|answer| answer.notes.as_slice()).unwrap_or_default() {
        lines.push(Line {
            place: record.place_of(&note.field).to_string(),
            field: note.field.clone(),
            severity: match note.severity() {
                ImportNoteSeverity::Warning => "warning".to_owned(),
                ImportNoteSeverity::Mistake | ImportNoteSeverity::Unspecified => {
                    "mistake".to_owned()
                }
            },
            message: note.message.clone(),
            ..whole.clone()
        });
    }
    let warnings = lines.iter().filter(|line| line.severity == "warning").count();
    summary.warnings += u64::try_from(warnings).unwrap_or_default();
    if lines.is_empty() {
        lines.push(whole);
    }
    lines[0].is_first = true;
    lines
}
