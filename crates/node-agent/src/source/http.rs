//! JSON over HTTP: an array of objects, page by page, as the interfaces of many systems give it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value as Json};
use tokio::time::timeout;
use url::Url;

use super::batch::Rows;
use super::tls::{TlsRuleError, is_this_machine, trusting};
use super::value::Value;
use super::{
    Batches, Cause, Connector, Origin, Reading, RowFilter, Sender, SourceError, check_columns,
    produce,
};
use crate::config::Secret;

/// How long a page may take.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);
/// A page is held in memory as a whole.
const PAGE_BYTES_MAX: usize = 64 << 20;
/// A service that always names another page would never end.
const PAGES_MAX: u32 = 1_000_000;

/// JSON over HTTP.
#[derive(Clone)]
pub struct Http {
    /// Which source.
    pub origin: Origin,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    headers: HeaderMap,
    url: Url,
    /// Where in a page its objects are, as a JSON pointer (RFC 6901); empty if the page is the array.
    rows: String,
    /// Where in a page the address of the next one is; empty if there is one page alone.
    next: String,
}

/// The objects of a page, and where the next one is.
type Page = (Vec<Map<String, Json>>, Option<Url>);

/// Why a source cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is none.
    #[error("`url` is not an address such as https://host/path")]
    Url,
    /// It would be asked without protection.
    #[error("the service is not on this machine: its `url` has to begin with https")]
    Plain,
    /// A header is none.
    #[error("header `{name}` cannot be sent")]
    Header {
        /// Its name.
        name: String,
    },
    /// The connection would be unprotected, or its roots are unusable.
    #[error(transparent)]
    Tls(#[from] TlsRuleError),
}

/// What is wrong with a page. No message holds data (H5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum PageError {
    #[error("it did not answer within {} s", PAGE_TIMEOUT.as_secs())]
    Silent,
    #[error("its answer broke off")]
    CutShort,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is larger than {PAGE_BYTES_MAX} bytes; let it answer in pages")]
    TooLarge,
    #[error("its answer is not JSON, at line {line}, column {column}")]
    Json { line: usize, column: usize },
    #[error("its answer has no array at `{0}`")]
    Rows(String),
    #[error("entry {0} of its answer is no object")]
    Entry(usize),
    #[error("its answer names a next page that is no address on the same host")]
    Next,
    #[error("it named more than {PAGES_MAX} pages")]
    Endless,
}

