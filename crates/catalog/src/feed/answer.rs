//! Answers over HTTP: what they carry, and what goes wrong.

use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LAST_MODIFIED, LINK, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use publicdata_catalogue_formats::dcat::Syntax;
use publicdata_service_kit::Problem;
use publicdata_types::Digest;
use tonic::{Code, Status};

use crate::error::Error;

/// Why there is no answer.
pub(super) struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = Status::from(self.0);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "every other code is nothing that a harvester can mend"
        )]
        let code = match status.code() {
            Code::InvalidArgument => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let problem = Problem::from_status(&status);
        let body = serde_json::json!({ "error": problem.message, "reason": problem.reason });
        (code, [(CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
    }
}

/// The syntax that a harvester asks for: the first of those that it accepts, else the one that is preferred here.
pub(super) fn accepted(headers: &HeaderMap) -> Syntax {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accept.flat_map(|value| value.split(',')).filter_map(Syntax::of_media_type);
    types.next().unwrap_or(Syntax::ALL[0])
}

/// Statements, or that they are what the harvester has.
///
/// What it has is known by its `ETag` alone: `Last-Modified` is the time of the latest entry, which does not change when
/// another goes.
pub(super) fn rdf(
    syntax: Syntax,
    body: Vec<u8>,
    modified: Option<jiff::Timestamp>,
    next: Option<&str>,
    asked: &HeaderMap,
) -> Response {
    let etag = format!("\"{}\"", Digest::of(&body));
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(name, value);
        }
    };
    set(ETAG, &etag);
    set(VARY, "accept");
    set(CACHE_CONTROL, "no-cache");
    if let Some(modified) = modified {
        set(LAST_MODIFIED, &modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    }
    if let Some(next) = next {
        set(LINK, &format!("<{next}>; rel=\"next\""));
    }
    let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
    if known.any(|known| known.trim_start_matches("W/") == etag || known == "*") {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let media_type = format!("{}; charset=utf-8", syntax.media_type());
    if let Ok(value) = HeaderValue::from_str(&media_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    (headers, body).into_response()
}
