//! Which archives hold commits of an aggregate.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, PoisonError};

use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_event_store::Subject;

use super::releases::Released;
use super::{Problem, Shelf, blocking};
use crate::Fault;

/// Of each aggregate the archives, in 24 bytes each. Two aggregates may share a hash: then one archive too many is looked into. Cheap to
/// clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Subjects {
    held: Arc<[Held]>,
    /// How many archives were read, from the oldest on.
    archives: usize,
}

/// That an archive holds commits of an aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    subject: u64,
    archive: usize,
    /// The last of them.
    last_sequence: u64,
}

impl Subjects {
    /// Reads the archives that were released since what is known was read.
    pub(super) async fn of(shelf: &Shelf, released: &Released) -> Result<Self, Problem> {
        let earlier = || released.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        let Self { held, archives } = earlier().clone();
        let new = released.seals.get(archives..).unwrap_or_default();
        let (stream, count) = (released.stream.as_str(), new.len());
        tracing::info!(stream.name = stream, count, "reading which aggregates are in archives");
        let mut held = held.to_vec();
        for (place, seal) in (archives..).zip(new) {
            // Not kept open: most of them will not be asked for.
            let archive = shelf.place.sealed(seal).await?;
            let last = move || -> Result<HashMap<u64, u64>, Fault> {
                let commits = archive.commits_from(0)?;
                commits
                    .map(|commit| commit.map(|commit| (hash(&commit.subject), commit.sequence)))
                    .collect()
            };
            let last = blocking(last).await.map_err(|fault| fault.of(&seal.path))?;
            held.extend(last.into_iter().map(|(subject, last_sequence)| Held {
                subject,
                archive: place,
                last_sequence,
            }));
        }
        held.sort_unstable();
        *earlier() = Self::default();
        Ok(Self { held: held.into(), archives: released.seals.len() })
    }

    /// Those of `seals` that may hold commits of `subject` after sequence `after`, the oldest first.
    pub(super) fn seals_with<'a>(
        &self,
        subject: &Subject,
        after: u64,
        seals: &'a [Seal],
    ) -> impl Iterator<Item = &'a Seal> {
        let wanted = hash(subject);
        let first = self.held.partition_point(|held| held.subject < wanted);
        let held = self.held[first..].iter().take_while(move |held| held.subject == wanted);
        held.filter(move |held| held.last_sequence > after)
            .filter_map(|held| seals.get(held.archive))
    }
}

fn hash(subject: &Subject) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.as_str().hash(&mut hasher);
    hasher.finish()
}
