//! Restoring: events into an empty event store, the log into an empty database, files into an empty folder.

use std::collections::BTreeMap;
use std::path::Path;

use prost::Message as _;
use publicdata_audit::leaf;
use publicdata_audit::log::Rebuild;
use publicdata_audit::queries::{self, Filter};
use publicdata_audit_domain::{Checkpoint, Tree, Verifier};
use publicdata_event_store::Store;
use publicdata_event_store::jetstream::StreamOptions;
use publicdata_event_store::restore::Restoring;
use publicdata_views::Database;

use crate::streams::Cursors;
use crate::{Backup, Error, Identities, Progress};

/// Leaves that are read at once.
const PAGE: u32 = 1_000;

/// Where a backup is restored to. Whatever fails, it holds no platform: begin again with another one.
#[derive(Debug)]
pub struct Target<'a> {
    /// The data folder of an event store that does not run yet, and has no streams.
    pub events: &'a Path,
    /// The audit log's database, which holds no log.
    pub database: &'a Database,
    /// The folder that files go below.
    pub root: &'a Path,
}

/// Restores everything that the backup holds, checking each part as it is read.
///
/// # Errors
/// The backup is not what was written, or the target is not empty or cannot be written.
pub async fn run(
    backup: &Backup,
    verifier: &Verifier,
    identities: &Identities,
    target: &Target<'_>,
    progress: Progress<'_>,
) -> Result<Checkpoint, Error> {
    let newest = backup.newest();
    let mut streams = BTreeMap::new();
    for stream in newest.streams.keys() {
        let options = StreamOptions::new(stream, 1);
        streams.insert(stream.clone(), Restoring::begin(target.events, options)?);
    }
    let mut log = Rebuild::begin(target.database, verifier, &backup.checkpoints()).await?;
    let mut events = backup.events(identities);
    while let Some((index, recorded)) = events.next().await? {
        log.append(&recorded).await?;
        if let Some(stream) = streams.get_mut(&recorded.stream) {
            stream.push(&recorded)?;
        }
        progress("events", index + 1, newest.size);
    }
    for stream in streams.into_values() {
        stream.finish()?;
    }
    let restored = log.finish().await?;
    for file in backup.files() {
        backup.read_file(file, identities, Some(target.root.to_owned())).await?;
    }
    Ok(restored)
}

/// Reads every event of a store in the order of the log in `database`, and builds the log's tree anew from what the store has. Answers
/// the tree: of as many events as were found to be what was logged.
///
/// # Errors
/// An event is not what was logged, or cannot be read.
pub async fn read_back(
    store: &Store,
    database: &Database,
    progress: Progress<'_>,
) -> Result<Checkpoint, Error> {
    let mut connection = database.pool().acquire().await?;
    let newest = queries::newest_checkpoint(&mut connection).await?;
    let size = newest.map_or(0, |newest| newest.size);
    let mut cursors = Cursors::after(store, &BTreeMap::new());
    let mut tree = Tree::default();
    while tree.size() < size {
        let range = tree.size()..size;
        let rows = queries::leaves(&mut connection, &Filter::default(), range, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let (stream, sequence, index) = (row.stream, row.sequence, row.index);
            let what = match cursors.next(&stream).await? {
                None => "it is gone",
                Some(recorded) => {
                    let found = leaf::of(&recorded).encode_to_vec();
                    if found == row.leaf && index == tree.size() {
                        tree.append(&found);
                        continue;
                    }
                    "it is another one"
                }
            };
            return Err(Error::EventDiffers { stream, sequence, index, what });
        }
        progress("read back", tree.size(), size);
    }
    Ok(Checkpoint { size: tree.size(), hash: tree.root() })
}
