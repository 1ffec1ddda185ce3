//! Datasets of another platform, from statements in whatever order.

use oxrdf::{Graph, IriParseError, NamedNodeRef, NamedOrBlankNodeRef, Term, TermRef};
use oxrdfio::{RdfParseError, RdfParser};
use publicdata_proto::catalog::v1::{ForeignDescription, ForeignDistribution};

use super::Syntax;
use super::vocabulary::{LABEL, TYPE, dcat, dct, foaf, hydra, skos};

/// A page of another platform's catalogue.
#[derive(Debug, Default)]
pub struct Page {
    /// The datasets, in the order of their URIs.
    pub datasets: Vec<ForeignDescription>,
    /// Those that cannot be taken, and why.
    pub unread: Vec<Unread>,
    /// The next page, if the page names one.
    pub next: Option<String>,
}

/// A dataset that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its URI or whatever names it.
    pub uri: String,
    /// What is wrong with it.
    pub message: String,
}

/// Why a page cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The page's own address is none.
    #[error("address of the page is no IRI")]
    Base(#[source] IriParseError),
    /// The page does not follow its syntax.
    #[error("page cannot be read as {syntax}")]
    Syntax {
        /// The syntax's media type.
        syntax: &'static str,
        /// What is wrong, and where.
        #[source]
        source: RdfParseError,
    },
}

/// Reads a page. What is relative in it is relative to `base`.
///
/// # Errors
/// The page does not follow its syntax. A dataset that lacks what it must have does not keep the others.
pub fn read(bytes: &[u8], syntax: Syntax, base: &str) -> Result<Page, ReadError> {
    let parser = RdfParser::from_format(syntax.format());
    let parser = parser.with_base_iri(base).map_err(ReadError::Base)?;
    let mut graph = Graph::new();
    for quad in parser.for_slice(bytes) {
        let quad = quad.map_err(|error| ReadError::Syntax {
            syntax: syntax.media_type(),
            source: error.into(),
        })?;
        graph.insert(oxrdf::Triple::from(quad).as_ref());
    }

    let mut page = Page { next: next(&graph), ..Page::default() };
    for subject in graph.subjects_for_predicate_object(TYPE, dcat::DATASET) {
        match dataset(&graph, subject) {
            Ok(dataset) => page.datasets.push(dataset),
            Err(unread) => page.unread.push(unread),
        }
    }
    page.datasets.sort_by(|one, other| one.uri.cmp(&other.uri));
    Ok(page)
}

fn next(graph: &Graph) -> Option<String> {
    let named = |property| {
        let mut triples = graph.triples_for_predicate(property);
        triples.next().map(|triple| value(triple.object))
    };
    named(hydra::NEXT).or_else(|| named(hydra::NEXT_PAGE))
}

fn dataset(graph: &Graph, node: NamedOrBlankNodeRef<'_>) -> Result<ForeignDescription, Unread> {
    let look = Look { graph, node };
    let identifier = look.text(dct::IDENTIFIER);
    let title = look.text(dct::TITLE);
    let unread =
        |uri: &str, message: &str| Unread { uri: uri.to_owned(), message: message.to_owned() };
    let uri = match node {
        NamedOrBlankNodeRef::NamedNode(node) => node.as_str().to_owned(),
        // Some name the dataset in its identifier alone.
        NamedOrBlankNodeRef::BlankNode(_) if identifier.contains("://") => identifier.clone(),
        NamedOrBlankNodeRef::BlankNode(_) => {
            let known = if title.is_empty() { &identifier } else { &title };
            return Err(unread(known, "dataset has no URI, so it cannot be known again"));
        }
    };
    if title.is_empty() {
        return Err(unread(&uri, "dataset has no title"));
    }
    Ok(ForeignDescription {
        identifier,
        title,
        description: look.text(dct::DESCRIPTION),
        publisher: look.name(dct::PUBLISHER, foaf::NAME),
        themes: look.names(dcat::THEME, skos::PREF_LABEL),
        keywords: look.texts(dcat::KEYWORD),
        license: look.license(),
        modified: look.text(dct::MODIFIED),
        landing_page: look.text(dcat::LANDING_PAGE),
        distributions: look.distributions(),
        version: look.text(dcat::VERSION),
        uri,
    })
}

