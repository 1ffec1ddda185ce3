//! Answers: how long they may be kept, and what refusals say.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;

use crate::error::Error;

/// A tile that exists is what it will always be.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// May be kept, and is asked for again each time.
const REVALIDATED: HeaderValue = HeaderValue::from_static("public, no-cache");
/// What is not there now may be there in a moment.
const PASSING: HeaderValue = HeaderValue::from_static("no-store");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const SOON_S: HeaderValue = HeaderValue::from_static("5");

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The path is none of ours.
    NoSuchPath,
    /// The log is too small for the tile.
    NoSuchTile { size: u64 },
    /// Something else than reading was tried.
    Method,
    /// It takes too long.
    Busy,
    /// Something failed here.
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NoSuchPath => {
                let text = "ask for /checkpoint, /tile/<level>/<index>[.p/<width>] or \
                            /tile/entries/<index>[.p/<width>], as C2SP tlog-tiles has it";
                (StatusCode::NOT_FOUND, text.to_owned())
            }
            Self::NoSuchTile { size } => {
                let text = format!("the log's tree of {size} events has no such tile");
                (StatusCode::NOT_FOUND, text)
            }
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "the log can only be read".to_owned()),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "the log is busy".to_owned()),
            Self::Failed(error) => failed(error),
        };
        let mut response =
            (status, [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, PASSING)], text + "\n").into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, SOON_S);
        }
        response
    }
}

pub(super) fn checkpoint(note: String) -> Response {
    (kept(TEXT, REVALIDATED), note).into_response()
}

pub(super) fn tile(bytes: Vec<u8>) -> Response {
    (kept(BYTES, IMMUTABLE), bytes).into_response()
}

/// What every answer carries: the log is public, so pages of others may read it, too.
pub(super) fn complete(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

fn kept(kind: HeaderValue, cache: HeaderValue) -> [(HeaderName, HeaderValue); 2] {
    [(CONTENT_TYPE, kind), (CACHE_CONTROL, cache)]
}

/// The problem as gRPC would tell it; what failed is logged on the way.
fn failed(error: Error) -> (StatusCode, String) {
    let problem = Problem::from(error);
    let status = match problem.code == Code::Unavailable {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, problem.to_string())
}
