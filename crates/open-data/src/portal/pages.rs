//! Pages for people.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use publicdata_proto::catalog::v1::UpdateCycle;
use publicdata_types::{ItemType, OrganisationCode, china_date};
use serde::Deserialize;

use super::answer::{self, Refusal};
use super::{Code, Portal, slug};
use crate::content;
use crate::entry::Item;
use crate::queries::{Dataset, WORDS_MAX};

const PAGE_SIZE: u32 = 20;
const PAGE_MAX: u32 = 100_000;
const QUERY_CHARACTERS_MAX: usize = 100;
const PREVIEW_ROWS: usize = 20;
const STYLE: &str = include_str!("../../static/style.css");

/// What a visitor searches for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Search {
    q: String,
    /// Counted from 1; empty is the first.
    page: String,
}

/// Which part of the list a visitor looks at.
pub(super) struct Looked {
    pub(super) query: String,
    pub(super) page: u64,
    pub(super) pages: u64,
    pub(super) total: u64,
    pub(super) datasets: Vec<Listed>,
}

/// A dataset in the list.
pub(super) struct Listed {
    pub(super) slug: String,
    pub(super) code: String,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) provider: String,
    pub(super) rows: u64,
    pub(super) published_on: String,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    looked: Looked,
}

#[derive(Template)]
#[template(path = "dataset.html")]
struct DatasetPage {
    listed: Listed,
    url: String,
    items: Vec<ShownItem>,
    condition: String,
    requirements: String,
    cycle: &'static str,
    bytes: String,
    digest: String,
    /// How much of the data the preview is.
    extent: String,
    preview: Vec<Vec<String>>,
}

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage {
    page_size: u32,
}

/// An item in words.
struct ShownItem {
    name: String,
    title: String,
    kind: &'static str,
    length: String,
    required: &'static str,
}

/// `/`: search and list.
pub(super) async fn list(
    State(portal): State<Portal>,
    asked: HeaderMap,
    search: Result<Query<Search>, QueryRejection>,
) -> Result<Response, Refusal> {
    let looked = look(&portal, search).await?;
    Ok(answer::page(&asked, &ListPage { looked }))
}

/// `/help`: how to search, download, check and program.
pub(super) async fn help(asked: HeaderMap) -> Response {
    answer::page(&asked, &HelpPage { page_size: PAGE_SIZE })
}

/// `/style.css`, asked for again each time: pages of a new release never meet the old one's style.
pub(super) async fn style(asked: HeaderMap) -> Response {
    answer::versioned(&asked, HeaderValue::from_static("text/css; charset=utf-8"), STYLE)
}

/// Finds what a visitor searches for.
pub(super) async fn look(
    portal: &Portal,
    search: Result<Query<Search>, QueryRejection>,
) -> Result<Looked, Refusal> {
    let Ok(Query(Search { q, page })) = search else {
        return Err(Refusal::Bad("查询参数无法识别，请回到首页重新查找。"));
    };
    if q.chars().count() > QUERY_CHARACTERS_MAX {
        return Err(Refusal::Bad("搜索内容太长，请不要超过 100 个字。"));
    }
    let words: Vec<String> = q.split_whitespace().map(ToOwned::to_owned).collect();
    if words.len() > WORDS_MAX {
        return Err(Refusal::Bad("搜索词太多，请不要超过 8 个。"));
    }
    let page = match page.as_str() {
        "" => 1,
        page => match page.parse() {
            Ok(page @ 1..=PAGE_MAX) => page,
            Ok(_) | Err(_) => return Err(Refusal::Bad("页码有误，请从第 1 页开始查看。")),
        },
    };

    let (found, total) = portal.queries.datasets(&words, (page - 1) * PAGE_SIZE, PAGE_SIZE).await?;
    let mut datasets = Vec::with_capacity(found.len());
    for dataset in &found {
        datasets.push(listed(portal, dataset).await?);
    }
    let pages = total.div_ceil(u64::from(PAGE_SIZE)).max(1);
    Ok(Looked { query: words.join(" "), page: page.into(), pages, total, datasets })
}

