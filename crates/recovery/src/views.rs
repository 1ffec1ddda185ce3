//! What services' views hold, and whether restored events make the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use publicdata_event_store::Store;
use publicdata_types::Digest;
use publicdata_views::{Projector, ProjectorError};
use serde::{Deserialize, Serialize};

use crate::manifest::digest_text;
use crate::streams::UpTo;

/// What a view held at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewDigest {
    /// The service that has it.
    pub service: String,
    /// Its name.
    pub view: String,
    /// How many rows it has.
    pub rows: u64,
    /// Over its rows.
    #[serde(with = "digest_text")]
    pub sha256: Digest,
    /// The last event of each stream that is in it.
    pub positions: BTreeMap<String, u64>,
}

/// A view that was built again, held against what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The service that has it.
    pub service: String,
    /// Its name.
    pub view: String,
    /// How many rows it has now.
    pub rows: u64,
    /// Over its rows now.
    #[serde(with = "digest_text")]
    pub sha256: Digest,
    /// Whether it had the same.
    pub equal: bool,
}

/// What this view holds now.
///
/// # Errors
/// Its database cannot be read.
pub async fn digest(service: &str, projector: &Projector) -> Result<ViewDigest, ProjectorError> {
    let (positions, content) = projector.stored_content().await?;
    let positions = positions.into_iter().map(|(stream, last)| (stream.to_owned(), last));
    Ok(ViewDigest {
        service: service.to_owned(),
        view: projector.name().to_owned(),
        rows: content.rows,
        sha256: content.digest,
        positions: positions.collect(),
    })
}

/// A store that ends where the view ended when it was digested: what a view is to be built again from.
#[must_use]
pub fn as_of(store: &Store, view: &ViewDigest) -> Store {
    Arc::new(UpTo::new(Arc::clone(store), view.positions.clone()))
}

/// Builds the view again, from a store that [`as_of`] gave, and holds it against what it was.
///
/// # Errors
/// An event cannot be applied, or store or database failed.
pub async fn compare(
    before: &ViewDigest,
    projector: &Projector,
) -> Result<Compared, ProjectorError> {
    let content = projector.rebuild().await?.content;
    Ok(Compared {
        service: before.service.clone(),
        view: before.view.clone(),
        rows: content.rows,
        sha256: content.digest,
        equal: (content.rows, content.digest) == (before.rows, before.sha256),
    })
}
