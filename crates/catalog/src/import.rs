//! Entries in bulk: found or numbered a chunk at a time, and written many at once.

mod answer;
mod known;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{self, BoxStream, StreamExt as _};
use prost::Message as _;
use publicdata_catalog_domain::description::{Description, Facts};
use publicdata_catalog_domain::resource::Command;
use publicdata_event_store::aggregates::Meta;
use publicdata_proto::catalog::v1::{
    ImportOutcome, ImportResourcesResponse, ImportRow, ResourceDescription,
};
use publicdata_types::{Actor, Digest, ResourceCode, ResourceId};
use uuid::Uuid;

use crate::codec::description_from_wire;
use crate::drafting::{Drafting, batch};
use crate::entry::{Entry, Status};
use crate::error::Error;
use crate::queries;
use answer::{Notes, refused};
use known::{Known, key};

/// How many entries are prepared together.
const CHUNK: usize = 1_000;
/// How many are on their way to the store at the same time.
const IN_FLIGHT: usize = 64;

/// What is done with entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything is checked, nothing is written.
    DryRun,
    /// They are drafted.
    Draft,
    /// They are drafted and handed in.
    Submit,
}

/// One import.
pub(crate) struct Import {
    pub(crate) drafting: Arc<Drafting>,
    /// What comes with each command; its command id is the import's.
    pub(crate) meta: Meta,
    pub(crate) mode: Mode,
    pub(crate) by: Actor,
    known: Known,
    /// The entries that came before in this import.
    seen: HashSet<Uuid>,
}

/// Writes the entries that are prepared.
#[derive(Clone)]
struct Writer {
    drafting: Arc<Drafting>,
    meta: Meta,
    mode: Mode,
    by: Actor,
    last: Arc<AtomicU64>,
}

/// An entry after its chunk was looked at.
#[expect(clippy::large_enum_variant, reason = "a chunk of them lives at a time")]
enum Prepared {
    /// There is nothing left to do.
    Answered(ImportResourcesResponse),
    /// It is to be written.
    Writable(Writable),
}

struct Writable {
    number: u32,
    /// Names this entry with this content within the import.
    step: String,
    id: ResourceId,
    code: ResourceCode,
    description: Description,
    /// What is known beside it.
    facts: Facts,
    outcome: ImportOutcome,
    notes: Notes,
}

/// What is known of an entry before anything is written.
#[expect(clippy::large_enum_variant, reason = "few live at a time")]
enum Target {
    Existing(Entry),
    New(ResourceId),
}

impl Import {
    /// Begins an import: looks up what the caller's organisation has.
    pub(crate) async fn begin(
        drafting: Arc<Drafting>,
        meta: Meta,
        mode: Mode,
        by: Actor,
    ) -> Result<Self, Error> {
        drafting.shared.until_current().await?;
        let known = Known::load(&drafting.shared.database, &by.organisation).await?;
        Ok(Self { drafting, meta, mode, by, known, seen: HashSet::new() })
    }

    /// Answers each entry, in their order. Ends once the views hold what was written; an error ends it early.
    pub(crate) fn run(
        self,
        rows: BoxStream<'static, Result<ImportRow, Error>>,
    ) -> BoxStream<'static, Result<ImportResourcesResponse, Error>> {
        let writer = Writer {
            drafting: Arc::clone(&self.drafting),
            meta: self.meta.clone(),
            mode: self.mode,
            by: self.by.clone(),
            last: Arc::default(),
        };
        let (shared, last) = (Arc::clone(&self.drafting.shared), Arc::clone(&writer.last));
        let chunks = rows.ready_chunks(CHUNK).boxed();
        let prepared = stream::unfold((self, chunks), async |(mut import, mut chunks)| {
            let rows = chunks.next().await?;
            let prepared = match rows.into_iter().collect::<Result<Vec<_>, _>>() {
                Ok(rows) => import.prepare(rows).await,
                Err(error) => Err(error),
            };
            let prepared: Vec<Result<Prepared, Error>> = match prepared {
                Ok(prepared) => prepared.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            Some((stream::iter(prepared), (import, chunks)))
        });
        let answers = prepared.flatten().map(move |prepared| {
            let writer = writer.clone();
            async move { writer.write(prepared?).await }
        });
        let end = stream::once(async move {
            shared.until_imported(last.load(Ordering::Relaxed)).await;
        });
        answers.buffered(IN_FLIGHT).chain(end.filter_map(|()| std::future::ready(None))).boxed()
    }

    /// Looks at a chunk: what is wrong is answered, and what is new gets its number.
    async fn prepare(&mut self, rows: Vec<ImportRow>) -> Result<Vec<Prepared>, Error> {
        let mut prepared = Vec::with_capacity(rows.len());
        let mut new = Vec::new();
        for row in rows {
            let (number, given) = (row.number, row.code);
            let wire = row.description.unwrap_or_default();
            let outcome = match self.look(number, &given, wire).await {
                Ok(outcome) => outcome,
                Err(error) => Prepared::Answered(refused(number, error)?),
            };
            if let Prepared::Writable(writable) = &outcome
                && writable.outcome == ImportOutcome::Taken
            {
                new.push((writable.id, writable.description.classification.clone()));
            }
            prepared.push(outcome);
        }
        if self.mode == Mode::DryRun {
            return Ok(prepared);
        }
        let codes = self.drafting.assign(&self.meta, new).await?;
        for one in &mut prepared {
            if let Prepared::Writable(writable) = one
                && let Some(code) = codes.get(&writable.id)
            {
                writable.code = code.clone();
            }
        }
        Ok(prepared)
    }

