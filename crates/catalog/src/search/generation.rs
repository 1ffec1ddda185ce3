//! One index on disk, for reading.

use std::path::{Path, PathBuf};

use publicdata_types::{RegionCode, ResourceId};
use tantivy::collector::Count;
use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, Occur, Query};
use tantivy::schema::Value as _;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{
    DocAddress, Index, IndexReader, IndexSettings, ReloadPolicy, Searcher, TantivyDocument,
    TantivyError, Term,
};

use super::analysis::Analyser;
use super::collector::{Gather, Gathered};
use super::directory::Unsynced;
use super::facets::Counts;
use super::page::{self, Place, Strictness, TokenError};
use super::query::{QueryError, Typed, term};
use super::request::{Filters, Search};
use super::schema::{Fields, audience};
use super::state::{Hit, State, StateError};
use super::view::Viewer;

/// An index that is open.
pub(super) struct Generation {
    pub(super) path: PathBuf,
    pub(super) index: Index,
    pub(super) fields: Fields,
    reader: IndexReader,
}

/// A page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The entries, in order.
    pub hits: Vec<Hit>,
    /// Where the next page starts, if there is one.
    pub next: Option<String>,
    /// How many entries there are on all pages together.
    pub total: u64,
    /// The counts that were asked for.
    pub counts: Counts,
    /// Whether nothing fits as it is written, and a character had to be forgiven.
    pub forgiven: bool,
    /// The position in the stream that the answer was given at, or one before it.
    pub sequence: u64,
}

