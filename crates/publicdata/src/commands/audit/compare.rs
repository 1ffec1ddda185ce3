//! `publicdata audit compare`: a service's live views, held row by row against what events alone give (H2).

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::Args;
use publicdata_event_store::Store;
use publicdata_event_store::memory::MemoryStore;
use publicdata_views::compare::Kind;
use publicdata_views::{Comparison, Database, Difference};
use serde_json::json;

use super::source::{Events, Source};
use super::state::{json, text};
use crate::context::Context;
use crate::output::print_line;
use crate::progress::Progress;
use crate::views::Service;

/// So many differing rows of a view are named, but in CSV; the rest is counted.
const ROWS_NAMED_MAX: usize = 10_000;

/// Arguments of `compare`.
#[derive(Clone, Debug, Args)]
pub struct Compare {
    /// Whose views.
    #[arg(long, value_enum)]
    pub service: Service,
    /// The service's database, `sqlite:<path>` or `postgres://…`, to be read by this program; by default the one in the fleet's folder.
    #[arg(long, env = "PUBLICDATA_COMPARE_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// Only this view.
    #[arg(long)]
    pub view: Option<String>,
    /// Print CSV with a header, a line a column that differs: all of them.
    #[arg(long)]
    pub csv: bool,
    /// Where the events are read.
    #[command(flatten)]
    pub source: Source,
}

/// Compares a service's live views with what their events give.
///
/// # Errors
/// The service refused, an archive is missing or not what it should be, a database cannot be read, or something differs.
pub(super) async fn run(context: &Context, arguments: Compare) -> anyhow::Result<()> {
    let events = Events::open(context, &arguments.source, None)?;
    let name = arguments.service.name();
    let url = arguments.database.clone().unwrap_or_else(|| {
        format!("sqlite:{}", context.global.data.join(name).with_extension("sqlite").display())
    });
    let live = Database::open_read_only(&url).await.with_context(|| {
        format!("the database of {name} cannot be read; name it with --database")
    })?;
    // Tables of another version would differ all over.
    let nothing: Store = Arc::new(MemoryStore::new());
    let as_ours = arguments.service.views(&live, &nothing).await;
    as_ours.with_context(|| format!("the database of {name} cannot be compared"))?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rebuilt.sqlite");
    let rebuilt = Database::open(&format!("sqlite:{}", file.display())).await?;
    // A table that others work on must not lack rows.
    let named_max = if arguments.csv { usize::MAX } else { ROWS_NAMED_MAX };
    let views = events.views(arguments.service, &rebuilt, arguments.view.as_deref()).await?;
    let mut comparisons = Vec::new();
    let progress = Progress::begin()?;
    for view in &views {
        let report = |stream: &str, last, end| {
            progress.report(&format!("{} from {stream}", view.name()), last, end);
        };
        let compared = view.compare(&live, named_max, &report).await;
        comparisons.push(compared.map_err(|error| events.explain(error))?);
    }
    drop(progress);
    events.warn(&views);
    live.close().await;
    rebuilt.close().await;

    match arguments.csv {
        true => print_line(csv(&comparisons)?.trim_end())?,
        false => {
            let value: Vec<_> = comparisons.iter().map(comparison_json).collect();
            let text: Vec<_> = comparisons.iter().map(comparison_text).collect();
            context.output.value(&value, text.join("\n"))?;
        }
    }
    let equal = comparisons.iter().all(Comparison::is_equal);
    ensure!(equal, "live views of {name} do not hold what the events give");
    Ok(())
}

fn comparison_text(comparison: &Comparison) -> String {
    let Comparison { view, rows, differences, further, .. } = comparison;
    let mut lines = vec![match differences.is_empty() {
        true => format!("{view:<24} {rows} rows, as the events give them"),
        false => format!("{view:<24} {rows} rows, {} differ", count(comparison)),
    }];
    for row in differences {
        let key: Vec<_> = row
            .key
            .iter()
            .map(|(column, value)| format!("{column}={}", text(value.as_ref())))
            .collect();
        lines.push(format!("  {} {}: {}", row.table, key.join(", "), kind_text(row.kind)));
        lines.extend(row.columns.iter().map(|column| {
            let (live, rebuilt) = (text(column.live.as_ref()), text(column.rebuilt.as_ref()));
            format!("    {}: live {live}, rebuilt {rebuilt}", column.column)
        }));
    }
    if *further > 0 {
        lines.push(format!("  and {further} more rows"));
    }
    lines.join("\n")
}

fn count(comparison: &Comparison) -> u64 {
    u64::try_from(comparison.differences.len()).unwrap_or(u64::MAX) + comparison.further
}

fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Missing => "missing in the live view",
        Kind::Extra => "in the live view alone",
        Kind::Changed => "differs",
    }
}

fn kind_code(kind: Kind) -> &'static str {
    match kind {
        Kind::Missing => "MISSING",
        Kind::Extra => "EXTRA",
        Kind::Changed => "CHANGED",
    }
}

fn comparison_json(comparison: &Comparison) -> serde_json::Value {
    let difference = |row: &Difference| {
        let key: serde_json::Map<_, _> =
            row.key.iter().map(|(name, value)| (name.clone(), json(value.as_ref()))).collect();
        let columns: Vec<_> = row
            .columns
            .iter()
            .map(|column| {
                let (live, rebuilt) = (json(column.live.as_ref()), json(column.rebuilt.as_ref()));
                json!({ "column": column.column, "live": live, "rebuilt": rebuilt })
            })
            .collect();
        json!({ "table": row.table, "key": key, "row": kind_code(row.kind), "columns": columns })
    };
    json!({
        "view": comparison.view,
        "positions": comparison.positions,
        "rows": comparison.rows,
        "differing": count(comparison),
        "further": comparison.further,
        "differences": comparison.differences.iter().map(difference).collect::<Vec<_>>(),
    })
}

fn csv(comparisons: &[Comparison]) -> anyhow::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["view", "table", "key", "row", "column", "live", "rebuilt"])?;
    for comparison in comparisons {
        for row in &comparison.differences {
            let key: Vec<_> = row.key.iter().map(|(_, value)| text(value.as_ref())).collect();
            if row.columns.is_empty() {
                let (view, kind) = (comparison.view, kind_code(row.kind));
                table.write_record([view, row.table, &key.join("/"), kind, "", "", ""])?;
            }
            for column in &row.columns {
                table.write_record([
                    comparison.view,
                    row.table,
                    &key.join("/"),
                    kind_code(row.kind),
                    &column.column,
                    &text(column.live.as_ref()),
                    &text(column.rebuilt.as_ref()),
                ])?;
            }
        }
    }
    Ok(String::from_utf8(table.into_inner()?)?)
}
