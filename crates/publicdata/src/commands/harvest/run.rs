//! One harvest: what was found is handed over in parts, and counted.

use std::collections::BTreeSet;

use indicatif::{ProgressBar, ProgressStyle};
use publicdata_catalogue_formats::dcat::Unread;
use publicdata_proto::catalog::v1::{
    ForeignDescription, ForeignOutcome, HarvestSource, ListForeignResourcesRequest,
    RecordForeignResourcesRequest,
};
use serde::Serialize;

use crate::commands::answer;
use crate::session::{Session, new_command_id};

/// How many datasets are handed over at once.
const PART: usize = 200;
/// How many problems are kept to be shown; all are counted.
const PROBLEMS_MAX: usize = 100;

/// What a harvest brought.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Harvested {
    /// The source's id.
    pub source_id: String,
    /// Datasets that are new.
    pub taken: u64,
    /// Datasets that say something else than before.
    pub changed: u64,
    /// Datasets that say the same.
    pub unchanged: u64,
    /// Datasets that this platform itself offers, and that came back.
    pub own: u64,
    /// Datasets that are gone.
    pub gone: u64,
    /// Datasets that could not be taken.
    pub refused: u64,
    /// The first of them.
    pub problems: Vec<Problem>,
}

/// Why a dataset was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What names it.
    pub uri: String,
    /// What is wrong with it.
    pub message: String,
}

/// What a person sees of a harvest that runs.
pub struct Progress(ProgressBar);

impl Progress {
    /// A line that counts datasets.
    ///
    /// # Errors
    /// Never, as the template is valid.
    pub fn shown() -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{spinner} {pos} datasets, {per_sec} {msg}")?;
        Ok(Self(ProgressBar::new_spinner().with_style(style)))
    }

    /// Nothing.
    #[must_use]
    pub fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    pub(super) fn add(&self, count: usize) {
        self.0.inc(u64::try_from(count).unwrap_or_default());
    }

    pub(super) fn say(&self, message: String) {
        self.0.set_message(message);
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// Hands over what is found, part by part.
pub(super) struct Handover<'a> {
    session: &'a Session,
    progress: &'a Progress,
    source_id: String,
    /// Where the next harvest goes on, once the part that is on its way has arrived.
    cursor: String,
    harvested: Harvested,
}

impl<'a> Handover<'a> {
    pub(super) fn new(
        session: &'a Session,
        progress: &'a Progress,
        source: &HarvestSource,
    ) -> Self {
        let harvested = Harvested { source_id: source.id.clone(), ..Harvested::default() };
        let (source_id, cursor) = (source.id.clone(), source.cursor.clone());
        Self { session, progress, source_id, cursor, harvested }
    }

    /// Hands over a page. The cursor moves when all of it has arrived.
    pub(super) async fn page(
        &mut self,
        datasets: Vec<ForeignDescription>,
        unread: Vec<Unread>,
        cursor: String,
    ) -> anyhow::Result<()> {
        self.progress.add(datasets.len() + unread.len());
        let refused = u32::try_from(unread.len())?;
        for Unread { uri, message } in unread {
            self.refuse(uri, message);
        }
        let mut parts = datasets.chunks(PART).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_some() {
                self.part(part.to_vec(), Vec::new(), 0).await?;
                continue;
            }
            self.cursor = cursor;
            return self.part(part.to_vec(), Vec::new(), refused).await;
        }
        self.cursor = cursor;
        self.part(Vec::new(), Vec::new(), refused).await
    }

    /// Lets go of what the source has no more, and says that its end was reached.
    ///
    /// `key` says what a dataset is known by among those that are `offered`.
    pub(super) async fn end(
        mut self,
        offered: &BTreeSet<String>,
        key: fn(&ForeignDescription) -> &String,
    ) -> anyhow::Result<Harvested> {
        self.progress.say("looking for what is gone".to_owned());
        let mut client = self.session.harvests()?;
        let mut page_token = String::new();
        let mut gone = Vec::new();
        loop {
            let request = ListForeignResourcesRequest {
                source_id: self.source_id.clone(),
                page_size: 500,
                page_token,
                ..ListForeignResourcesRequest::default()
            };
            let page = answer(client.list_foreign_resources(request).await)?;
            let uris = page.resources.into_iter().filter_map(|known| known.description);
            gone.extend(uris.filter(|known| !offered.contains(key(known))).map(|known| known.uri));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        for part in gone.chunks(PART) {
            self.part(Vec::new(), part.to_vec(), 0).await?;
        }
        self.record(Vec::new(), Vec::new(), 0, Part::Last).await?;
        Ok(self.harvested)
    }

    fn refuse(&mut self, uri: String, message: String) {
        self.harvested.refused += 1;
        if self.harvested.problems.len() < PROBLEMS_MAX {
            self.harvested.problems.push(Problem { uri, message });
        }
    }

    async fn part(
        &mut self,
        seen: Vec<ForeignDescription>,
        gone_uris: Vec<String>,
        refused: u32,
    ) -> anyhow::Result<()> {
        self.record(seen, gone_uris, refused, Part::Some).await
    }

    async fn record(
        &mut self,
        seen: Vec<ForeignDescription>,
        gone_uris: Vec<String>,
        refused: u32,
        part: Part,
    ) -> anyhow::Result<()> {
        let request = RecordForeignResourcesRequest {
            command_id: new_command_id(),
            source_id: self.source_id.clone(),
            seen,
            gone_uris,
            cursor: self.cursor.clone(),
            refused,
            complete: part == Part::Last,
        };
        let done = answer(self.session.harvests()?.record_foreign_resources(request).await)?;
        self.harvested.gone += u64::from(done.gone);
        for answer in done.answers {
            match answer.outcome() {
                ForeignOutcome::Taken => self.harvested.taken += 1,
                ForeignOutcome::Changed => self.harvested.changed += 1,
                ForeignOutcome::Unchanged => self.harvested.unchanged += 1,
                ForeignOutcome::Own => self.harvested.own += 1,
                ForeignOutcome::Refused | ForeignOutcome::Unspecified => {
                    self.refuse(answer.uri, answer.message);
                }
            }
        }
        Ok(())
    }
}

/// Which part of a harvest is handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Some,
    Last,
}
