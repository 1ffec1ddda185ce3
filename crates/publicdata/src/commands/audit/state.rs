//! `publicdata audit state` and `publicdata audit compare`: a service's state from events alone (H2).

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use publicdata_audit::client::History;
use publicdata_event_store::Store;
use publicdata_views::compare::{Kind, Value};
use publicdata_views::{
    Comparison, Content, Database, Difference, Projector, Rebuilt, rebuild_all,
};
use serde_json::json;

use super::log;
use crate::context::Context;
use crate::output::print_line;

/// A service that keeps views of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// The catalogue.
    Catalog,
    /// The exchange bus.
    ExchangeBus,
    /// The opening of data, and its portal.
    OpenData,
}

/// Arguments of `state`.
#[derive(Clone, Debug, Args)]
pub struct State {
    /// Whose state.
    #[arg(long, value_enum)]
    pub service: Service,
    /// At which moment, such as 2026-11-01T00:00:00+08:00, by the time that the store recorded; now without it.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<jiff::Timestamp>,
    /// Only this view, and its rows.
    #[arg(long)]
    pub view: Option<String>,
    /// Keep the rebuilt tables in this new file (SQLite).
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

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
    /// Print CSV with a header, a line a column that differs.
    #[arg(long)]
    pub csv: bool,
}

impl Service {
    /// What it is called in the fleet.
    fn name(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::ExchangeBus => "exchange-bus",
            Self::OpenData => "open-data",
        }
    }

    /// Builds its views in this database, from what the store has of its events, which is read once for all views; of `only` one, if it is
    /// named. Answers each view with what it holds.
    ///
    /// # Errors
    /// There is no such view, an event cannot be applied, or store or database fail.
    pub async fn rebuild(
        self,
        database: &Database,
        store: &Store,
        only: Option<&str>,
    ) -> anyhow::Result<Vec<(Arc<Projector>, Rebuilt)>> {
        let views = self.views(database, store, only).await?;
        let rebuilt = rebuild_all(&views).await?;
        Ok(views.into_iter().zip(rebuilt).collect())
    }

    /// Its views, in this database.
    async fn views(
        self,
        database: &Database,
        store: &Store,
        only: Option<&str>,
    ) -> anyhow::Result<Vec<Arc<Projector>>> {
        let all = match self {
            Self::Catalog => publicdata_catalog::views::all(database, store).await?,
            Self::ExchangeBus => publicdata_exchange_bus::views::all(database, store).await?,
            Self::OpenData => publicdata_open_data::views(database, store).await?,
        };
        let Some(only) = only else { return Ok(all) };
        let names: Vec<_> = all.iter().map(|view| view.name()).collect();
        let named = all.iter().find(|view| view.name() == only);
        let named = named.with_context(|| {
            format!("{} has no view {only}, but {}", self.name(), names.join(", "))
        })?;
        Ok(vec![Arc::clone(named)])
    }
}

/// Rebuilds a service's state, and says what it holds.
///
/// # Errors
/// The service refused, an event is not as it was logged, or a file cannot be written.
pub(super) async fn tell(context: &Context, arguments: State) -> anyhow::Result<()> {
    let store: Store = Arc::new(History::new(log(&context.session()?)?, arguments.as_of));
    let folder = tempfile::tempdir()?;
    let file = match &arguments.to {
        Some(file) => {
            ensure!(!file.exists(), "{} exists already; name a new file", file.display());
            file.clone()
        }
        None => folder.path().join("state.sqlite"),
    };
    let database = Database::open(&format!("sqlite:{}", file.display())).await?;
    let only = arguments.view.as_deref();
    let (mut told, mut lines) = (Vec::new(), Vec::new());
    for (view, rebuilt) in arguments.service.rebuild(&database, &store, only).await? {
        let Content { rows, digest } = rebuilt.content;
        let mut value = json!({ "view": view.name(), "rows": rows, "digest": digest.to_string() });
        lines.push(format!("{:<24} {rows} rows, {digest}", view.name()));
        if only.is_some() {
            let rows = view.rows().await?;
            lines.extend(rows.iter().map(|(table, row)| {
                let cells: Vec<_> = row
                    .iter()
                    .map(|(column, value)| format!("{column}={}", text(value.as_ref())))
                    .collect();
                format!("  {table}: {}", cells.join(", "))
            }));
            value["content"] = rows
                .iter()
                .map(|(table, row)| {
                    let row: serde_json::Map<_, _> = row
                        .iter()
                        .map(|(name, value)| (name.clone(), json(value.as_ref())))
                        .collect();
                    json!({ "table": table, "row": row })
                })
                .collect();
        }
        told.push(value);
    }
    database.close().await;
    context.output.value(&told, lines.join("\n"))
}

/// Compares a service's live views with what their events give.
///
/// # Errors
/// The service refused, a database cannot be read, or something differs.
pub(super) async fn compare(context: &Context, arguments: Compare) -> anyhow::Result<()> {
    let store: Store = Arc::new(History::new(log(&context.session()?)?, None));
    let name = arguments.service.name();
    let url = arguments.database.clone().unwrap_or_else(|| {
        format!("sqlite:{}", context.global.data.join(name).with_extension("sqlite").display())
    });
    let live = Database::open_existing(&url).await.with_context(|| {
        format!("the database of {name} cannot be read; name it with --database")
    })?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rebuilt.sqlite");
    let rebuilt = Database::open(&format!("sqlite:{}", file.display())).await?;
    let mut comparisons = Vec::new();
    for view in arguments.service.views(&rebuilt, &store, arguments.view.as_deref()).await? {
        comparisons.push(view.compare(&live).await?);
    }
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

fn json(value: Option<&Value>) -> serde_json::Value {
    match value {
        Some(Value::Number(number)) => (*number).into(),
        Some(Value::Text(text)) => text.clone().into(),
        None => serde_json::Value::Null,
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Text(text)) => text.clone(),
        None => "nothing".to_owned(),
    }
}
