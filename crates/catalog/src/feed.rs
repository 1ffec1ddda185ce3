//! The published catalogue over HTTP, for other platforms' harvesters: DCAT, page by page, and what changed (R23.3).
//!
//! Nothing is shown that was not published. Whether strangers may reach the port at all is for the network to say.

mod answer;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use publicdata_catalogue_formats::dcat::{Links, Offer, Syntax, Writer};
use publicdata_catalogue_formats::json;
use publicdata_proto::catalog::v1::Resource;
use publicdata_service_kit::Tasks;
use publicdata_types::{PageToken, ResourceCode};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::changes::{self, Cursor};
use crate::config::FeedConfig;
use crate::entry::{Reader, Status};
use crate::error::Error;
use crate::grpc::Resources;
use crate::queries;
use crate::queries::listing::{Listing, list};
use answer::Failure;

/// How long harvesters may go on after shutdown has begun.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
const CHANGES: usize = 500;
const CHANGES_MAX: usize = 1_000;

/// A feed that holds its port, and does not answer yet.
#[derive(Debug)]
pub(crate) struct BoundFeed {
    listener: TcpListener,
    address: SocketAddr,
    offer: Offer,
}

/// Why the feed does not start.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen at {address}; is another process using the port?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The address that others know it by cannot begin a URI.
    #[error("`feed.base_url` cannot begin a URI")]
    BaseUrl,
}

/// What answers are made from.
#[derive(Clone, Debug)]
struct Feed {
    resources: Resources,
    offer: Offer,
}

#[derive(Debug, Deserialize)]
struct PageQuery {
    #[serde(default)]
    page: String,
}

#[derive(Debug, Deserialize)]
struct ChangesQuery {
    #[serde(default)]
    cursor: String,
    limit: Option<usize>,
}

// === impl BoundFeed ===

impl BoundFeed {
    /// Takes the port at once. Port 0 takes a free one.
    pub(crate) fn bind(config: &FeedConfig) -> Result<Self, FeedError> {
        let listen = || {
            let listener = std::net::TcpListener::bind(config.listen)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((TcpListener::from_std(listener)?, address))
        };
        let (listener, address) =
            listen().map_err(|source| FeedError::Listen { address: config.listen, source })?;
        let base = match &config.base_url {
            Some(base) => base.clone(),
            None => format!("http://{address}"),
        };
        let offer = Offer::new(&base, &config.title, &config.publisher);
        Ok(Self { listener, address, offer: offer.map_err(|_| FeedError::BaseUrl)? })
    }

    /// Where it listens, with the port that it got.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What it offers, and how its datasets are named.
    pub(crate) fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Answers until shutdown, as one of the service's tasks.
    pub(crate) fn spawn(self, tasks: &Tasks, resources: Resources) {
        tracing::info!(server.address = %self.address, "feed answers");
        let shutdown = tasks.shutdown().clone();
        let router = router(Feed { resources, offer: self.offer });
        tasks.try_spawn(format!("feed at {}", self.address), async move {
            let server = axum::serve(self.listener, router)
                .with_graceful_shutdown(shutdown.clone().cancelled_owned());
            let mut server = std::pin::pin!(server.into_future());
            tokio::select! {
                ended = &mut server => return ended,
                () = shutdown.cancelled() => {}
            }
            timeout(DRAIN_DEADLINE, server).await.unwrap_or(Ok(()))
        });
    }
}

fn router(feed: Feed) -> Router {
    let mut router = Router::new()
        .route("/catalog", get(negotiated))
        .route("/dataset/{slug}", get(dataset))
        .route("/changes", get(changes));
    for syntax in Syntax::ALL {
        let path = format!("/catalog.{}", syntax.ending());
        let answer =
            async move |State(feed): State<Feed>, Query(query): Query<PageQuery>, headers| {
                feed.page(syntax, &query.page, &headers).await
            };
        router = router.route(&path, get(answer));
    }
    router.with_state(feed)
}

