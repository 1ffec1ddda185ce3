//! Applies events to an index. Documents and position change in one commit, so each event counts once.

use std::collections::HashMap;
use std::sync::Arc;

use publicdata_catalog_domain::organisation;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{BoxError, Recorded};
use publicdata_types::ResourceId;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::{IndexWriter, TantivyError, Term};

use super::document;
use super::generation::{Generation, SearchError};
use super::state::State;
use crate::codec::Organisation;
use crate::entry::Entry;
use crate::views;

/// Memory of one writer, for terms that are not on disk yet.
const MEMORY_BYTES: usize = 50_000_000;
/// One analyses while another one does; live, a commit's few documents go to one of them.
const THREADS: usize = 2;
/// Entries that are kept in memory between commits at most.
const ENTRIES_MAX: usize = 5_000;
/// Segments with more of their documents replaced are merged for that alone.
const REPLACED_RATIO_MAX: f32 = 0.3;

/// Writes one index. There is one at most.
pub(super) struct Writer {
    pub(super) generation: Arc<Generation>,
    writer: IndexWriter,
    /// The last event that was applied.
    position: u64,
    /// Entries as the events since the last commit left them. They become documents with the commit.
    entries: HashMap<ResourceId, State>,
    names: HashMap<String, String>,
}

/// Why an event is not in the index.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// It cannot be applied, now or later.
    #[error("search index cannot apply commit {sequence} of the stream")]
    Poisoned {
        sequence: u64,
        #[source]
        source: BoxError,
    },
    /// The index cannot be written or read.
    #[error("the search index cannot be written")]
    Engine(#[from] TantivyError),
    /// The index cannot be read.
    #[error("the search index cannot be read")]
    Read(#[from] SearchError),
}

impl Writer {
    /// Takes up an index where its last commit left it.
    pub(super) fn on(generation: Arc<Generation>) -> Result<Self, WriteError> {
        let writer = generation.index.writer_with_num_threads(THREADS, MEMORY_BYTES)?;
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(REPLACED_RATIO_MAX);
        writer.set_merge_policy(Box::new(policy));
        generation.reload()?;
        let position = generation.position()?;
        let (entries, names) = (HashMap::new(), HashMap::new());
        Ok(Self { generation, writer, position, entries, names })
    }

    /// The last event that was applied.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Applies events that may have been applied before, and commits if that many entries changed that memory asks for it.
    pub(super) fn apply_all(&mut self, batch: &[Recorded]) -> Result<(), WriteError> {
        for recorded in batch {
            if recorded.sequence <= self.position {
                continue;
            }
            if let Err(error) = self.apply(recorded) {
                // Those before it are not to blame.
                self.commit()?;
                return Err(error);
            }
            self.position = recorded.sequence;
            if self.entries.len() >= ENTRIES_MAX {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Makes everything that was applied last, and seen by whoever searches from now on.
    pub(super) fn commit(&mut self) -> Result<(), WriteError> {
        let fields = self.generation.fields;
        for (id, state) in std::mem::take(&mut self.entries) {
            let provider = state.entry.description.provider.to_string();
            let name = self.name(&provider)?;
            self.writer.delete_term(Term::from_field_text(fields.id, &id.to_string()));
            for document in document::of_entry(&fields, &state, &name) {
                self.writer.add_document(document)?;
            }
        }
        let mut prepared = self.writer.prepare_commit()?;
        prepared.set_payload(&self.position.to_string());
        prepared.commit()?;
        self.generation.reload()?;
        Ok(())
    }

    /// Ends it, with whatever it still does in the background.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        Ok(self.writer.wait_merging_threads()?)
    }

    fn apply(&mut self, recorded: &Recorded) -> Result<(), WriteError> {
        let sequence = recorded.sequence;
        let poisoned = |source: BoxError| WriteError::Poisoned { sequence, source };
        if recorded.subject.aggregate() == Organisation::AGGREGATE {
            return self.apply_to_organisation(recorded);
        }
        let about = views::events(recorded).map_err(|error| poisoned(error.into()))?;
        let Some((id, events)) = about else { return Ok(()) };

        let state = match self.entries.remove(&id) {
            Some(state) => Some(state),
            None => self.generation.entry(&id)?,
        };
        let number = state.as_ref().map_or(sequence, |state| state.number);
        let mut entry = state.map(|state| state.entry);
        for event in events {
            let evolved = Entry::evolve(entry, id, event, recorded.recorded_at);
            entry = Some(evolved.map_err(|error| poisoned(error.into()))?);
        }
        if let Some(entry) = entry {
            self.entries.insert(id, State { entry, number });
        }
        Ok(())
    }

    /// An organisation's name stands in its entries' documents.
    fn apply_to_organisation(&mut self, recorded: &Recorded) -> Result<(), WriteError> {
        let sequence = recorded.sequence;
        let poisoned = |source: BoxError| WriteError::Poisoned { sequence, source };
        let commit = recorded.commit().map_err(|error| poisoned(error.into()))?;
        for event in &commit.events {
            let event = Organisation::decode(event).map_err(|error| poisoned(error.into()))?;
            if let Some(name) = event.as_ref().and_then(name_in) {
                self.rename(recorded.subject.id(), name)?;
            }
        }
        Ok(())
    }

    fn rename(&mut self, organisation: &str, name: &str) -> Result<(), WriteError> {
        if self.name(organisation)? == name {
            return Ok(());
        }
        let fields = self.generation.fields;
        self.names.insert(organisation.to_owned(), name.to_owned());
        self.writer.delete_term(Term::from_field_text(fields.id, organisation));
        self.writer.add_document(document::of_organisation(&fields, organisation, name))?;
        for state in self.generation.entries_of(organisation)? {
            self.entries.entry(state.entry.id).or_insert(state);
        }
        Ok(())
    }

    /// The organisation's name, empty if it is unknown.
    fn name(&mut self, organisation: &str) -> Result<String, WriteError> {
        if let Some(name) = self.names.get(organisation) {
            return Ok(name.clone());
        }
        let name = self.generation.name_of(organisation)?.unwrap_or_default();
        if !name.is_empty() {
            self.names.insert(organisation.to_owned(), name.clone());
        }
        Ok(name)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("position", &self.position).finish_non_exhaustive()
    }
}

/// The name that an event gives an organisation.
fn name_in(event: &organisation::Event) -> Option<&str> {
    match event {
        organisation::Event::Registered(registration) => Some(&registration.name),
        organisation::Event::Changed { name, .. } => Some(name),
        organisation::Event::Closed { .. }
        | organisation::Event::SecurityOfficerAppointed { .. }
        | organisation::Event::CertificateIssued(_) => None,
    }
}
