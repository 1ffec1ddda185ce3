//! All figures: a table for people, and a line each for machines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::figure::Figure;
use super::machine::Machine;
use super::memory::Peak;

/// Where the lines are written, in the workspace's folder for whatever is built.
const LINES_FILE: &str = "bench.jsonl";

/// What was measured, and where.
#[derive(Clone, Debug)]
pub struct Report {
    /// The machine.
    pub machine: Machine,
    /// The figures, in the order in which they were measured.
    pub figures: Vec<Figure>,
}

/// A line says everything, so that lines of several machines can be put together.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    figure: &'a Figure,
    machine: &'a Machine,
}

impl Report {
    /// A line of JSON for each figure.
    ///
    /// # Errors
    /// Never, as figures are plain.
    pub fn lines(&self) -> anyhow::Result<String> {
        let mut lines = String::new();
        for figure in &self.figures {
            lines += &serde_json::to_string(&Line { figure, machine: &self.machine })?;
            lines.push('\n');
        }
        Ok(lines)
    }

    /// Writes the lines to this file, or where they are looked for; says where.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, to: Option<PathBuf>) -> anyhow::Result<PathBuf> {
        let path = match to {
            Some(path) => path,
            None => folder()?.join(LINES_FILE),
        };
        let lines = self.lines()?;
        fs::write(&path, lines).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// The figures and the memory that they took, for people.
    #[must_use]
    pub fn table(&self) -> String {
        let quick = self.figures.iter().any(|figure| figure.quick);
        let warning = if quick { "\nquick runs: not to be quoted" } else { "" };
        let (speeds, memory) = (self.speeds(), self.memory());
        let further = [self.computed(), self.counts()].into_iter().flatten();
        let further: String = further.map(|table| format!("\n{table}\n")).collect();
        format!("{}{warning}\n\n{speeds}\n\n{memory}\n{further}", self.machine)
    }

    fn speeds(&self) -> Table {
        let mut table = plain(&[
            "figure",
            "ratio",
            "median",
            "min to max",
            "limit",
            "min to max",
            "unit",
            "held against",
        ]);
        for figure in &self.figures {
            let spread = |min, max| format!("{} to {}", grouped(min), grouped(max));
            table.add_row([
                figure.name.to_owned(),
                format!("{:.2}", figure.ratio),
                grouped(figure.value),
                spread(figure.min, figure.max),
                grouped(figure.limit),
                spread(figure.limit_min, figure.limit_max),
                figure.unit.to_owned(),
                figure.limit_name.to_owned(),
            ]);
        }
        for column in table.column_iter_mut().skip(1).take(5) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn memory(&self) -> Table {
        let mut table = plain(&["figure", "memory of each process at its highest, in MiB"]);
        for figure in &self.figures {
            let told = |peak: &Peak| format!("{} {}", peak.process, peak.peak_kib.div_ceil(1024));
            let peaks: Vec<String> = figure.memory.iter().map(told).collect();
            table.add_row([figure.name.to_owned(), peaks.join(", ")]);
        }
        table
    }
}

impl Report {
    /// Where the time of our own runs went; `None` if that was not looked at.
    fn computed(&self) -> Option<Table> {
        let mut table = plain(&["figure", "CPU time of our runs by process, in %"]);
        for figure in &self.figures {
            let all: u64 = figure.memory.iter().map(|peak| peak.cpu_ms).sum();
            if all == 0 {
                continue;
            }
            let mut peaks: Vec<&Peak> = figure.memory.iter().collect();
            peaks.sort_by_key(|peak| std::cmp::Reverse(peak.cpu_ms));
            let told = |peak: &&Peak| format!("{} {}", peak.process, peak.cpu_ms * 100 / all);
            let peaks: Vec<String> = peaks.iter().map(told).collect();
            table.add_row([figure.name.to_owned(), peaks.join(", ")]);
        }
        (table.row_count() > 0).then_some(table)
    }

    /// What was counted besides; `None` if there is nothing.
    fn counts(&self) -> Option<Table> {
        let mut table = plain(&["figure", "counted besides"]);
        for figure in self.figures.iter().filter(|figure| !figure.counts.is_empty()) {
            let told =
                |(name, count): (&&str, &u64)| format!("{name} {}", separated(&count.to_string()));
            let counts: Vec<String> = figure.counts.iter().map(told).collect();
            table.add_row([figure.name.to_owned(), counts.join(", ")]);
        }
        (table.row_count() > 0).then_some(table)
    }
}

/// `target` of the workspace that this was built in, wherever it is called; made if missing.
pub(super) fn folder() -> anyhow::Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package.parent().unwrap_or(package).join("target");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// A table in Markdown, to be put into a README as it is.
fn plain(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    table
}

/// Whole units, with commas between thousands; of a few, a tenth counts.
fn grouped(number: f64) -> String {
    match number < 10.0 {
        true => format!("{number:.1}"),
        false => separated(&format!("{number:.0}")),
    }
}

/// Digits with commas between thousands.
fn separated(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
