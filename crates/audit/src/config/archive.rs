//! What is set about the archives of streams (R23.2).

use publicdata_archive::{Place, PlaceError};
use serde::Deserialize;

/// A year: what is asked for often is near.
const AFTER_DAYS: u32 = 365;

/// Where and when events of streams are archived. Archives are never deleted, so nothing here says for how long they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// The place: `file:///<folder>`, which may be a mount, or `s3://<bucket>/<prefix>`, with the key to it in the environment, as
    /// [`Place::open`] says.
    pub url: String,
    /// For how many days a month has been over when its events are archived.
    #[serde(default = "after_days")]
    pub after_days: u32,
}

impl ArchiveConfig {
    /// Archives at this place, a year later.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), after_days: AFTER_DAYS }
    }

    /// Where archives are kept.
    pub(crate) fn place(&self) -> Result<Place, PlaceError> {
        Place::open(&self.url)
    }
}

const fn after_days() -> u32 {
    AFTER_DAYS
}
