//! `/api/datasets`: the list for programs. The data itself is each entry's `csv` and `json`.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Portal;
use super::answer::Refusal;
use super::pages::{self, Listed, Search};

const EVERYBODY: HeaderValue = HeaderValue::from_static("*");

#[derive(Serialize)]
struct List {
    total: u64,
    page: u64,
    pages: u64,
    datasets: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    code: String,
    title: String,
    #[serde(rename = "abstract")]
    summary: String,
    provider: String,
    published_on: String,
    rows: u64,
    url: String,
    csv: String,
    json: String,
}

#[derive(Serialize)]
struct Wrong {
    error: &'static str,
}

/// The same as the page, as JSON.
pub(super) async fn list(
    State(portal): State<Portal>,
    search: Result<Query<Search>, QueryRejection>,
) -> Response {
    let answer = match pages::look(&portal, search).await {
        Ok(looked) => {
            let entry = |listed| entry(&portal, listed);
            let datasets = looked.datasets.into_iter().map(entry).collect();
            let (total, page, pages) = (looked.total, looked.page, looked.pages);
            Json(List { total, page, pages, datasets }).into_response()
        }
        Err(refusal) => refuse(&refusal),
    };
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, EVERYBODY)], answer).into_response()
}

fn refuse(refusal: &Refusal) -> Response {
    let (status, _, error) = refusal.say();
    (status, Json(Wrong { error })).into_response()
}

fn entry(portal: &Portal, listed: Listed) -> Entry {
    let url = portal.site.url_of(&listed.code);
    Entry {
        csv: format!("{url}.csv"),
        json: format!("{url}.json"),
        url,
        code: listed.code,
        title: listed.title,
        summary: listed.summary,
        provider: listed.provider,
        published_on: listed.published_on,
        rows: listed.rows,
    }
}
