//! How a bucket is asked: over hyper and rustls with ring, as everything here is. No redirection is followed, and no proxy is known.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use jiff::SignedDuration;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use publicdata_event_store::BoxError;
use publicdata_identity::web_tls;
use tokio::time::timeout;

/// Makes clients that trust the roots that the machine trusts.
#[derive(Debug)]
pub(crate) struct Connector;

#[derive(Debug)]
struct Web {
    client: Client<HttpsConnector<Tcp>, HttpRequestBody>,
    /// Within which an answer has to begin.
    answer_time: Option<Duration>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Web::new(options).map_err(unusable)?))
    }
}

#[async_trait]
impl HttpService for Web {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = self.client.request(request);
        let answer = match self.answer_time {
            Some(limit) => timeout(limit, answer)
                .await
                .map_err(|elapsed| HttpError::new(HttpErrorKind::Timeout, elapsed))?,
            None => answer.await,
        };
        let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
        Ok(answer.map_err(failed)?.map(|body| HttpResponseBody::new(body.map_err(broken))))
    }
}

impl Web {
    fn new(options: &ClientOptions) -> Result<Self, BoxError> {
        let schemes = HttpsConnectorBuilder::new().with_tls_config(web_tls()?);
        let schemes = match allows_http(options.get_config_value(&ClientConfigKey::AllowHttp)) {
            true => schemes.https_or_http(),
            false => schemes.https_only(),
        };
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(limit(options, ClientConfigKey::ConnectTimeout)?);
        let connector = schemes.enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, answer_time: limit(options, ClientConfigKey::Timeout)? })
    }
}

/// Whether a setting lets keys and archives go over the network in the clear.
pub(super) fn allows_http(setting: Option<String>) -> bool {
    let setting = setting.unwrap_or_default().to_ascii_lowercase();
    ["1", "true", "on", "yes", "y"].contains(&setting.as_str())
}

/// A time as it is set, such as `30s`.
fn limit(options: &ClientOptions, key: ClientConfigKey) -> Result<Option<Duration>, BoxError> {
    let Some(text) = options.get_config_value(&key) else { return Ok(None) };
    let unreadable = || format!("`{text}` is no time for `{}`; write `30s`", key.as_ref());
    let time: SignedDuration = text.parse().map_err(|_| unreadable())?;
    Ok(Some(Duration::try_from(time).map_err(|_| unreadable())?))
}

/// Whatever was begun may be begun again: an object that is there by then is not written over.
fn failed(error: ClientError) -> HttpError {
    let kind = match error.is_connect() {
        true => HttpErrorKind::Connect,
        false => HttpErrorKind::Request,
    };
    HttpError::new(kind, error)
}

fn unusable(source: BoxError) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source }
}