impl Http {
    /// Sets up a source. Nothing is asked yet.
    ///
    /// # Errors
    /// Says what of the configuration cannot be used.
    pub fn new(
        origin: Origin,
        url: &str,
        (rows, next): (&str, &str),
        headers: &BTreeMap<String, Secret>,
        ca: Option<&Path>,
    ) -> Result<Self, HttpError> {
        let url: Url = url.parse().map_err(|_| HttpError::Url)?;
        let host = url.host_str().ok_or(HttpError::Url)?;
        match (url.scheme(), ca) {
            ("https", Some(_)) => {}
            ("http", None) if is_this_machine(host) => {}
            ("https", None) => return Err(HttpError::Tls(TlsRuleError::RootsMissing)),
            ("http", _) => return Err(HttpError::Plain),
            _ => return Err(HttpError::Url),
        }

        let mut sent = HeaderMap::new();
        sent.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let wrong = || HttpError::Header { name: name.clone() };
            let header: HeaderName = name.parse().map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(&value.0).map_err(|_| wrong())?;
            value.set_sensitive(true);
            sent.insert(header, value);
        }
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(ca)?)
            .https_or_http()
            .enable_http1()
            .build();
        // It follows no redirection and knows no proxy: what is configured is asked, and nobody whom that names.
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let (rows, next) = (rows.to_owned(), next.to_owned());
        Ok(Self { origin, client, headers: sent, url, rows, next })
    }

    /// The objects of a page, and where the next one is.
    async fn page(&self, url: Url) -> Result<Page, SourceError> {
        match timeout(PAGE_TIMEOUT, self.bytes(&url)).await {
            Ok(bytes) => self.read_page(&url, &bytes?).map_err(|error| self.broken(error)),
            Err(_) => Err(self.unanswered(PageError::Silent)),
        }
    }

    async fn bytes(&self, url: &Url) -> Result<Bytes, SourceError> {
        let uri: Uri = url.as_str().parse().map_err(|_| self.broken(PageError::Next))?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| SourceError::unavailable(&self.origin, error))?;
        if !answer.status().is_success() {
            return Err(self.unanswered(PageError::Status(answer.status().as_u16())));
        }
        match Limited::new(answer.into_body(), PAGE_BYTES_MAX).collect().await {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(self.broken(PageError::TooLarge)),
            Err(_) => Err(self.unanswered(PageError::CutShort)),
        }
    }

    fn read_page(&self, url: &Url, bytes: &[u8]) -> Result<Page, PageError> {
        let mut page: Json = serde_json::from_slice(bytes)
            .map_err(|error| PageError::Json { line: error.line(), column: error.column() })?;
        let next = match page.pointer(&self.next).filter(|_| !self.next.is_empty()) {
            None | Some(Json::Null) => None,
            Some(Json::String(next)) if next.is_empty() => None,
            Some(next) => {
                let next = next.as_str().and_then(|next| url.join(next).ok());
                // Credentials are sent along: they are for this host alone.
                let next = next.filter(|next| next.origin() == self.url.origin());
                Some(next.ok_or(PageError::Next)?)
            }
        };
        let rows = page.pointer_mut(&self.rows).map(Json::take);
        let Some(Json::Array(rows)) = rows else {
            return Err(PageError::Rows(self.rows.clone()));
        };
        let object = |(index, row)| match row {
            Json::Object(row) => Ok(row),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                Err(PageError::Entry(index + 1))
            }
        };
        Ok((rows.into_iter().enumerate().map(object).collect::<Result<_, _>>()?, next))
    }

    async fn send(&self, readings: &[Reading], sender: &Sender) -> Result<(), SourceError> {
        let mut rows = Rows::new(self.origin.clone(), readings);
        let mut next = Some(self.url.clone());
        let mut pages = 0;
        while let Some(url) = next.take() {
            let (page, following) = self.page(url).await?;
            if pages == 0 && !page.is_empty() {
                check_columns(&self.origin, readings, &names(&page))?;
            }
            for row in &page {
                for (column, reading) in readings.iter().enumerate() {
                    push(&mut rows, column, row.get(&reading.column))?;
                }
                if let Some(batch) = rows.end_row()?
                    && sender.send(Ok(batch)).await.is_err()
                {
                    return Ok(());
                }
            }
            pages += 1;
            if pages > PAGES_MAX {
                return Err(self.broken(PageError::Endless));
            }
            next = following;
        }
        if let Some(batch) = rows.finish()? {
            let _ = sender.send(Ok(batch)).await;
        }
        Ok(())
    }

    fn unanswered(&self, error: PageError) -> SourceError {
        SourceError::Unavailable { origin: self.origin.clone(), source: Cause::new(error) }
    }

    fn broken(&self, error: PageError) -> SourceError {
        SourceError::Broken { origin: self.origin.clone(), row: None, source: Cause::new(error) }
    }
}

#[async_trait]
impl Connector for Http {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The names in the first page: an object need not have each.
    async fn columns(&self) -> Result<Vec<String>, SourceError> {
        let (page, _) = self.page(self.url.clone()).await?;
        Ok(names(&page))
    }

    fn read(&self, readings: Vec<Reading>, _: Option<RowFilter>) -> Batches {
        let this = self.clone();
        produce(move |sender| async move { this.send(&readings, &sender).await })
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn names(page: &[Map<String, Json>]) -> Vec<String> {
    let mut names: Vec<String> = page.iter().flat_map(Map::keys).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What an object lacks is null; what is itself made of parts is its JSON.
fn push(rows: &mut Rows, column: usize, value: Option<&Json>) -> Result<(), SourceError> {
    match value {
        None | Some(Json::Null) => rows.push(column, Value::Null),
        Some(Json::Bool(value)) => rows.push(column, Value::Logical(*value)),
        Some(Json::String(text)) => rows.push(column, Value::Text(text)),
        Some(Json::Number(number)) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => rows.push(column, Value::Integer(number)),
            (None, None, Some(number)) => rows.push(column, Value::Double(number)),
            (None, _, _) => rows.push(column, Value::Text(&number.to_string())),
        },
        Some(parts @ (Json::Array(_) | Json::Object(_))) => {
            rows.push(column, Value::Text(&parts.to_string()))
        }
    }
}

/// Who vouches for a server; nobody where none is asked by TLS.
fn tls(ca: Option<&Path>) -> Result<ClientConfig, HttpError> {
    if let Some(ca) = ca {
        return Ok(trusting(ca)?);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| HttpError::Tls(TlsRuleError::Tls(error)))?;
    Ok(versions.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}
