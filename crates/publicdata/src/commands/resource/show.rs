//! Entries as they are and were: `show`, `versions`, `diff`, `history`.

use clap::Args;
use jiff::civil::Date;
use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    CompareResourceVersionsRequest, GetResourceRequest, Item, ListResourceHistoryRequest,
    ListResourceVersionsRequest, Resource, ResourceEvent, ResourceStatus, ResourceVersion,
};

use crate::commands::{answer, short, time_text};
use crate::context::Context;

/// Arguments of `show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The entry's id, or its code.
    pub key: String,
    /// As it was believed at a past moment, such as 2026-01-04T09:00:00+08:00.
    #[arg(long)]
    pub as_of: Option<jiff::Timestamp>,
    /// As it held on a day, such as 2026-01-04; together with --as-of, as that was believed then.
    #[arg(long)]
    pub valid_on: Option<Date>,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The entry's id.
    pub id: String,
    /// The version to compare with; without it, the one before.
    #[arg(long, default_value_t = 0)]
    pub before: u32,
    /// The version to compare; without it, what was written last.
    #[arg(long, default_value_t = 0)]
    pub after: u32,
}

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct History {
    /// The entry's id.
    pub id: String,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

pub(super) async fn show(context: &Context, arguments: Show) -> anyhow::Result<()> {
    let request = GetResourceRequest {
        key: Some(match arguments.key.contains('/') {
            true => Key::Code(arguments.key),
            false => Key::ResourceId(arguments.key),
        }),
        as_of: arguments.as_of.map(|at| prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: at.subsec_nanosecond(),
        }),
        valid_on: arguments.valid_on.map(|day| day.to_string()).unwrap_or_default(),
    };
    let found = answer(context.session()?.resources()?.get_resource(request).await)?;
    let resource = found.resource.clone().unwrap_or_default();
    context.output.record(&found, &lines(&resource))
}

pub(super) async fn versions(context: &Context, id: String) -> anyhow::Result<()> {
    let request = ListResourceVersionsRequest { resource_id: id };
    let found = answer(context.session()?.resources()?.list_resource_versions(request).await)?;
    let row = |version: &ResourceVersion| {
        let name = version.description.clone().unwrap_or_default().name;
        let (on, until) = (version.published_on.clone(), version.held_until.clone());
        vec![version.version.to_string(), on, until, name]
    };
    let rows = found.versions.iter().map(row).collect();
    context.output.table(&found, &["version", "published on", "held until", "name"], rows)
}

pub(super) async fn diff(context: &Context, arguments: Diff) -> anyhow::Result<()> {
    let Diff { id, before, after } = arguments;
    let request = CompareResourceVersionsRequest { resource_id: id, before, after };
    let found = answer(context.session()?.resources()?.compare_resource_versions(request).await)?;
    let after = match found.after {
        0 => "draft".to_owned(),
        after => format!("version {after}"),
    };
    let header = ["field", &format!("version {}", found.before), &after];
    let rows = found
        .differences
        .iter()
        .map(|found| vec![found.path.clone(), found.before.clone(), found.after.clone()])
        .collect();
    context.output.table(&found, &header, rows)
}

pub(super) async fn history(context: &Context, arguments: History) -> anyhow::Result<()> {
    let History { id, page_size, page_token } = arguments;
    let request = ListResourceHistoryRequest { resource_id: id, page_size, page_token };
    let found = answer(context.session()?.resources()?.list_resource_history(request).await)?;
    let row = |event: &ResourceEvent| {
        let what = short(event.kind().as_str_name(), "RESOURCE_EVENT_KIND_");
        let said = [version(event.version), event.on.clone(), rows(event.rows)];
        let said = said.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
        let by = match event.organisation_name.as_str() {
            "" => event.organisation_code.clone(),
            name => name.to_owned(),
        };
        vec![time_text(event.occurred_at), what, said, by, event.reason.clone()]
    };
    let table = found.events.iter().map(row).collect();
    context.output.table(&found, &["when", "what", "", "by", "why"], table)
}

fn lines(resource: &Resource) -> Vec<(&'static str, String)> {
    let description = resource.description.clone().unwrap_or_default();
    let items: Vec<_> = description
        .items
        .iter()
        .map(|item| {
            let kind = short(item.r#type().as_str_name(), "ITEM_TYPE_");
            format!("{} {} {kind}{}{}", item.name, item.title, sensitive(item), rules(item))
        })
        .collect();
    vec![
        ("code", resource.code.clone()),
        ("id", resource.id.clone()),
        ("name", description.name.clone()),
        ("abstract", description.r#abstract.clone()),
        ("provider", format!("{} {}", description.provider_code, resource.provider_name)),
        ("status", short(resource.status().as_str_name(), "RESOURCE_STATUS_")),
        ("version", resource.version.to_string()),
        ("published on", resource.published_on.clone()),
        ("return reason", resource.return_reason.clone()),
        ("standing", standing(resource)),
        ("why", resource.standing_reason.clone()),
        ("data current on", resource.current_on.clone()),
        ("rows", rows(resource.rows)),
        ("sharing", short(description.sharing_type().as_str_name(), "SHARING_TYPE_")),
        ("condition", description.sharing_condition.clone()),
        ("open", if description.open { "yes" } else { "no" }.to_owned()),
        ("items", items.join("\n                   ")),
        ("updated at", time_text(resource.updated_at)),
    ]
}

fn sensitive(item: &Item) -> String {
    if item.mask == 0 {
        return String::new();
    }
    let parameters = item.mask_parameters.clone().unwrap_or_default();
    let words =
        [short(item.mask().as_str_name(), "MASK_"), parameters.pseudonym_domain, parameters.step];
    format!(" (sensitive: {})", said(words).join(" "))
}

/// What values have to be (R17.2).
fn rules(item: &Item) -> String {
    let quality = item.quality.clone().unwrap_or_default();
    let named = |name: &str, value: &str| match value {
        "" => String::new(),
        value => format!("{name} {value}"),
    };
    let flag = |name: &str, set: bool| if set { name.to_owned() } else { String::new() };
    let length = if item.length == 0 { String::new() } else { item.length.to_string() };
    let reference = quality.reference.map(|to| format!("{} of {}", to.item, to.resource_id));
    let rules = said([
        flag("required", item.required),
        named("length at most", &length),
        named("at least", &quality.minimum),
        named("at most", &quality.maximum),
        named("matches", &quality.pattern),
        named("one of", &quality.one_of.join(" | ")),
        flag("unique", quality.unique),
        named("occurs as", &reference.unwrap_or_default()),
    ]);
    if rules.is_empty() { String::new() } else { format!(": {}", rules.join(", ")) }
}

fn said<const N: usize>(texts: [String; N]) -> Vec<String> {
    texts.into_iter().filter(|text| !text.is_empty()).collect()
}

/// Whether what was published is in use: said where the status alone would not say so.
fn standing(resource: &Resource) -> String {
    let standing = resource.standing();
    if standing == ResourceStatus::Unspecified || standing == resource.status() {
        return String::new();
    }
    short(standing.as_str_name(), "RESOURCE_STATUS_")
}

fn version(number: u32) -> String {
    if number == 0 { String::new() } else { format!("version {number}") }
}

fn rows(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}
