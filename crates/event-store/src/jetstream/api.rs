//! Requests to the JetStream API, and their failures.

use std::future::Future;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::Info;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::{Connection, streams};
use crate::retry::Backoff;
use crate::{BoxError, Error};

/// Why a request was not fulfilled.
pub(super) enum Failure {
    /// The server answered with this error.
    Refused(jetstream::Error),
    /// There was no answer that could be read.
    Lost(BoxError),
}

impl Failure {
    pub(super) fn is(&self, code: ErrorCode) -> bool {
        match self {
            Self::Refused(error) => error.error_code() == code,
            Self::Lost(_) => false,
        }
    }

    pub(super) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Refused(source) => Error::unavailable(operation, source),
            Self::Lost(source) => Error::unavailable(operation, source),
        }
    }

    /// For requests that name a stream.
    pub(super) fn about(self, stream: &str, operation: &'static str) -> Error {
        if self.is(ErrorCode::STREAM_NOT_FOUND) {
            return Error::UnknownStream { stream: stream.to_owned() };
        }
        self.into_error(operation)
    }
}

impl Connection {
    /// Asks `$JS.API.<call>`.
    pub(super) async fn api<T: DeserializeOwned>(
        &self,
        call: String,
        request: &impl Serialize,
    ) -> Result<T, Failure> {
        match self.jetstream.request(call, request).await {
            Ok(Response::Ok(answer)) => Ok(answer),
            Ok(Response::Err { error }) => Err(Failure::Refused(error)),
            Err(error) => Err(Failure::Lost(error.into())),
        }
    }

    /// What the leader of `stream` says about it.
    pub(super) async fn info(&self, stream: &str) -> Result<Info, Failure> {
        self.api(format!("STREAM.INFO.{stream}"), &serde_json::json!({})).await
    }

    pub(super) async fn first_sequence(&self, stream: &str) -> Result<u64, Error> {
        match self.info(stream).await {
            // Of a stream that was never written to, the server says 0.
            Ok(info) => Ok(info.state.first_sequence.max(1)),
            Err(failure) => Err(failure.about(stream, "tell the first sequence")),
        }
    }

    pub(super) async fn last_sequence(&self, stream: &str) -> Result<u64, Error> {
        match self.info(stream).await {
            Ok(info) => Ok(info.state.last_sequence),
            Err(failure) => Err(failure.about(stream, "tell the last sequence")),
        }
    }

    /// By what `stream` could lose commits, as its leader has it set up now. How many replicas it should have is not known here.
    pub(super) async fn risks(&self, stream: &str) -> Result<Vec<String>, Error> {
        match self.info(stream).await {
            Ok(info) => Ok(streams::losses(&info.config, 1)),
            Err(failure) => Err(failure.about(stream, "tell the configuration")),
        }
    }

    /// Repeats a request that changes nothing while the store is out of reach, until the deadline of a call.
    pub(super) async fn retrying<T, F>(&self, request: impl Fn() -> F + Send) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let deadline = Instant::now() + self.options.call_timeout;
        let mut backoff = self.backoff();
        loop {
            match request().await {
                Err(Error::Unavailable { .. }) if Instant::now() < deadline => backoff.wait().await,
                answer => return answer,
            }
        }
    }

    pub(super) const fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(10), Duration::from_secs(1))
    }
}
