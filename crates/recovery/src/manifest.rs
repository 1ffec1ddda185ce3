//! Manifests: what one run added, how far the backup reaches with it, and what came before.

use std::collections::BTreeMap;

use jiff::Timestamp;
use publicdata_types::Digest;
use serde::{Deserialize, Serialize};

use crate::files::FileEntry;
use crate::segment::SegmentFile;
use crate::views::ViewDigest;

/// The form that is described here.
pub const FORMAT: u32 = 1;

/// What one run added to a backup. It holds no secret and no personal data, and is readable without a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Its number, from 1.
    pub number: u64,
    /// Digest of the manifest before it; none for the first.
    #[serde(with = "optional_digest_text")]
    pub previous_sha256: Option<Digest>,
    /// The log's name.
    pub origin: String,
    /// When the run ended.
    pub made_at: Timestamp,
    /// The log's checkpoint: what its events are verified with.
    pub checkpoint: String,
    /// How many events the backup holds, from the first on: as many as the checkpoint's tree has leaves.
    pub size: u64,
    /// The right edge of that tree, from left to right: from it the next run goes on.
    #[serde(with = "digest_texts")]
    pub edge: Vec<Digest>,
    /// The last sequence of each stream.
    pub streams: BTreeMap<String, u64>,
    /// When the newest event was received.
    pub newest_recorded_at: Option<Timestamp>,
    /// Whom the sealed files are encrypted for.
    pub recipients: Vec<String>,
    /// Events that came with this run.
    pub segments: Vec<SegmentFile>,
    /// Files that came with this run.
    pub files: Vec<FileEntry>,
    /// What the services' views held, before the checkpoint was taken.
    pub views: Vec<ViewDigest>,
}

/// The name of a manifest's file.
pub(crate) fn name(number: u64) -> String {
    format!("{number:08}.json")
}

/// A digest, as text.
pub(crate) mod digest_text {
    use publicdata_types::Digest;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(
        digest: &Digest,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(digest)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

mod optional_digest_text {
    use publicdata_types::Digest;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        digest: &Option<Digest>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        digest.map(|digest| digest.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Digest>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

mod digest_texts {
    use publicdata_types::Digest;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        digests: &[Digest],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(digests.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Digest>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}
