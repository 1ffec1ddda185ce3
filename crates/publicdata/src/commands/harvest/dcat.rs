//! A catalogue in DCAT, from a file or page by page.
//!
//! A page's datasets that say the same as before cost a look and no event, so a harvest always begins at the first page: only
//! one that saw all of them knows which are gone.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail};
use publicdata_catalogue_formats::dcat::{Page, Syntax, read};
use publicdata_proto::catalog::v1::HarvestSource;

use super::http::{self, Reader};
use super::run::{Handover, Harvested, Progress};
use crate::session::Session;

/// A catalogue of more pages than this goes in circles.
const PAGES_MAX: usize = 100_000;
const ACCEPT: &str =
    "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, application/json;q=0.5";

pub(super) fn is_address(from: &str) -> bool {
    from.starts_with("http://") || from.starts_with("https://")
}

pub(super) async fn harvest(
    session: &Session,
    source: HarvestSource,
    from: &str,
    progress: &Progress,
) -> anyhow::Result<Harvested> {
    let mut handover = Handover::new(session, progress, &source);
    let mut offered = BTreeSet::new();
    let mut visited = BTreeSet::new();
    let reader = Reader::new()?;
    let mut next = Some(from.to_owned());
    while let Some(url) = next.take() {
        if !visited.insert(url.clone()) || visited.len() > PAGES_MAX {
            bail!("the pages of {from} go in circles: {url} comes twice");
        }
        let page = page(&reader, &url).await?;
        // What cannot be taken is offered all the same: it is not gone.
        offered.extend(page.datasets.iter().map(|dataset| dataset.uri.clone()));
        offered.extend(page.unread.iter().map(|unread| unread.uri.clone()));
        next = page.next;
        handover.page(page.datasets, page.unread, String::new()).await?;
    }
    handover.end(&offered, |known| &known.uri).await
}

async fn page(reader: &Reader, from: &str) -> anyhow::Result<Page> {
    let parsed = if is_address(from) {
        let answer = reader.get(from, ACCEPT).await?;
        let by_name = || Syntax::of_path(Path::new(from.split(['?', '#']).next().unwrap_or(from)));
        let syntax = Syntax::of_media_type(&answer.media_type).or_else(by_name);
        let syntax = syntax.with_context(|| {
            format!(
                "{from} answers {}, which is no DCAT in Turtle, RDF/XML or JSON-LD",
                answer.media_type
            )
        })?;
        read(&answer.body, syntax, &answer.url)
    } else {
        let path = std::path::absolute(from)?;
        let syntax = Syntax::of_path(&path)
            .with_context(|| format!("{from} must end in .ttl, .rdf, .xml, .jsonld or .json"))?;
        // What is relative in a file has nothing else to be relative to.
        read(&http::file(&path)?, syntax, "urn:x-file:")
    };
    parsed.with_context(|| format!("{from} cannot be read"))
}