/// Why a search is not answered.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// What was typed cannot be searched for.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The page token does not fit.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There is no index yet.
    #[error(
        "search index is being built, {sequence} of {last_sequence} events are in it; try again later"
    )]
    Building {
        /// How far it is.
        sequence: u64,
        /// How far it has to go.
        last_sequence: u64,
    },
    /// The index lacks what was written last.
    #[error("search index does not hold event {wanted} yet, but {sequence}; try again later")]
    Behind {
        /// How far it is.
        sequence: u64,
        /// How far it has to go.
        wanted: u64,
    },
    /// The index cannot be written, and lacks what was written last.
    #[error("search index cannot be written")]
    Trouble(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine failed.
    #[error("the search engine failed")]
    Engine(#[from] TantivyError),
    /// The index holds something that is no entry.
    #[error("the search index is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
}

// === impl Generation ===

impl Generation {
    /// An empty index in an empty folder.
    pub(super) fn create(path: &Path) -> tantivy::Result<Self> {
        let (schema, _) = Fields::schema();
        Self::of(path, Index::create(Unsynced::open(path)?, schema, IndexSettings::default())?)
    }

    /// The index in a folder. Every byte of it is checked, so that a damaged one is never searched.
    pub(super) fn open(path: &Path) -> tantivy::Result<Self> {
        let index = Index::open(Unsynced::open(path)?)?;
        if index.schema() != Fields::schema().0 {
            return Err(TantivyError::SchemaError("it was built for another schema".to_owned()));
        }
        let damaged = index.validate_checksum()?;
        match damaged.iter().next() {
            None => Self::of(path, index),
            Some(file) => {
                let message = format!("file {} is damaged", file.display());
                Err(TantivyError::InternalError(message))
            }
        }
    }

    fn of(path: &Path, mut index: Index) -> tantivy::Result<Self> {
        let tokenizers = TokenizerManager::default();
        for analyser in Analyser::ALL {
            tokenizers.register(analyser.name(), analyser);
        }
        index.set_tokenizers(tokenizers);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let (_, fields) = Fields::schema();
        Ok(Self { path: path.to_owned(), index, fields, reader })
    }

    /// The position in the stream that the last commit holds.
    pub(super) fn position(&self) -> tantivy::Result<u64> {
        match self.index.load_metas()?.payload {
            None => Ok(0),
            Some(payload) => payload
                .parse()
                .map_err(|_| TantivyError::InternalError(format!("`{payload}` is no position"))),
        }
    }

    /// Reads what was committed last.
    pub(super) fn reload(&self) -> tantivy::Result<()> {
        self.reader.reload()
    }

    pub(super) fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// How many entries and how many documents there are.
    pub(super) fn size(&self) -> tantivy::Result<(u64, u64)> {
        let searcher = self.searcher();
        let entries = BooleanQuery::union(vec![
            term(Term::from_field_text(self.fields.audience, audience::EVERYONE)),
            term(Term::from_field_text(self.fields.audience, audience::INSIDERS)),
        ]);
        let organisations = term(Term::from_field_text(self.fields.audience, audience::NOBODY));
        let count = |query: &dyn Query| searcher.search(query, &Count);
        let documents = searcher.num_docs() - count(&*organisations)? as u64;
        Ok((count(&entries)? as u64, documents))
    }

    /// The entry with that id.
    pub(super) fn entry(&self, id: &ResourceId) -> Result<Option<State>, SearchError> {
        let stored = self.stored(Term::from_field_text(self.fields.id, &id.to_string()))?;
        stored.map(|bytes| decode(&bytes)).transpose()
    }

    /// The entries of a provider.
    pub(super) fn entries_of(&self, provider: &str) -> Result<Vec<State>, SearchError> {
        let term_of_provider = Term::from_field_text(self.fields.provider, provider);
        let searcher = self.searcher();
        let documents = tantivy::collector::DocSetCollector;
        let found = searcher.search(&*term(term_of_provider), &documents)?;
        let mut entries = Vec::with_capacity(found.len());
        for address in found {
            entries.push(self.state(&searcher, address)?);
        }
        Ok(entries)
    }

    /// The name of an organisation.
    pub(super) fn name_of(&self, organisation: &str) -> Result<Option<String>, SearchError> {
        let stored = self.stored(Term::from_field_text(self.fields.id, organisation))?;
        let text =
            |bytes| String::from_utf8(bytes).map_err(|error| SearchError::Damaged(error.into()));
        stored.map(text).transpose()
    }

    /// What `viewer` may see of what is searched for.
    pub(super) fn search(&self, viewer: &Viewer, search: &Search) -> Result<Found, SearchError> {
        let typed = Typed::parse(&search.text)?;
        let searcher = self.searcher();
        let gather =
            |strictness, after| self.gather(&searcher, viewer, search, (&typed, strictness, after));
        let (strictness, gathered) = match &search.after {
            Some(token) => {
                let (strictness, place) = page::read(search, token)?;
                (strictness, gather(strictness, Some(place))?)
            }
            None => {
                let exact = gather(Strictness::Exact, None)?;
                match exact.total == 0 && typed.is_forgivable() {
                    true => (Strictness::Forgiving, gather(Strictness::Forgiving, None)?),
                    false => (Strictness::Exact, exact),
                }
            }
        };
        self.page(&searcher, search, strictness, gathered)
    }

    fn gather(
        &self,
        searcher: &Searcher,
        viewer: &Viewer,
        search: &Search,
        (typed, strictness, after): (&Typed, Strictness, Option<Place>),
    ) -> tantivy::Result<Gathered> {
        let gather = Gather::new(search, after);
        let everything = || Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0)) as _;
        let typed = typed.query(&self.fields, strictness).unwrap_or_else(everything);
        let mut clauses = vec![(Occur::Must, typed)];
        clauses.extend(self.narrowed(&gather.rest(&search.filters)));
        clauses.extend(viewer.hidden(&self.fields));
        searcher.search(&BooleanQuery::new(clauses), &gather)
    }

    /// What is narrowed by terms.
    fn narrowed(&self, filters: &Filters) -> Vec<(Occur, Box<dyn Query>)> {
        let fields = &self.fields;
        let terms = [
            (fields.code, filters.classifications.iter().map(ToString::to_string).collect()),
            (fields.provider, filters.providers.iter().map(ToString::to_string).collect()),
            (fields.within, filters.regions.iter().map(RegionCode::leading).collect::<Vec<_>>()),
        ];
        let mut narrowed = Vec::new();
        for (field, values) in terms {
            if values.is_empty() {
                continue;
            }
            let any = values.iter().map(|value| term(Term::from_field_text(field, value)));
            let any = Box::new(BooleanQuery::union(any.collect()));
            narrowed
                .push((Occur::Must, Box::new(ConstScoreQuery::new(any, 0.0)) as Box<dyn Query>));
        }
        narrowed
    }

    fn page(
        &self,
        searcher: &Searcher,
        search: &Search,
        strictness: Strictness,
        gathered: Gathered,
    ) -> Result<Found, SearchError> {
        let Gathered { total, counts, mut hits } = gathered;
        let is_last = hits.len() <= search.limit;
        hits.truncate(search.limit);
        let next = match hits.last() {
            Some(last) if !is_last => Some(page::token(search, strictness, &last.place)),
            Some(_) | None => None,
        };
        let mut found = Vec::with_capacity(hits.len());
        for hit in hits {
            found.push(Hit(self.state(searcher, hit.address)?));
        }
        let forgiven = strictness == Strictness::Forgiving && total > 0;
        Ok(Found { hits: found, next, total, counts, forgiven, sequence: 0 })
    }

    fn state(&self, searcher: &Searcher, address: DocAddress) -> Result<State, SearchError> {
        let document: TantivyDocument = searcher.doc(address)?;
        let bytes = document.get_first(self.fields.state).and_then(|state| state.as_bytes());
        decode(bytes.unwrap_or_default())
    }

    /// What is stored with the first document that has the term.
    fn stored(&self, wanted: Term) -> tantivy::Result<Option<Vec<u8>>> {
        let searcher = self.searcher();
        let first = tantivy::collector::TopDocs::with_limit(1).order_by_score();
        let found = searcher.search(&ConstScoreQuery::new(term(wanted), 0.0), &first)?;
        let Some((_, address)) = found.into_iter().next() else { return Ok(None) };
        let document: TantivyDocument = searcher.doc(address)?;
        let state = document.get_first(self.fields.state).and_then(|state| state.as_bytes());
        Ok(Some(state.unwrap_or_default().to_vec()))
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generation").field("path", &self.path).finish_non_exhaustive()
    }
}

fn decode(bytes: &[u8]) -> Result<State, SearchError> {
    State::decode(bytes).map_err(|error: StateError| SearchError::Damaged(error.into()))
}