/// A node, with everything that is said of it.
#[derive(Clone, Copy)]
struct Look<'a> {
    graph: &'a Graph,
    node: NamedOrBlankNodeRef<'a>,
}

impl<'a> Look<'a> {
    fn objects(self, property: NamedNodeRef<'a>) -> impl Iterator<Item = TermRef<'a>> {
        self.graph.objects_for_subject_predicate(self.node, property)
    }

    /// The value: of several in Chinese, else without a language, else the first.
    fn text(self, property: NamedNodeRef<'a>) -> String {
        let rank = |term: &TermRef<'_>| match term {
            TermRef::Literal(literal) => match literal.language() {
                Some(language) if language.starts_with("zh") => 0,
                None => 1,
                Some(_) => 2,
            },
            TermRef::NamedNode(_) | TermRef::BlankNode(_) => 1,
        };
        let best = self.objects(property).min_by_key(|term| (rank(term), value(*term)));
        best.map(value).unwrap_or_default()
    }

    /// Every value, sorted, so that the same statements always give the same dataset.
    fn texts(self, property: NamedNodeRef<'a>) -> Vec<String> {
        let mut values: Vec<String> = self.objects(property).map(value).collect();
        values.sort();
        values.dedup();
        values
    }

    /// The name of a node that this one refers to, or what refers to it if it has none.
    fn name(self, property: NamedNodeRef<'a>, name: NamedNodeRef<'a>) -> String {
        self.names(property, name).into_iter().next().unwrap_or_default()
    }

    fn names(self, property: NamedNodeRef<'a>, name: NamedNodeRef<'a>) -> Vec<String> {
        let mut names: Vec<String> = self
            .objects(property)
            .map(|object| {
                let named = self.at(object).map(|look| look.text(name));
                named.filter(|name| !name.is_empty()).unwrap_or_else(|| value(object))
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn at(self, object: TermRef<'a>) -> Option<Self> {
        let node = match object {
            TermRef::NamedNode(node) => node.into(),
            TermRef::BlankNode(node) => node.into(),
            TermRef::Literal(_) => return None,
        };
        Some(Self { node, ..self })
    }

    /// The dataset's own licence, or else that of a distribution.
    fn license(self) -> String {
        let own = self.text(dct::LICENSE);
        let ways = self.objects(dcat::HAS_DISTRIBUTION).filter_map(|object| self.at(object));
        let others = ways.map(|look| look.text(dct::LICENSE)).filter(|license| !license.is_empty());
        match own.as_str() {
            "" => others.min().unwrap_or_default(),
            _ => own,
        }
    }

    fn distributions(self) -> Vec<ForeignDistribution> {
        let mut ways: Vec<ForeignDistribution> = self
            .objects(dcat::HAS_DISTRIBUTION)
            .filter_map(|object| self.at(object))
            .map(|look| {
                let (download, access) =
                    (look.text(dcat::DOWNLOAD_URL), look.text(dcat::ACCESS_URL));
                let format = look.name(dct::FORMAT, LABEL);
                let media_type = look.text(dcat::MEDIA_TYPE);
                ForeignDistribution {
                    title: look.text(dct::TITLE),
                    url: if download.is_empty() { access } else { download },
                    format: if format.is_empty() { media_type } else { format },
                }
            })
            .collect();
        ways.sort_by(|one, other| (&one.url, &one.title).cmp(&(&other.url, &other.title)));
        ways
    }
}

fn value(term: TermRef<'_>) -> String {
    match term.into_owned() {
        Term::NamedNode(node) => node.into_string(),
        Term::Literal(literal) => literal.value().to_owned(),
        // What a blank node is called changes from reading to reading.
        Term::BlankNode(_) => String::new(),
    }
}
