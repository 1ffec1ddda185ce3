//! `publicdata catalog search`, and the index that it is done with.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use publicdata_proto::catalog::v1::{
    Format, GetSearchIndexStatusRequest, OpeningType, RebuildSearchIndexRequest, Resource,
    ResourceFacet, ResourceFacetCounts, ResourceOrder, ResourceStatus, SearchIndexProgress,
    SearchResourcesRequest, SearchResourcesResponse, SharingType, UpdateCycle,
};

use super::{answer, short, time_text};
use crate::context::Context;
use crate::output::print_line;

/// How many values of a facet are shown to people.
const VALUES_SHOWN: usize = 8;

/// Arguments of `search`.
#[derive(Debug, Args)]
#[command(after_help = "\
Words must all occur: in the name, an item, the provider's name, the abstract, the entity or the use requirements. Pinyin works, \
whole or by initials (`shequ`, `sqml`), and so does the beginning of a code (`302001/`). \"Quotation marks\" keep a piece \
together. If nothing fits, one character that is wrong, missing or too many is forgiven.

An option that narrows (--sharing, --region …) may be given several times: one of its values must fit, and every option must.")]
pub struct Search {
    /// Words; all entries without any.
    #[arg(default_value = "")]
    pub query: String,
    /// Only those of this classification and below (分类: 类、项、目、细目).
    #[arg(long = "class")]
    pub classes: Vec<String>,
    /// Only those of this provider, by its code (提供方).
    #[arg(long = "provider")]
    pub providers: Vec<String>,
    /// Only those of this division and below (区划).
    #[arg(long = "region")]
    pub regions: Vec<String>,
    /// Only those shared like this (共享类型).
    #[arg(long, value_parser = words(&["unconditional", "conditional", "not-shared"]))]
    pub sharing: Vec<String>,
    /// Only those opened like this (开放类型).
    #[arg(long, value_parser = words(&["unconditional", "conditional", "not-open"]))]
    pub opening: Vec<String>,
    /// Only those of this format (信息资源格式).
    #[arg(long, value_parser = words(&[
        "electronic-file", "spreadsheet", "database", "image", "streaming-media", "self-describing",
        "service-interface",
    ]))]
    pub format: Vec<String>,
    /// Only those that are updated like this (更新周期).
    #[arg(long, value_parser = words(&[
        "real-time", "daily", "weekly", "monthly", "quarterly", "half-yearly", "yearly", "irregular",
    ]))]
    pub cycle: Vec<String>,
    /// Only those that stand here (状态); without it, all but withdrawn ones.
    #[arg(long, value_parser = words(&[
        "draft", "submitted", "returned", "published", "suspended", "withdrawn",
    ]))]
    pub status: Vec<String>,
    /// The order (排序): by relevance if there are words, else by code, unless said otherwise.
    #[arg(long, value_parser = words(&["relevance", "code", "name", "updated", "published"]))]
    pub sort: Option<String>,
    /// Leave out how many entries each choice has (分面).
    #[arg(long)]
    pub no_facets: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Searches.
///
/// # Errors
/// What the service refused, and why.
pub async fn search(context: &Context, arguments: Search) -> anyhow::Result<()> {
    let mut resources = context.session()?.resources()?;
    let request = request(arguments);
    let page = answer(resources.search_resources(request).await)?;
    let rows = page.resources.iter().map(row).collect();
    let header = ["code", "name", "provider", "sharing", "status", "id"];
    context.output.table(&page, &header, rows)?;
    match context.output.is_json() {
        true => Ok(()),
        false => print_rest(&page),
    }
}

/// Says how far the index has come.
///
/// # Errors
/// What the service refused, and why.
pub async fn index_status(context: &Context) -> anyhow::Result<()> {
    let mut index = context.session()?.search_index()?;
    let status = answer(index.get_search_index_status(GetSearchIndexStatusRequest {}).await)?;
    let building = status.building.as_ref().map(progress).unwrap_or_default();
    let lines = [
        ("holds events", format!("{} of {}", status.sequence, status.last_sequence)),
        ("entries", status.entries.to_string()),
        ("documents", status.documents.to_string()),
        ("bytes", status.bytes.to_string()),
        ("schema version", status.schema_version.to_string()),
        ("written at", time_text(status.committed_at)),
        ("building", building),
        ("trouble", status.trouble.clone()),
    ];
    context.output.record(&status, &lines)
}