    async fn look(
        &mut self,
        number: u32,
        given: &str,
        wire: ResourceDescription,
    ) -> Result<Prepared, Error> {
        let content = Digest::of(wire.encode_to_vec());
        let description = description_from_wire(wire)?;
        let mut notes = Notes::default();
        let name = key(&description.provider, &description.name);
        if !self.seen.insert(name) {
            return Err(Error::TwiceInImport);
        }
        let (id, code, outcome) = match self.target(given, name, &mut notes).await? {
            Target::Existing(entry)
                if entry.description == description && entry.status != Status::Withdrawn =>
            {
                return self.unchanged(number, entry, notes).await;
            }
            Target::Existing(entry) => (entry.id, entry.code, ImportOutcome::Revised),
            Target::New(id) => {
                let classification = description.classification.clone();
                (id, ResourceCode { classification, serial: 1 }, ImportOutcome::Taken)
            }
        };
        let facts = self.drafting.facts(Some(&id), &description, &self.by).await?;
        let step = format!("{id} {content}");
        let writable = Writable { number, step, id, code, description, facts, outcome, notes };
        match (outcome, self.mode) {
            (ImportOutcome::Taken, _) => batch::check_new(writable.draft(&self.by))?,
            (_, Mode::DryRun) => {
                self.drafting.check_revision(&id, writable.draft(&self.by)).await?;
            }
            (_, Mode::Draft | Mode::Submit) => {}
        }
        Ok(Prepared::Writable(writable))
    }

    /// The entry that is meant: by the code that the file gives it, else by its name, else a new one.
    async fn target(&self, given: &str, name: Uuid, notes: &mut Notes) -> Result<Target, Error> {
        let by_code = self.known.by_code(given);
        if by_code.is_none() && !given.is_empty() {
            notes.code_unknown();
        }
        let Some(id) = by_code.or_else(|| self.known.by_name(name)) else {
            let id = self.meta.command_id.derive(&format!("entry {name}"));
            return Ok(Target::New(ResourceId::from_uuid(*id.as_uuid())));
        };
        let mut connection = self.drafting.shared.database.pool().acquire().await?;
        match queries::by_id(&mut connection, &id).await? {
            Some(entry) => Ok(Target::Existing(entry)),
            None => Ok(Target::New(id)),
        }
    }

    async fn unchanged(
        &self,
        number: u32,
        entry: Entry,
        mut notes: Notes,
    ) -> Result<Prepared, Error> {
        self.by.may_write_for(&entry.description.provider).map_err(|denied| {
            Error::Resource(publicdata_catalog_domain::resource::Rejection::Denied(denied))
        })?;
        if self.mode == Mode::Submit && entry.status == Status::Draft {
            let step = format!("{} handed in", entry.id);
            let Entry { id, code, description, .. } = entry;
            let facts = self.drafting.facts(Some(&id), &description, &self.by).await?;
            let outcome = ImportOutcome::Unchanged;
            let writable = Writable { number, step, id, code, description, facts, outcome, notes };
            return Ok(Prepared::Writable(writable));
        }
        if entry.status == Status::Returned {
            notes.still_returned();
        }
        Ok(Prepared::Answered(ImportResourcesResponse {
            number,
            outcome: ImportOutcome::Unchanged.into(),
            resource_id: entry.id.to_string(),
            code: entry.code.to_string(),
            notes: notes.into_wire(),
        }))
    }
}

impl Writer {
    async fn write(&self, prepared: Prepared) -> Result<ImportResourcesResponse, Error> {
        let writable = match prepared {
            Prepared::Answered(answer) => return Ok(answer),
            Prepared::Writable(writable) => writable,
        };
        let draft = writable.draft(&self.by);
        let Writable { number, step, id, code, description, outcome, notes, .. } = writable;
        let mut answer = ImportResourcesResponse {
            number,
            outcome: outcome.into(),
            resource_id: id.to_string(),
            code: code.to_string(),
            notes: notes.into_wire(),
        };
        if self.mode == Mode::DryRun {
            if outcome == ImportOutcome::Taken {
                // Its code would follow from what else is written until then.
                answer.resource_id.clear();
                answer.code.clear();
            }
            return Ok(answer);
        }
        let command_id = self.meta.command_id.derive(&step);
        let written = match outcome == ImportOutcome::Unchanged {
            true => Ok(()),
            false => self.execute(&id, command_id, draft).await,
        };
        let submitted = match (written, self.mode) {
            (Ok(()), Mode::Submit) => {
                let place = &description.classification;
                let submit = self.drafting.submit_command(place, &self.by).await?;
                self.execute(&id, command_id.derive("submit"), submit).await
            }
            (written, _) => written,
        };
        match submitted {
            Ok(()) => Ok(answer),
            Err(error) => refused(number, error),
        }
    }

    async fn execute(
        &self,
        id: &ResourceId,
        command_id: publicdata_types::CommandId,
        command: Command,
    ) -> Result<(), Error> {
        let meta = Meta { command_id, ..self.meta.clone() };
        let done = self.drafting.write(id, &meta, command).await?;
        self.last.fetch_max(done.sequence, Ordering::Relaxed);
        Ok(())
    }
}

impl Writable {
    fn draft(&self, by: &Actor) -> Command {
        Command::Draft {
            code: self.code.clone(),
            description: self.description.clone(),
            facts: self.facts.clone(),
            by: by.clone(),
        }
    }
}
