//! The log over plain HTTP, as the static files of C2SP tlog-tiles: what any client of such logs reads.
//!
//! Nobody is asked who they are: a leaf says where an event stands and what its digest is, and no more.

mod answer;

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use publicdata_audit_domain::proof::Unprovable;
use publicdata_audit_domain::tile::{self, Tile};
use publicdata_audit_domain::tree;
use publicdata_types::Digest;
use publicdata_views::Database;
use sqlx::AnyConnection;
use tokio::time::{Instant, timeout};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::compression::CompressionLayer;

use crate::error::Error;
use crate::queries::{self, Filter, LeafRow};
use crate::shown::Shown;
use answer::Refusal;

/// So many are answered at once: the log's own writer shares the database.
const REQUESTS_MAX: usize = 4;
/// How long an answer may take, waiting for others included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What answers are made from.
#[derive(Clone, Debug)]
pub(crate) struct Tiles {
    pub(crate) database: Database,
    pub(crate) shown: Shown,
}

/// Everything that is answered.
pub(crate) fn router(tiles: Tiles) -> Router {
    let entries = get(bundle).layer(CompressionLayer::new());
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/tile/entries/{*place}", entries)
        .route("/tile/{*place}", get(hashes))
        .fallback(async || Refusal::NoSuchPath)
        .method_not_allowed_fallback(async || Refusal::Method)
        .layer(GlobalConcurrencyLimitLayer::new(REQUESTS_MAX))
        .layer(middleware::from_fn(watch))
        .with_state(tiles)
}

async fn checkpoint(State(tiles): State<Tiles>) -> Result<Response, Refusal> {
    let mut connection = tiles.connection().await?;
    let shown = tiles.shown.checkpoint(&mut connection).await?;
    Ok(answer::checkpoint(shown.note))
}

async fn hashes(
    State(tiles): State<Tiles>,
    Path(place): Path<String>,
) -> Result<Response, Refusal> {
    let tile = named(&format!("tile/{place}"))?;
    let mut connection = tiles.connection().await?;
    in_log(&mut connection, &tile).await?;

    let hashes = stored(&mut connection, &tile).await?;

    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    Ok(answer::tile(bytes))
}

async fn bundle(
    State(tiles): State<Tiles>,
    Path(place): Path<String>,
) -> Result<Response, Refusal> {
    let tile = named(&format!("tile/entries/{place}"))?;
    let mut connection = tiles.connection().await?;
    in_log(&mut connection, &tile).await?;

    let leaves = leaves(&mut connection, &tile).await?;

    let entries = leaves.iter().map(|row| row.leaf.as_slice());
    Ok(answer::tile(tile::bundle(entries).map_err(Error::from)?))
}

impl Tiles {
    async fn connection(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Any>, Error> {
        Ok(self.database.pool().acquire().await?)
    }
}

fn named(path: &str) -> Result<Tile, Refusal> {
    path.parse().map_err(|_| Refusal::NoSuchPath)
}

async fn in_log(connection: &mut AnyConnection, tile: &Tile) -> Result<(), Refusal> {
    let newest = queries::newest_checkpoint(connection).await.map_err(Error::from)?;
    let size = newest.map_or(0, |newest| newest.size);
    match tile.is_in(size) {
        true => Ok(()),
        false => Err(Refusal::NoSuchTile { size }),
    }
}

async fn stored(connection: &mut AnyConnection, tile: &Tile) -> Result<Vec<Digest>, Error> {
    let indexes = tile.stored_indexes();
    let hashes = queries::hashes(connection, &indexes).await?;
    let hashes = indexes.into_iter().map(|index| hashes.at(index));
    hashes.collect::<Result<_, _>>().map_err(|missing| Unprovable::from(missing).into())
}

/// The leaves of a bundle, each held against its hash in the tree.
async fn leaves(connection: &mut AnyConnection, tile: &Tile) -> Result<Vec<LeafRow>, Error> {
    let (first, hashes) = (tile.first(), stored(connection, tile).await?);
    let limit = u32::try_from(tile.width).unwrap_or(u32::MAX);
    let range = first..first + tile.width;
    let leaves = queries::leaves(connection, &Filter::default(), range, limit).await?;

    let mut expected = (first..).zip(&hashes);
    for row in &leaves {
        match expected.next() {
            Some((index, hash)) if index == row.index && *hash == tree::leaf_hash(&row.leaf) => {}
            Some((index, _)) if index < row.index => return Err(Error::LeafLost { index }),
            Some(_) | None => return Err(row.altered()),
        }
    }
    match expected.next() {
        None => Ok(leaves),
        Some((index, _)) => Err(Error::LeafLost { index }),
    }
}

/// Bounds the time of an answer and logs it: what was asked for and how it went, and nothing of who asked (H5).
async fn watch(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = route_of(request.uri().path());
    let answered = timeout(ANSWER_TIMEOUT, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| Refusal::Busy.into_response());

    answer::complete(response.headers_mut());
    tracing::debug!(
        http.route = route,
        http.status = response.status().as_u16(),
        duration_ms = begun.elapsed().as_secs_f64() * 1e3,
        "log was read"
    );
    response
}

/// A path as a log line may show it: what else somebody types may be anything.
fn route_of(path: &str) -> &'static str {
    match path {
        "/checkpoint" => "/checkpoint",
        path if path.starts_with("/tile/entries/") => "/tile/entries/{index}",
        path if path.starts_with("/tile/") => "/tile/{level}/{index}",
        _ => "other",
    }
}
