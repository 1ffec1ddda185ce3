//! Replays logged events: leaves from the log, payloads from the event store, each held against the other.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use prost::Message as _;
use publicdata_audit_domain::tree;
use publicdata_event_store::{Commits, Recorded, Store};
use publicdata_proto::audit::v1::Leaf;
use publicdata_views::Database;

use crate::error::Error;
use crate::leaf;
use crate::queries::{self, Filter, LeafRow};

/// Leaves that are read at once.
const PAGE: u32 = 256;
/// Further than this, a stream is opened anew at the event that is wanted, rather than read up to it.
const SKIP_MAX: u64 = 256;

/// A logged event, as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The place in the log.
    pub index: u64,
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
    /// The payload.
    pub payload: Bytes,
}

/// Replays what the filter lets through, in the order of the log, as far as the log reaches now.
///
/// Memory is bounded: a page of leaves, and what the store reads ahead of each stream.
pub async fn replay(
    database: Database,
    store: Store,
    filter: Filter,
) -> Result<impl Stream<Item = Result<Event, Error>>, Error> {
    replay_from(database, store, filter, 0).await
}

/// The same from the place `next` in the log on.
pub(crate) async fn replay_from(
    database: Database,
    store: Store,
    filter: Filter,
    next: u64,
) -> Result<impl Stream<Item = Result<Event, Error>>, Error> {
    let mut connection = database.pool().acquire().await?;
    let newest = queries::newest_checkpoint(&mut connection).await?;
    drop(connection);

    let replay = Replay {
        database,
        store,
        filter,
        next,
        end: newest.map_or(0, |checkpoint| checkpoint.size),
        page: VecDeque::new(),
        cursors: HashMap::new(),
    };
    Ok(stream::try_unfold(replay, |mut replay| async move {
        let event = replay.event().await?;
        Ok(event.map(|event| (event, replay)))
    }))
}

struct Replay {
    database: Database,
    store: Store,
    filter: Filter,
    /// The first leaf that was not read yet.
    next: u64,
    /// The size of the log when the replay began.
    end: u64,
    page: VecDeque<LeafRow>,
    cursors: HashMap<String, Cursor>,
}

/// A stream that is being read.
struct Cursor {
    commits: Commits,
    next: u64,
}

impl Replay {
    async fn event(&mut self) -> Result<Option<Event>, Error> {
        let Some(row) = self.row().await? else { return Ok(None) };
        let place = || (row.stream.clone(), row.sequence);

        let Some(recorded) = self.recorded(&row.stream, row.sequence).await? else {
            let (stream, sequence) = place();
            return Err(Error::EventLost { stream, sequence, index: row.index });
        };
        let logged = Leaf::decode(row.leaf.as_slice()).map_err(|_| row.altered())?;
        if let Some(what) = leaf::difference(&logged, &leaf::of(&recorded)) {
            let (stream, sequence) = place();
            return Err(Error::EventChanged { stream, sequence, index: row.index, what });
        }
        Ok(Some(Event { index: row.index, leaf: row.leaf, payload: recorded.payload }))
    }

    async fn row(&mut self) -> Result<Option<LeafRow>, Error> {
        if self.page.is_empty() && self.next < self.end {
            let mut connection = self.database.pool().acquire().await?;
            let range = self.next..self.end;
            let page = queries::leaves(&mut connection, &self.filter, range, PAGE).await?;
            let indexes: Vec<u64> =
                page.iter().map(|row| tree::stored_leaf_index(row.index)).collect();
            let hashes = queries::hashes(&mut connection, &indexes).await?;
            let is_whole = |(row, index): (&LeafRow, &u64)| {
                hashes.at(*index) == Ok(tree::leaf_hash(&row.leaf))
            };
            let whole = page.iter().zip(&indexes).take_while(|pair| is_whole(*pair)).count();
            // What stands before a damaged leaf is handed out first.
            match page.get(whole) {
                Some(damaged) if whole == 0 => return Err(damaged.altered()),
                Some(damaged) => self.next = damaged.index,
                None => self.next = page.last().map_or(self.end, |row| row.index + 1),
            }
            self.page = page.into_iter().take(whole).collect();
        }
        Ok(self.page.pop_front())
    }

    /// The event at `sequence` of `stream`, unless the store has lost it.
    async fn recorded(&mut self, stream: &str, sequence: u64) -> Result<Option<Recorded>, Error> {
        let open = self.cursors.remove(stream);
        let near = open.filter(|cursor| (cursor.next..cursor.next + SKIP_MAX).contains(&sequence));
        if let Some(mut cursor) = near
            && let Some(found) = unless_lost(cursor.read_to(sequence).await)?
        {
            self.cursors.insert(stream.to_owned(), cursor);
            return Ok(Some(found));
        }
        // The cursor may have been opened before this event was stored, or before one that is lost.
        let Some(mut cursor) =
            unless_lost(Cursor::open(&self.store, stream, sequence).await.map(Some))?
        else {
            return Ok(None);
        };
        let found = unless_lost(cursor.read_to(sequence).await)?;
        self.cursors.insert(stream.to_owned(), cursor);
        Ok(found)
    }
}

impl Cursor {
    async fn open(store: &Store, stream: &str, from: u64) -> Result<Self, Error> {
        Ok(Self { commits: store.read(stream, from, None).await?, next: from })
    }

    async fn read_to(&mut self, sequence: u64) -> Result<Option<Recorded>, Error> {
        while let Some(recorded) = self.commits.next().await {
            let recorded = recorded?;
            self.next = recorded.sequence + 1;
            if recorded.sequence == sequence {
                return Ok(Some(recorded));
            }
            if recorded.sequence > sequence {
                return Ok(None);
            }
        }
        Ok(None)
    }
}

/// What the store no longer has, or no longer has as a commit, is lost.
fn unless_lost<T>(found: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    use publicdata_event_store::Error as StoreError;

    match found {
        Err(Error::Store(
            StoreError::Gap { .. } | StoreError::Truncated { .. } | StoreError::Malformed { .. },
        )) => Ok(None),
        found => found,
    }
}
