//! `/datasets/<code>`, `.csv` and `.json`.
//!
//! A file goes out as it was published, byte for byte: also a value that begins with `=`, which a spreadsheet program may
//! take for a formula. Whoever opens it there imports the columns as text.

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::BytesMut;
use futures::stream::{self, Stream};
use publicdata_types::{Digest, ResourceCode};
use std::io;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::answer::{self, Refusal};
use super::{Code, Portal, pages};
use crate::content;
use crate::entry::Item;
use crate::error::Error;
use crate::queries::{Dataset, Found};

const PIECE_BYTES: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Page,
    Csv,
    Json,
}

/// A dataset in the form that its ending asks for.
pub(super) async fn dataset(
    State(portal): State<Portal>,
    asked: HeaderMap,
    file: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let Ok(Path(file)) = file else { return Err(Refusal::NotFound) };
    let (slug, form) = match file.rsplit_once('.') {
        Some((slug, "csv")) => (slug, Form::Csv),
        Some((slug, "json")) => (slug, Form::Json),
        Some(_) => return Err(Refusal::NotFound),
        None => (file.as_str(), Form::Page),
    };
    let code: ResourceCode = slug.replacen('-', "/", 1).parse().map_err(|_| Refusal::NotFound)?;

    let dataset = match portal.queries.dataset(&code).await? {
        Found::Nothing => return Err(Refusal::NotFound),
        Found::Gone => return Err(Refusal::Gone),
        Found::Open(dataset) => *dataset,
    };
    // What the catalogue has closed since is no longer given out.
    let items = dataset.entry.open_items(&dataset.publication.columns).ok_or(Refusal::Gone)?;
    match form {
        Form::Page => pages::dataset(&portal, &asked, dataset, items).await,
        Form::Csv => csv(&portal, &asked, &dataset).await,
        Form::Json => json(&portal, &asked, &dataset, items).await,
    }
}

async fn csv(portal: &Portal, asked: &HeaderMap, dataset: &Dataset) -> Result<Response, Refusal> {
    let path = portal.blobs.verified(&dataset.digest).await?;
    let tag = answer::tag(&hex::encode(dataset.digest.as_bytes()));
    if answer::is_known(asked, &tag) {
        return Ok(answer::unchanged(tag));
    }
    let file = File::open(path).await.map_err(Error::Folder)?;

    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    let length = HeaderValue::from(dataset.publication.content_bytes);
    let answer = (answer::cached(tag), [(CONTENT_LENGTH, length)]);
    let body = Body::from_stream(pieces(file));
    Ok(download(dataset, "csv", kind, (answer, body).into_response()))
}

async fn json(
    portal: &Portal,
    asked: &HeaderMap,
    dataset: &Dataset,
    items: Vec<Item>,
) -> Result<Response, Refusal> {
    let path = portal.blobs.verified(&dataset.digest).await?;
    // The same content is other JSON once the catalogue calls a column something else.
    let types: String = items.iter().map(|item| format!("{}\n", item.kind)).collect();
    let version = Digest::of(format!("{}\n{types}", dataset.digest));
    let tag = answer::tag(&hex::encode(version.as_bytes()));
    if answer::is_known(asked, &tag) {
        return Ok(answer::unchanged(tag));
    }

    let kind = HeaderValue::from_static("application/json");
    let body = Body::from_stream(content::json(path, items));
    Ok(download(dataset, "json", kind, (answer::cached(tag), body).into_response()))
}

fn download(
    dataset: &Dataset,
    ending: &str,
    kind: HeaderValue,
    mut response: Response,
) -> Response {
    let code = dataset.entry.code.to_string();
    let name = format!("attachment; filename=\"{}.{ending}\"", super::slug(&code));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    // Open to the scripts of other sites too: there is nothing here that depends on who asks.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    response.extensions_mut().insert(Code(code));
    response
}

fn pieces(file: File) -> impl Stream<Item = io::Result<bytes::Bytes>> {
    stream::try_unfold(file, |mut file| async move {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let count = file.read_buf(&mut piece).await?;
        Ok((count > 0).then(|| (piece.freeze(), file)))
    })
}
