//! `publicdata fetch`: data under a grant, through the caller's own node, into files.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Ticket, error::FlightError};
use clap::Args;
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use publicdata_proto::node::v1::FetchTicket;
use serde::Serialize;

use super::answer;
use crate::context::Context;
use crate::files::TableFile;
use crate::output::to_json;
use crate::session::Session;

/// Arguments of `fetch`.
#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// The grant's id.
    #[arg(long)]
    pub grant: String,
    /// The fields wanted, with commas between; all that the grant gives without it.
    #[arg(long, value_delimiter = ',')]
    pub fields: Vec<String>,
    /// The purpose of this use; must be the grant's.
    #[arg(long)]
    pub purpose: String,
    /// The case that it is for.
    #[arg(long, default_value = "")]
    pub case: String,
    /// The data service to ask; all that the grant gives is fetched without it.
    #[arg(long, default_value = "")]
    pub service: String,
    /// A parameter of the data service, as `name=value`; may be given several times.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = super::query::pair)]
    pub parameters: Vec<(String, String)>,
    /// The node to fetch through; needed if your organisation has several here.
    #[arg(long)]
    pub node: Option<String>,
    /// A file to write, `.parquet` or `.csv`; may be given several times. It appears when it is complete.
    #[arg(long = "to", required = true, value_name = "FILE")]
    pub targets: Vec<PathBuf>,
}

/// What was fetched.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Rows.
    pub rows: u64,
    /// Names of the columns, in order.
    pub columns: Vec<String>,
    /// The files written.
    pub files: Vec<PathBuf>,
    /// How long it took, in milliseconds.
    pub duration_ms: u128,
}

/// Carries out the command.
///
/// # Errors
/// The fetch was refused or broke off for good, or a file cannot be written. No file is left half written.
pub async fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let session = context.session()?;
    let progress = progress();
    let signal = publicdata_service_kit::shutdown_signal()?;
    // Ctrl-C drops the fetch, and with it the files that are not complete.
    let report = tokio::select! {
        report = fetch(&session, arguments, |rows| progress.set_position(rows)) => report,
        () = signal => Err(anyhow::anyhow!("interrupted; no file was written")),
    };
    progress.finish_and_clear();
    let report = report?;
    let files: Vec<_> = report.files.iter().map(|file| file.display().to_string()).collect();
    let text = format!(
        "{} rows of {} in {} ms\n{}",
        report.rows,
        report.columns.join(", "),
        report.duration_ms,
        files.join("\n")
    );
    context.output.value(&report, text)
}

/// Fetches and writes, telling how many rows there are so far.
///
/// # Errors
/// As for [`run`].
pub async fn fetch(
    session: &Session,
    arguments: Arguments,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<Report> {
    let started = Instant::now();
    let mut files = arguments
        .targets
        .iter()
        .map(|path| TableFile::create(path))
        .collect::<Result<Vec<_>, _>>()?;

    let mut batches = open(session, &arguments).await?;
    let (mut rows, mut columns) = (0, Vec::new());
    while let Some(batch) = batches.try_next().await.map_err(explain)? {
        let schema = batch.schema();
        columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        rows += batch.num_rows() as u64;
        for file in &mut files {
            file.write(&batch)?;
        }
        progress(rows);
    }
    if columns.is_empty() {
        let schema = batches.schema().context("the node sent no schema")?;
        columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        for file in &mut files {
            file.write(&arrow::array::RecordBatch::new_empty(schema.clone()))?;
        }
    }
    let files = files.into_iter().map(TableFile::finish).collect::<anyhow::Result<_>>()?;
    Ok(Report { rows, columns, files, duration_ms: started.elapsed().as_millis() })
}

/// Opens the stream of rows.
///
/// # Errors
/// The caller's organisation has no node here, or the request is refused at once.
pub async fn open(
    session: &Session,
    arguments: &Arguments,
) -> anyhow::Result<FlightRecordBatchStream> {
    let ticket = FetchTicket {
        grant_id: arguments.grant.clone(),
        fields: arguments.fields.clone(),
        purpose: arguments.purpose.clone(),
        case_number: arguments.case.clone(),
        service: arguments.service.clone(),
        parameters: super::query::map(arguments.parameters.clone()),
    };
    let channel = session.node_channel(arguments.node.as_deref())?;
    let mut client = FlightServiceClient::new(channel);
    let stream = answer(client.do_get(Ticket::new(to_json(&ticket)?.to_string())).await)?;
    Ok(FlightRecordBatchStream::new_from_flight_data(stream.map_err(FlightError::from)))
}

fn explain(error: FlightError) -> anyhow::Error {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "only what the node itself said is fit to be told as it is"
    )]
    match error {
        FlightError::Tonic(status) => publicdata_service_kit::Problem::from_status(&status).into(),
        other => anyhow::Error::new(other).context("the node's answer cannot be read"),
    }
}

fn progress() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {human_pos} rows, {per_sec}, {elapsed}");
    let bar = ProgressBar::new_spinner();
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
