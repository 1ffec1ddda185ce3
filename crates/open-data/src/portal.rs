//! The public's portal: search, browse, look and download, without an account and without JavaScript.

mod answer;
mod api;
mod downloads;
mod pages;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use publicdata_directory::Directory;
use tokio::time::Instant;

use crate::blobs::Blobs;
use crate::queries::Queries;

/// What the portal shows from.
#[derive(Clone, Debug)]
pub(crate) struct Portal {
    pub(crate) queries: Queries,
    pub(crate) directory: Arc<Directory>,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) site: Site,
}

/// How the public reaches the portal.
#[derive(Clone, Debug)]
pub(crate) struct Site(Arc<str>);

// === impl Site ===

impl Site {
    /// The public's address, or else the one that the portal listens at.
    pub(crate) fn new(public_url: Option<&str>, address: SocketAddr) -> Self {
        match public_url {
            Some(url) => Self(url.into()),
            None => Self(format!("http://{address}").into()),
        }
    }

    /// Where the public finds the resource with this code.
    pub(crate) fn url_of(&self, code: &str) -> String {
        format!("{}/datasets/{}", self.0, slug(code))
    }
}

// === impl Portal ===

impl Portal {
    /// Reads all that is open once: what is damaged is logged, and not given out.
    pub(crate) async fn verify_content(&self) {
        match self.queries.open_digests().await {
            Ok(digests) => {
                for digest in digests {
                    // Whatever it is, it was logged, or will be when somebody asks for it.
                    let _ = self.blobs.verified(&digest).await;
                }
            }
            Err(error) => tracing::warn!(%error, "open content was not checked at the start"),
        }
    }
}

/// What the portal answers.
pub(crate) fn router(portal: Portal) -> Router {
    Router::new()
        .route("/", get(pages::list))
        .route("/datasets/{file}", get(downloads::dataset))
        .route("/api/datasets", get(api::list))
        .route("/help", get(pages::help))
        .route("/style.css", get(pages::style))
        .fallback(async || {
            answer::message(
                StatusCode::NOT_FOUND,
                "没有这个页面",
                "请检查网址，或回到首页查找数据。",
            )
        })
        .method_not_allowed_fallback(async || {
            let text = "本平台只供查阅和下载，请直接打开网页或下载链接。";
            answer::message(StatusCode::METHOD_NOT_ALLOWED, "不支持这种访问方式", text)
        })
        .layer(middleware::from_fn(watch))
        .with_state(portal)
}

/// Sets what every answer carries, and logs the access: what was asked for and how it went, and nothing of who asked or what
/// they searched for (H5).
async fn watch(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let route = route_of(request.uri().path());
    let mut response = next.run(request).await;

    answer::protect(response.headers_mut());
    tracing::info!(
        http.method = %method,
        http.route = route,
        dataset.code = response.extensions().get::<Code>().map(|code| code.0.as_str()),
        http.status = response.status().as_u16(),
        duration_ms = begun.elapsed().as_secs_f64() * 1e3,
        "portal was visited"
    );
    response
}

/// The dataset that an answer is about, for the log.
#[derive(Clone, Debug)]
struct Code(String);

/// A path as a log line may show it: what else somebody types may be anything.
fn route_of(path: &str) -> &'static str {
    match path {
        "/" => "/",
        "/help" => "/help",
        "/style.css" => "/style.css",
        "/api/datasets" => "/api/datasets",
        path if path.starts_with("/datasets/") => match path.rsplit_once('.') {
            Some((_, "csv")) => "/datasets/{code}.csv",
            Some((_, "json")) => "/datasets/{code}.json",
            Some(_) | None => "/datasets/{code}",
        },
        _ => "other",
    }
}

/// A resource code within a path, where a slash would divide it.
fn slug(code: &str) -> String {
    code.replace('/', "-")
}

#[cfg(test)]
mod tests;
