//! Which archives hold commits of an aggregate.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_event_store::Subject;

use super::releases::Released;
use super::{Problem, Shelf, blocking};
use crate::Fault;

/// Of each aggregate the archives, in 16 bytes each. Two aggregates may share a hash: then one archive too many is looked into.
#[derive(Debug)]
pub(super) struct Subjects(Vec<(u64, usize)>);

impl Subjects {
    /// Reads all archives once.
    pub(super) async fn of(shelf: &Shelf, released: &Released) -> Result<Self, Problem> {
        let (stream, count) = (released.stream.as_str(), released.seals.len());
        tracing::info!(stream.name = stream, count, "reading which aggregates are in archives");
        let mut places = Vec::new();
        for (place, seal) in released.seals.iter().enumerate() {
            // Not kept open: most of them will not be asked for.
            let archive = shelf.place.sealed(seal).await?;
            let hashes = move || -> Result<HashSet<u64>, Fault> {
                archive.commits_from(0)?.map(|commit| Ok(hash(&commit?.subject))).collect()
            };
            let hashes = blocking(hashes).await.map_err(|fault| fault.of(&seal.path))?;
            places.extend(hashes.into_iter().map(|hash| (hash, place)));
        }
        places.sort_unstable();
        places.shrink_to_fit();
        Ok(Self(places))
    }

    /// Those of `seals` that may hold commits of `subject`, the oldest first.
    pub(super) fn seals_with<'a>(
        &self,
        subject: &Subject,
        seals: &'a [Seal],
    ) -> impl Iterator<Item = &'a Seal> {
        let wanted = hash(subject);
        let first = self.0.partition_point(|(hash, _)| *hash < wanted);
        let places = self.0[first..].iter().take_while(move |(hash, _)| *hash == wanted);
        places.filter_map(|(_, place)| seals.get(*place))
    }
}

fn hash(subject: &Subject) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.as_str().hash(&mut hasher);
    hasher.finish()
}