async fn negotiated(
    State(feed): State<Feed>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    feed.page(answer::accepted(&headers), &query.page, &headers).await
}

async fn dataset(
    State(feed): State<Feed>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    feed.dataset(answer::accepted(&headers), &slug, &headers).await
}

async fn changes(
    State(feed): State<Feed>,
    Query(query): Query<ChangesQuery>,
) -> Result<Response, Failure> {
    let cursor = match query.cursor.as_str() {
        "" => Cursor::default(),
        text => text.parse().map_err(|error| Error::field("cursor", error))?,
    };
    let limit = query.limit.unwrap_or(CHANGES).clamp(1, CHANGES_MAX);
    let page = changes::page(&feed.resources, cursor, limit).await?;

    let mut lines = String::new();
    for change in &page.changes {
        let line = json::to_value(change).map_err(|error| Error::Internal(error.into()))?;
        lines.push_str(&format!("{line}\n"));
    }
    // Where to go on is always said, also if nothing changed.
    let end = serde_json::json!({ "cursor": page.cursor.to_string(), "more": page.more });
    lines.push_str(&format!("{end}\n"));
    Ok(([("content-type", "application/x-ndjson")], lines).into_response())
}

// === impl Feed ===

impl Feed {
    async fn page(
        &self,
        syntax: Syntax,
        page: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let after = match page {
            "" => String::new(),
            token => {
                let token: Result<PageToken, _> = token.parse();
                token.map_err(|error| Error::field("page", error))?.key().to_owned()
            }
        };
        let listing = Listing { status: Some(Status::Published), ..Listing::default() };
        let database = &self.resources.shared.database;
        let listed = list(database, Reader::Service, &listing, &after).await;
        let listed = listed.map_err(Error::from)?;
        let mut entries = Vec::with_capacity(listed.entries.len());
        for entry in listed.entries {
            entries.push(self.resources.to_wire(entry).await?);
        }

        let file = format!("catalog.{}", syntax.ending());
        let path = |token: &str| format!("{file}?page={token}");
        let links = Links {
            this: if page.is_empty() { file.clone() } else { path(page) },
            first: file.clone(),
            next: listed.next.map(|next| path(&PageToken::after(next).to_string())),
        };
        let body = self.written(syntax, Some(&links), &entries)?;
        let next = links.next.map(|next| self.offer.url(&next));
        Ok(answer::rdf(syntax, body, latest(&entries), next.as_deref(), headers))
    }

    async fn dataset(
        &self,
        syntax: Syntax,
        slug: &str,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let code: ResourceCode =
            slug.replacen('-', "/", 1).parse().map_err(|_| Error::ResourceNotFound)?;
        let entry = queries::by_code(&self.resources.shared.database, &code).await;
        let entry = entry.map_err(Error::from)?.and_then(|entry| entry.seen_by(Reader::Service));
        let entry = entry.filter(|entry| entry.status == Status::Published);
        let entry = self.resources.to_wire(entry.ok_or(Error::ResourceNotFound)?).await?;
        let entries = [entry];
        let body = self.written(syntax, None, &entries)?;
        Ok(answer::rdf(syntax, body, latest(&entries), None, headers))
    }

    fn written(
        &self,
        syntax: Syntax,
        links: Option<&Links>,
        entries: &[Resource],
    ) -> Result<Vec<u8>, Error> {
        let write = || {
            let mut writer = Writer::new(Vec::new(), syntax, &self.offer, links)?;
            entries.iter().try_for_each(|entry| writer.dataset(entry))?;
            writer.finish()
        };
        write().map_err(|error: io::Error| Error::Internal(error.into()))
    }
}

fn latest(entries: &[Resource]) -> Option<jiff::Timestamp> {
    let times = entries.iter().filter_map(|entry| entry.updated_at.as_ref());
    times.filter_map(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok()).max()
}
