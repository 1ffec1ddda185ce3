//! Parses requests, executes commands, answers. Rules are in the domain, and rights in the directory.

mod agreements;
mod assessments;
mod classifications;
mod collection;
mod consolidations;
mod exports;
mod harvests;
mod imports;
mod libraries;
mod obligations;
mod organisations;
mod register;
mod resources;
mod search;
mod sources;
mod vocabularies;

pub(crate) use agreements::Agreements;
pub(crate) use assessments::Assessments;
pub(crate) use classifications::Classifications;
pub(crate) use collection::Plans;
pub(crate) use consolidations::Consolidations;
pub(crate) use exports::Exports;
pub(crate) use harvests::Harvests;
pub(crate) use imports::Imports;
pub(crate) use libraries::Libraries;
pub(crate) use obligations::Obligations;
pub(crate) use organisations::{Issuing, Organisations};
pub(crate) use register::{Desk as RegisterDesk, Register};
pub(crate) use resources::Resources;
pub(crate) use search::SearchIndexes;
pub(crate) use sources::Sources;
pub(crate) use vocabularies::Terms;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use publicdata_directory::Directory;
use publicdata_event_store::aggregates::Meta;
use publicdata_event_store::{BoxError, Store};
use publicdata_service_kit::{Clock, Problem, telemetry};
use publicdata_types::{CommandId, OrganisationCode, PageToken};
use publicdata_views::{Database, Projector};

use crate::codec;
use crate::error::Error;
use crate::search::SearchIndex;
use crate::views::STREAM;

const PAGE_SIZE: u32 = 50;
const PAGE_SIZE_MAX: u32 = 500;
/// How long a write waits for the view. The write has happened whatever comes of it.
const VIEW_TIMEOUT: Duration = Duration::from_secs(2);

/// What the services of the catalogue work with.
/// How long an import waits for the view, at its beginning and its end.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(60);

/// What both services of the catalogue work with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) directory: Arc<Directory>,
    pub(crate) database: Database,
    pub(crate) entries: Arc<Projector>,
    pub(crate) index: Arc<SearchIndex>,
    pub(crate) register: Arc<Projector>,
}

impl Shared {
    /// What comes with a command.
    fn meta(&self, command_id: &str, actor: &str) -> Result<Meta, Error> {
        Ok(Meta {
            command_id: parse::<CommandId>("command_id", command_id)?,
            actor: actor.to_owned(),
            at: self.clock.now(),
            traceparent: telemetry::current_traceparent(),
        })
    }

    /// Waits until the view of entries holds everything that was acknowledged before the call.
    pub(crate) async fn until_current(&self) -> Result<(), Error> {
        let unavailable = |error: BoxError| Problem::unavailable("the catalogue's view", error);
        let last = self.store.last_sequence(STREAM).await;
        let last = last.map_err(|error| unavailable(error.into()))?;
        let there = self.entries.wait_for(STREAM, last, IMPORT_TIMEOUT).await;
        Ok(there.map_err(|error| unavailable(error.into()))?)
    }

    /// Waits until the view of entries holds what an import wrote: more than one write, so for longer.
    pub(crate) async fn until_imported(&self, sequence: u64) {
        if let Err(late) = self.entries.wait_for(STREAM, sequence, IMPORT_TIMEOUT).await {
            tracing::warn!(error = %late, "an import ends before the view holds it");
        }
    }

    /// Waits until this process's views hold a commit, so that whoever wrote it can read it.
    pub(crate) async fn until_seen(&self, sequence: u64) {
        for view in [&self.entries, &self.register, self.directory.projector()] {
            if let Err(late) = view.wait_for(STREAM, sequence, VIEW_TIMEOUT).await {
                tracing::warn!(error = %late, "a write is answered before the view holds it");
            }
        }
    }

    /// The same for the view of one area.
    pub(crate) async fn until_view_holds(&self, view: &Projector, sequence: u64) {
        if let Err(late) = view.wait_for(STREAM, sequence, VIEW_TIMEOUT).await {
            tracing::warn!(error = %late, "a write is answered before the view holds it");
        }
    }

    /// An organisation's name; empty if it is not registered.
    async fn name_of(&self, code: &OrganisationCode) -> Result<String, Error> {
        let organisation = self.directory.organisation(code).await?;
        Ok(organisation.map(|organisation| organisation.name.clone()).unwrap_or_default())
    }
}

/// Parses a text field of a request.
fn parse<T>(field: &str, text: &str) -> Result<T, Error>
where
    T: FromStr<Err: Into<BoxError>>,
{
    Ok(codec::parse(field, text)?)
}

/// Parses a text field that may be empty.
fn parse_optional<T>(field: &str, text: &str) -> Result<Option<T>, Error>
where
    T: FromStr<Err: Into<BoxError>>,
{
    match text {
        "" => Ok(None),
        text => parse(field, text).map(Some),
    }
}

fn page_size(asked: u32) -> Result<u32, Error> {
    match asked {
        0 => Ok(PAGE_SIZE),
        1..=PAGE_SIZE_MAX => Ok(asked),
        _ => Err(Error::field("page_size", format!("at most {PAGE_SIZE_MAX} are allowed"))),
    }
}

/// The token of the next page: after the last of a page that is full.
fn next_page_token(count: usize, page_size: u32, last: Option<String>) -> String {
    match last {
        Some(last) if count >= page_size as usize => PageToken::after(last).to_string(),
        Some(_) | None => String::new(),
    }
}
