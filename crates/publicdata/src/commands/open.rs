//! `publicdata open`: opening data to the public.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::opendata::v1::propose_publication_request::Part;
use publicdata_proto::opendata::v1::{
    GetPublicationRequest, ListPublicationsRequest, ProposePublicationRequest,
    ProposePublicationResponse, Publication, PublicationHeader, PublishRequest, ReviewOutcome,
    ReviewPublicationRequest, WithdrawPublicationRequest,
};

use super::{answer, short, time_text};
use crate::context::Context;
use crate::session::Session;

const CHUNK_BYTES: usize = 256 * 1024;

/// What can be done to open data.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Propose a CSV file as the open content of a resource (拟开放).
    Propose {
        /// The resource's id.
        #[arg(long)]
        resource: String,
        /// The content: CSV in UTF-8, the first line naming the columns.
        file: PathBuf,
    },
    /// Record the secrecy review; someone other than the proposer does it (保密审查).
    Review(Review),
    /// Open reviewed content to the public (开放).
    Publish {
        /// The publication's id.
        id: String,
    },
    /// Take content back (撤回).
    Withdraw {
        /// The publication's id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Show one publication.
    Show {
        /// The publication's id.
        id: String,
    },
    /// List publications, newest first.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
        /// Where to go on, as the page before said.
        #[arg(long, default_value = "")]
        page_token: String,
    },
}

/// Arguments of `review`.
#[derive(Debug, Args)]
pub struct Review {
    /// The publication's id.
    pub id: String,
    /// What the review found.
    #[arg(long, value_enum)]
    pub outcome: Outcome,
    /// What the finding rests on.
    #[arg(long)]
    pub basis: String,
}

/// What a review found, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Outcome {
    /// 可以公开.
    Passed,
    /// 不予公开.
    Rejected,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    let mut publications = session.publications()?;
    let command_id = context.command_id();
    match command {
        Command::Propose { resource, file } => {
            let done = propose(&session, command_id, &resource, &file).await?;
            let lines = [("id", done.publication_id.clone()), ("rows", done.rows.to_string())];
            context.output.record(&done, &lines)
        }
        Command::Review(arguments) => {
            let publication = get(&session, &arguments.id).await?;
            let request = ReviewPublicationRequest {
                command_id,
                publication_id: arguments.id,
                outcome: match arguments.outcome {
                    Outcome::Passed => ReviewOutcome::Passed.into(),
                    Outcome::Rejected => ReviewOutcome::Rejected.into(),
                },
                basis: arguments.basis,
                content_sha256: publication.content_sha256,
            };
            let done = answer(publications.review_publication(request).await)?;
            context.output.record(&done, &[("reviewed at", done.sequence.to_string())])
        }
        Command::Publish { id } => {
            let request = PublishRequest { command_id, publication_id: id };
            let done = answer(publications.publish(request).await)?;
            context.output.record(&done, &[("open at", done.url.clone())])
        }
        Command::Withdraw { id, reason } => {
            let request = WithdrawPublicationRequest { command_id, publication_id: id, reason };
            let done = answer(publications.withdraw_publication(request).await)?;
            context.output.record(&done, &[("withdrawn at", done.sequence.to_string())])
        }
        Command::Show { id } => {
            let publication = get(&session, &id).await?;
            context.output.record(&publication, &lines(&publication))
        }
        Command::List { page_size, page_token } => {
            let request = ListPublicationsRequest { status: 0, page_size, page_token };
            let page = answer(publications.list_publications(request).await)?;
            let rows = page.publications.iter().map(row).collect();
            context.output.table(&page, &["id", "status", "resource", "title", "rows", "url"], rows)
        }
    }
}

/// Sends a file's content as a proposal; it is read as it is sent.
///
/// # Errors
/// The file cannot be read, or the service refuses it.
pub async fn propose(
    session: &Session,
    command_id: String,
    resource_id: &str,
    file: &Path,
) -> anyhow::Result<ProposePublicationResponse> {
    let mut source =
        std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let header = PublicationHeader { command_id, resource_id: resource_id.to_owned() };
    let failed = Arc::new(OnceLock::new());
    let failure = Arc::clone(&failed);
    let mut next = Some(Part::Header(header));
    let parts = futures::stream::iter(std::iter::from_fn(move || {
        let part = match next.take() {
            Some(header) => Some(header),
            None => match chunk(&mut source) {
                Ok(chunk) if chunk.is_empty() => return None,
                Ok(chunk) => Some(Part::Chunk(chunk)),
                // A part without content makes the service refuse the whole.
                Err(error) => {
                    let _ = failure.set(error);
                    None
                }
            },
        };
        Some(ProposePublicationRequest { part })
    }));
    let answered = session.publications()?.propose_publication(parts).await;
    match failed.get() {
        Some(error) => anyhow::bail!("cannot read {} to its end: {error}", file.display()),
        None => Ok(answer(answered)?),
    }
}

fn chunk(source: &mut std::fs::File) -> std::io::Result<Vec<u8>> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let length = source.read(&mut chunk)?;
    chunk.truncate(length);
    Ok(chunk)
}

/// Reads one publication.
///
/// # Errors
/// There is none that the caller may see.
pub async fn get(session: &Session, id: &str) -> anyhow::Result<Publication> {
    let request = GetPublicationRequest { publication_id: id.to_owned() };
    let found = answer(session.publications()?.get_publication(request).await)?;
    found.publication.context("the service answered without a publication")
}

fn row(publication: &Publication) -> Vec<String> {
    vec![
        publication.id.clone(),
        short(publication.status().as_str_name(), "PUBLICATION_STATUS_"),
        publication.resource_code.clone(),
        publication.title.clone(),
        publication.rows.to_string(),
        publication.url.clone(),
    ]
}

fn lines(publication: &Publication) -> Vec<(&'static str, String)> {
    vec![
        ("id", publication.id.clone()),
        ("status", short(publication.status().as_str_name(), "PUBLICATION_STATUS_")),
        ("resource", format!("{} {}", publication.resource_code, publication.resource_id)),
        ("title", publication.title.clone()),
        ("provider", publication.provider_code.clone()),
        ("rows", publication.rows.to_string()),
        ("columns", publication.columns.join(", ")),
        ("bytes", publication.content_bytes.to_string()),
        ("sha256", hex::encode(&publication.content_sha256)),
        ("url", publication.url.clone()),
        ("updated at", time_text(publication.updated_at)),
    ]
}
