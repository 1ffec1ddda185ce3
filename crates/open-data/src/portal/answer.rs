//! Answers to visitors: pages that are not sent twice, refusals in Chinese, and the headers of all of them.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use publicdata_service_kit::problem::chain;
use publicdata_types::Digest;

use crate::error::Error;

/// Nothing but our own style sheet and our own search form.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'",
);
/// May be kept, and is asked for again each time: what is withdrawn is gone at once.
const REVALIDATED: HeaderValue = HeaderValue::from_static("public, no-cache");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Why a visitor does not get what was asked for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// What was typed cannot be.
    Bad(&'static str),
    /// There is no such dataset.
    NotFound,
    /// It was taken back.
    Gone,
    /// Something failed here.
    Failed(Error),
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Refusal {
    /// Status, title and words. What failed here is logged, once.
    pub(super) fn say(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Bad(text) => (StatusCode::BAD_REQUEST, "请求有误", text),
            Self::NotFound => {
                let text = "没有这个数据集，或者它还没有开放。请回到首页查找。";
                (StatusCode::NOT_FOUND, "没有这个数据集", text)
            }
            Self::Gone => {
                let text = "这个数据集曾经开放，现已由提供单位撤回，不再提供下载。";
                (StatusCode::GONE, "数据集已撤回", text)
            }
            Self::Failed(error) => {
                tracing::error!(error = chain(error), "portal cannot answer");
                let text = "数据暂时无法提供，请稍后再试。";
                (StatusCode::SERVICE_UNAVAILABLE, "服务暂时不可用", text)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, title, text) = self.say();
        message(status, title, text)
    }
}

/// A page that only says something.
pub(super) fn message(status: StatusCode, title: &str, text: &str) -> Response {
    match (MessagePage { title, text }).render() {
        Ok(html) => (status, [(CONTENT_TYPE, HTML)], html).into_response(),
        Err(error) => unrendered(&error),
    }
}

/// A page, unless the visitor has it already.
pub(super) fn page(asked: &HeaderMap, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => versioned(asked, HTML, html),
        Err(error) => unrendered(&error),
    }
}

/// A text, unless the visitor has it already.
pub(super) fn versioned(
    asked: &HeaderMap,
    kind: HeaderValue,
    text: impl AsRef<[u8]> + IntoResponse,
) -> Response {
    let tag = tag(&hex::encode(Digest::of(&text).as_bytes()));
    match is_known(asked, &tag) {
        true => unchanged(tag),
        false => (cached(tag), [(CONTENT_TYPE, kind)], text).into_response(),
    }
}

/// The tag of a version.
pub(super) fn tag(version: &str) -> HeaderValue {
    // A version is made of hexadecimal digits, which a header can hold.
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the visitor has this version.
pub(super) fn is_known(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    asked.get_all(IF_NONE_MATCH).iter().any(|tags| {
        let tags = tags.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        tags.map(|known| known.strip_prefix(b"W/").unwrap_or(known))
            .any(|known| known == tag.as_bytes() || known == b"*")
    })
}

/// The visitor has it already.
pub(super) fn unchanged(tag: HeaderValue) -> Response {
    (StatusCode::NOT_MODIFIED, cached(tag)).into_response()
}

/// What caches are told of this version.
pub(super) fn cached(tag: HeaderValue) -> [(axum::http::HeaderName, HeaderValue); 2] {
    [(ETAG, tag), (CACHE_CONTROL, REVALIDATED)]
}

/// What every answer carries.
pub(super) fn protect(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

fn unrendered(error: &askama::Error) -> Response {
    tracing::error!(%error, "a page cannot be made");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