/// Builds the index anew, and shows how far it is.
///
/// # Errors
/// What the service refused, or why the building came to nothing.
pub async fn reindex(context: &Context) -> anyhow::Result<()> {
    let mut index = context.session()?.search_index()?;
    let mut told = answer(index.rebuild_search_index(RebuildSearchIndexRequest {}).await)?;
    while let Some(said) = told
        .message()
        .await
        .map_err(|status| publicdata_service_kit::Problem::from_status(&status))?
    {
        let word = if said.done { "built" } else { "building" };
        let text = said.progress.as_ref().map(progress).unwrap_or_default();
        context.output.record(&said, &[(word, text)])?;
    }
    Ok(())
}

fn request(arguments: Search) -> SearchResourcesRequest {
    SearchResourcesRequest {
        query: arguments.query,
        classification_codes: arguments.classes,
        provider_codes: arguments.providers,
        region_codes: arguments.regions,
        sharing_types: numbers("SHARING_TYPE_", &arguments.sharing, SharingType::from_str_name),
        opening_types: numbers("OPENING_TYPE_", &arguments.opening, OpeningType::from_str_name),
        formats: numbers("FORMAT_", &arguments.format, Format::from_str_name),
        update_cycles: numbers("UPDATE_CYCLE_", &arguments.cycle, UpdateCycle::from_str_name),
        statuses: numbers("RESOURCE_STATUS_", &arguments.status, ResourceStatus::from_str_name),
        order: arguments
            .sort
            .and_then(|word| ResourceOrder::from_str_name(&name("RESOURCE_ORDER_", &word)))
            .unwrap_or_default()
            .into(),
        facets: match arguments.no_facets {
            true => vec![],
            false => FACETS.map(|(facet, ..)| facet.into()).to_vec(),
        },
        page_size: arguments.page_size,
        page_token: arguments.page_token,
        ..SearchResourcesRequest::default()
    }
}

/// Facets, what they are called, and what their values' names begin with.
const FACETS: [(ResourceFacet, &str, &str); 8] = [
    (ResourceFacet::Group, "class", ""),
    (ResourceFacet::Provider, "provider", ""),
    (ResourceFacet::Region, "region", ""),
    (ResourceFacet::SharingType, "sharing", "SHARING_TYPE_"),
    (ResourceFacet::OpeningType, "opening", "OPENING_TYPE_"),
    (ResourceFacet::Format, "format", "FORMAT_"),
    (ResourceFacet::UpdateCycle, "cycle", "UPDATE_CYCLE_"),
    (ResourceFacet::Status, "status", "RESOURCE_STATUS_"),
];

/// What stands below the table.
fn print_rest(page: &SearchResourcesResponse) -> anyhow::Result<()> {
    print_line("")?;
    let forgiven = match page.forgiven {
        true => "; nothing fits as it is written, so one character was forgiven",
        false => "",
    };
    print_line(format_args!("{} of {} entries{forgiven}", page.resources.len(), page.total))?;
    for (counts, (_, label, prefix)) in page.facets.iter().zip(FACETS) {
        if counts.counts.len() > 1 {
            print_line(format_args!("{label:<9} {}", choices(counts, prefix)))?;
        }
    }
    match page.next_page_token.as_str() {
        "" => Ok(()),
        token => print_line(format_args!("next page: --page-token {token}")),
    }
}

fn choices(counts: &ResourceFacetCounts, prefix: &str) -> String {
    let shown = counts.counts.iter().take(VALUES_SHOWN).map(|count| {
        let value = match count.label.as_str() {
            "" => short(&count.value, prefix),
            label => format!("{} {label}", count.value),
        };
        format!("{value} ({})", count.count)
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let left_out = counts.counts.len().saturating_sub(VALUES_SHOWN) + counts.omitted as usize;
    match left_out {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

fn progress(progress: &SearchIndexProgress) -> String {
    format!("{} of {} events", progress.sequence, progress.last_sequence)
}

fn row(resource: &Resource) -> Vec<String> {
    let description = resource.description.clone().unwrap_or_default();
    vec![
        resource.code.clone(),
        description.name.clone(),
        resource.provider_name.clone(),
        short(description.sharing_type().as_str_name(), "SHARING_TYPE_"),
        short(resource.status().as_str_name(), "RESOURCE_STATUS_"),
        resource.id.clone(),
    ]
}

fn words(words: &'static [&'static str]) -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(words)
}

/// The name of an enum's value: `not-shared` is `SHARING_TYPE_NOT_SHARED`.
fn name(prefix: &str, word: &str) -> String {
    format!("{prefix}{}", word.to_ascii_uppercase().replace('-', "_"))
}

fn numbers<T: Into<i32>>(
    prefix: &str,
    words: &[String],
    from_name: fn(&str) -> Option<T>,
) -> Vec<i32> {
    // The parser lets no other words through.
    words.iter().filter_map(|word| from_name(&name(prefix, word))).map(Into::into).collect()
}

#[cfg(test)]
mod tests;