/// `/datasets/<code>`: all that there is to say of a dataset, and its first rows.
pub(super) async fn dataset(
    portal: &Portal,
    asked: &HeaderMap,
    dataset: Dataset,
    items: Vec<Item>,
) -> Result<Response, Refusal> {
    let path = portal.blobs.verified(&dataset.digest).await?;
    let preview = tokio::task::spawn_blocking(move || content::preview(&path, PREVIEW_ROWS));
    let preview = preview.await.map_err(crate::error::Error::unreadable)?;
    let preview = preview.map_err(crate::error::Error::Folder)?;

    let description = &dataset.entry.description;
    let page = DatasetPage {
        listed: listed(portal, &dataset).await?,
        url: portal.site.url_of(&dataset.entry.code.to_string()),
        items: items.iter().map(shown).collect(),
        condition: or(&description.open_condition, "未另设开放条件。"),
        requirements: or(&description.use_requirements, "无特别要求。"),
        cycle: cycle(description.update_cycle()),
        bytes: size(dataset.publication.content_bytes),
        digest: hex::encode(dataset.digest.as_bytes()),
        extent: extent(preview.len() as u64, dataset.publication.rows),
        preview,
    };
    let mut response = answer::page(asked, &page);
    response.extensions_mut().insert(Code(page.listed.code));
    Ok(response)
}

async fn listed(portal: &Portal, dataset: &Dataset) -> Result<Listed, Refusal> {
    let code = dataset.entry.code.to_string();
    Ok(Listed {
        slug: slug(&code),
        code,
        title: dataset.publication.title.clone(),
        summary: dataset.entry.description.r#abstract.clone(),
        provider: provider(portal, &dataset.entry.provider).await?,
        rows: dataset.publication.rows,
        published_on: china_date(dataset.published_at).to_string(),
    })
}

async fn provider(portal: &Portal, code: &OrganisationCode) -> Result<String, Refusal> {
    let organisation = portal.directory.organisation(code).await?;
    Ok(organisation.map_or_else(|| code.to_string(), |organisation| organisation.name.clone()))
}

fn shown(item: &Item) -> ShownItem {
    ShownItem {
        name: item.name.clone(),
        title: item.title.clone(),
        kind: kind(item.kind),
        length: match item.length_max {
            0 => "不限".to_owned(),
            length => length.to_string(),
        },
        required: if item.required { "是" } else { "否" },
    }
}

fn or(text: &str, default: &str) -> String {
    match text.trim() {
        "" => default.to_owned(),
        text => text.to_owned(),
    }
}

const fn kind(kind: ItemType) -> &'static str {
    match kind {
        ItemType::Text => "字符",
        ItemType::Number => "数值",
        ItemType::Money => "货币",
        ItemType::Date => "日期",
        ItemType::Timestamp => "日期时间",
        ItemType::Logical => "逻辑",
        ItemType::Memo => "备注",
        ItemType::General => "通用",
        ItemType::Double => "双精度",
        ItemType::Integer => "整数",
        ItemType::Float => "浮点",
    }
}

const fn cycle(cycle: UpdateCycle) -> &'static str {
    match cycle {
        UpdateCycle::Unspecified => "未说明",
        UpdateCycle::RealTime => "实时",
        UpdateCycle::Daily => "每日",
        UpdateCycle::Weekly => "每周",
        UpdateCycle::Monthly => "每月",
        UpdateCycle::Quarterly => "每季度",
        UpdateCycle::Yearly => "每年",
        UpdateCycle::HalfYearly => "每半年",
        UpdateCycle::Irregular => "不定期",
    }
}

fn extent(shown: u64, rows: u64) -> String {
    match rows {
        0 => "没有数据行".to_owned(),
        rows if rows <= shown => format!("全部 {rows} 行"),
        rows => format!("前 {shown} 行，共 {rows} 行"),
    }
}

/// A size as people read it.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        // One digit after the point, rounded down.
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} 字节"),
    }
}
