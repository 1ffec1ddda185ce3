//! A CKAN site: first what changed since the last time, oldest change first, then which datasets there are at all.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use publicdata_catalogue_formats::dcat::Unread;
use publicdata_proto::catalog::v1::{ForeignDescription, ForeignDistribution, HarvestSource};
use serde::Deserialize;
use serde_json::Value;

use super::http::Reader;
use super::run::{Handover, Harvested, Progress};
use crate::session::Session;

const ACCEPT: &str = "application/json";
/// How many datasets are asked for at once.
const ROWS: usize = 100;
/// How many names are asked for at once.
const NAMES: usize = 1_000;
/// A site of more datasets than this does not end.
const DATASETS_MAX: usize = 5_000_000;

#[derive(Deserialize)]
struct Answer {
    success: bool,
    result: Option<Found>,
}

#[derive(Deserialize)]
struct Found {
    count: usize,
    results: Vec<Value>,
}

pub(super) async fn harvest(
    session: &Session,
    source: HarvestSource,
    site: &str,
    cursor: String,
    progress: &Progress,
) -> anyhow::Result<Harvested> {
    let reader = Reader::new()?;
    let mut handover = Handover::new(session, progress, &source);
    changed(&reader, site, cursor, &mut handover).await?;
    let offered = offered(&reader, site).await?;
    // By the site's own id: a URI that a dataset brought from elsewhere does not stand in the short list.
    handover.end(&offered, |known| &known.identifier).await
}

/// Hands over what changed since `cursor`, which is when the last one handed over had changed. Those that changed at that very
/// moment come again, and say nothing new.
async fn changed(
    reader: &Reader,
    site: &str,
    cursor: String,
    handover: &mut Handover<'_>,
) -> anyhow::Result<()> {
    let since = if cursor.is_empty() { "*" } else { cursor.as_str() };
    let filter = format!("metadata_modified:[{since} TO *]");
    let (mut start, mut latest) = (0, cursor.clone());
    loop {
        let query = [
            ("q", "*:*"),
            ("fq", filter.as_str()),
            ("sort", "metadata_modified asc, id asc"),
            ("rows", &ROWS.to_string()),
            ("start", &start.to_string()),
        ];
        let found = search(reader, site, &query).await?;
        if found.results.is_empty() {
            return Ok(());
        }
        let count = found.results.len();
        let (mut datasets, mut unread) = (Vec::new(), Vec::new());
        for result in found.results {
            if let Some(modified) = moment(&result)
                && modified > latest
            {
                latest = modified;
            }
            match dataset(site, &result) {
                Ok(dataset) => datasets.push(dataset),
                Err(error) => unread.push(error),
            }
        }
        handover.page(datasets, unread, latest.clone()).await?;
        start += count;
        if start >= found.count {
            return Ok(());
        }
        if start > DATASETS_MAX {
            bail!("{site} does not come to an end");
        }
    }
}

/// The ids of all datasets that the site has now.
async fn offered(reader: &Reader, site: &str) -> anyhow::Result<BTreeSet<String>> {
    let (mut ids, mut start) = (BTreeSet::new(), 0);
    loop {
        let query = [
            ("q", "*:*"),
            ("fl", "id"),
            ("sort", "id asc"),
            ("rows", &NAMES.to_string()),
            ("start", &start.to_string()),
        ];
        let found = search(reader, site, &query).await?;
        if found.results.is_empty() {
            // Less than it said: what is missing may exist, so nothing is called gone.
            if start < found.count {
                bail!("{site} says that it has {} datasets, and lists {start}", found.count);
            }
            return Ok(ids);
        }
        start += found.results.len();
        ids.extend(found.results.iter().map(|result| text(result.get("id"))));
        if start >= found.count {
            return Ok(ids);
        }
        if start > DATASETS_MAX {
            bail!("{site} does not come to an end");
        }
    }
}

async fn search(reader: &Reader, site: &str, query: &[(&str, &str)]) -> anyhow::Result<Found> {
    let address = format!("{site}/api/3/action/package_search");
    let url = reqwest::Url::parse_with_params(&address, query)
        .with_context(|| format!("`{site}` is no address of a site"))?;
    let answer = reader.get(url.as_str(), ACCEPT).await?;
    let answer: Answer = serde_json::from_slice(&answer.body)
        .with_context(|| format!("{address} answers something that is not CKAN's"))?;
    match answer {
        Answer { success: true, result: Some(found) } => Ok(found),
        Answer { .. } => bail!("{address} answers that it failed"),
    }
}

/// A dataset, or what is wrong with it.
fn dataset(site: &str, package: &Value) -> Result<ForeignDescription, Unread> {
    let text = |field: &str| text(package.get(field));
    let Some(uri) = uri(site, package) else {
        let message = "dataset has no id".to_owned();
        return Err(Unread { uri: text("name"), message });
    };
    let title = match (text("title"), text("name")) {
        (title, _) if !title.is_empty() => title,
        (_, name) if !name.is_empty() => name,
        _ => return Err(Unread { uri, message: "dataset has neither title nor name".to_owned() }),
    };
    let list = |field: &str| package.get(field).and_then(Value::as_array).cloned();
    let names = |field: &str| {
        let parts = list(field).unwrap_or_default();
        let mut names: Vec<String> =
            parts.iter().map(name).filter(|name| !name.is_empty()).collect();
        names.sort();
        names
    };
    let publisher = package.get("organization").map(name).unwrap_or_default();
    let license = match (text("license_url"), text("license_title"), text("license_id")) {
        (url, ..) if !url.is_empty() => url,
        (_, title, _) if !title.is_empty() => title,
        (.., id) => id,
    };
    let mut distributions: Vec<ForeignDistribution> = list("resources")
        .unwrap_or_default()
        .iter()
        .map(|resource| ForeignDistribution {
            title: self::text(resource.get("name")),
            url: self::text(resource.get("url")),
            format: self::text(resource.get("format")),
        })
        .collect();
    distributions.sort_by(|one, other| (&one.url, &one.title).cmp(&(&other.url, &other.title)));
    Ok(ForeignDescription {
        identifier: text("id"),
        title,
        description: text("notes"),
        publisher,
        themes: names("groups"),
        keywords: names("tags"),
        license,
        modified: text("metadata_modified"),
        landing_page: format!("{site}/dataset/{}", text("name")),
        distributions,
        version: text("version"),
        uri,
    })
}

/// The URI that the dataset brought from elsewhere, else its own place on the site.
fn uri(site: &str, package: &Value) -> Option<String> {
    let extras = package.get("extras").and_then(Value::as_array);
    let brought = extras.into_iter().flatten().find(|extra| text(extra.get("key")) == "uri");
    let brought = brought.map(|extra| text(extra.get("value"))).unwrap_or_default();
    if brought.contains("://") {
        return Some(brought);
    }
    match text(package.get("id")) {
        id if id.is_empty() => None,
        id => Some(format!("{site}/dataset/{id}")),
    }
}

/// When a dataset last changed, in a form that can stand in a query.
fn moment(package: &Value) -> Option<String> {
    let text = text(package.get("metadata_modified"));
    let text = text.trim_end_matches('Z');
    let is_moment = text.parse::<jiff::civil::DateTime>().is_ok();
    is_moment.then(|| format!("{text}Z"))
}

fn name(part: &Value) -> String {
    ["title", "display_name", "name"]
        .into_iter()
        .map(|field| text(part.get(field)))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
