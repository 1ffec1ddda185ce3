//! `publicdata audit state`: a service's state from events alone (H2).

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use publicdata_views::compare::Value;
use publicdata_views::{Content, Database, rebuild_all};
use serde_json::json;

use super::source::{Events, Source};
use crate::context::Context;
use crate::progress::Progress;
use crate::views::Service;

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
    /// Where the events are read.
    #[command(flatten)]
    pub source: Source,
}

/// Rebuilds a service's state, and says what it holds.
///
/// # Errors
/// The service refused, an archive is missing or not what it should be, an event is not as it was logged, or a file cannot be written.
pub(super) async fn tell(context: &Context, arguments: State) -> anyhow::Result<()> {
    let events = Events::open(context, &arguments.source, arguments.as_of)?;
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
    let views = events.views(arguments.service, &database, only).await?;
    let progress = Progress::begin()?;
    let report = |stream: &str, last, end| progress.report(stream, last, end);
    let rebuilt = rebuild_all(&views, &report).await?;
    drop(progress);
    events.warn(&views);
    for (view, rebuilt) in views.iter().zip(rebuilt) {
        let Content { rows, digest } = rebuilt.content;
        let mut value = json!({
            "view": view.name(),
            "positions": view.positions(),
            "rows": rows,
            "digest": digest.to_string(),
        });
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

/// A value in JSON.
pub(super) fn json(value: Option<&Value>) -> serde_json::Value {
    match value {
        Some(Value::Number(number)) => (*number).into(),
        Some(Value::Text(text)) => text.clone().into(),
        None => serde_json::Value::Null,
    }
}

/// A value, for people.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Text(text)) => text.clone(),
        None => "nothing".to_owned(),
    }
}
