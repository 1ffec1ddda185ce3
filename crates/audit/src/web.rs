//! Asking others over HTTP: bounded in time and size, no redirection followed, no proxy known.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use publicdata_identity::web_tls;
use publicdata_service_kit::tasks::BoxError;
use tokio::time::timeout;

/// Asks over HTTP, and HTTPS with the roots that the machine trusts. Clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Web(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// It cannot be asked, or the connection broke.
    #[error("the request failed")]
    Failed(#[source] BoxError),
    /// It takes too long.
    #[error("there was no answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It says too much.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) time: Duration,
    pub(crate) body_bytes: usize,
}

impl Web {
    /// Asks nothing yet.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(web_tls()?)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Reads what stands at this address.
    pub(crate) async fn get(&self, uri: Uri, limits: Limits) -> Result<Answer, WebError> {
        self.ask(Method::GET, uri, Bytes::new(), limits).await
    }

    /// Hands something in.
    pub(crate) async fn post(
        &self,
        uri: Uri,
        body: Bytes,
        limits: Limits,
    ) -> Result<Answer, WebError> {
        self.ask(Method::POST, uri, body, limits).await
    }

    async fn ask(
        &self,
        method: Method,
        uri: Uri,
        body: Bytes,
        limits: Limits,
    ) -> Result<Answer, WebError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        let answered = async {
            let answer = self.0.request(request).await;
            let answer = answer.map_err(|error| WebError::Failed(error.into()))?;
            let status = answer.status();
            match Limited::new(answer.into_body(), limits.body_bytes).collect().await {
                Ok(body) => Ok(Answer { status, body: body.to_bytes() }),
                Err(error) if error.is::<LengthLimitError>() => {
                    Err(WebError::TooLong(limits.body_bytes))
                }
                Err(error) => Err(WebError::Failed(error)),
            }
        };
        timeout(limits.time, answered).await.unwrap_or(Err(WebError::Silent(limits.time)))
    }
}
