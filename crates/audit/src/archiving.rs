//! Archives streams: takes logged events from the streams into files, and seals them (R23.2).
//!
//! Every step begins with what the events say, and ends with an event: whatever is interrupted is done again from its beginning, and
//! nothing is done twice. What a crash leaves behind are files that no seal names.

use std::collections::VecDeque;

use futures::StreamExt as _;
use jiff::Timestamp;
use prost::Message as _;
use publicdata_archive::pack::EVENTS_MAX;
use publicdata_archive::{Archive, Packed, Packer, Place, Row, StreamArchives};
use publicdata_audit_domain::archive::{Archive as Seal, Command};
use publicdata_audit_domain::tree::{self, Hashes};
use publicdata_audit_domain::{Checkpoint, Verifier};
use publicdata_event_store::aggregates::{Aggregates, Meta};
use publicdata_event_store::{Error as StoreError, Recorded, Store};
use publicdata_proto::audit::v1::Leaf;
use publicdata_service_kit::Clock;
use publicdata_types::{CommandId, Digest};
use publicdata_views::Database;
use uuid::Uuid;

use crate::error::Error;
use crate::leaf;
use crate::queries::{self, LeafRow, SignedCheckpoint};

mod policy;
mod release;

pub(crate) mod grpc;

pub(crate) use policy::{Policy, Problems};

/// Leaves that are read at once, with the hashes between them.
const PAGE: u64 = 256;

/// Archives streams, from where their archives end. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Archivist {
    pub(crate) store: Store,
    pub(crate) database: Database,
    pub(crate) place: Place,
    pub(crate) archives: Aggregates<StreamArchives>,
    pub(crate) verifier: Verifier,
    pub(crate) clock: Clock,
    /// Who seals: this service.
    pub(crate) actor: String,
}

/// How it stands with archives, for whoever asks.
#[derive(Clone)]
pub struct Archiving {
    archives: Aggregates<StreamArchives>,
    pub(crate) problems: Problems,
}

/// The log as it was signed: no event that was logged after it is archived.
#[derive(Clone, Copy)]
pub(crate) struct Signed(Checkpoint);

/// The logged events of a stream, each with its leaf.
struct Logged<'a> {
    archivist: &'a Archivist,
    stream: &'a str,
    /// The tree that they are held against.
    tree: Checkpoint,
    /// The sequence that comes next.
    next: u64,
    /// The first leaf of the log that nothing stands for yet.
    next_index: u64,
    page: VecDeque<(LeafRow, Vec<Digest>)>,
}

impl Archivist {
    /// Seals the next archive of `stream`, up to the last event that was received before this moment, and is logged; none, if none was.
    pub(crate) async fn seal_next(
        &self,
        stream: &str,
        before: Timestamp,
        signed: &Signed,
    ) -> Result<Option<Seal>, Error> {
        let (archives, _) = self.archives.get(stream).await?;
        let first = archives.last_sequence() + 1;
        let Some((packed, tree)) = self.pack(stream, first, before, signed).await? else {
            return Ok(None);
        };
        if let Some(newest) = archives.sealed().last() {
            self.is_there(&newest.path).await?;
        }
        // What cannot be proven is not stored.
        let proven =
            Archive::open(packed.bytes.clone()).and_then(|file| file.prove(&self.verifier));
        proven.map_err(unwritable)?;
        self.place.put(&packed).await?;
        let seal = packed.seal(tree);
        // Everything is read back from the place, and held against the log's signed root.
        self.place.verify(&seal, &self.verifier).await?;

        let name = format!("stream-archive-{stream}-{}-{}", seal.first_sequence, seal.digest);
        let meta = self.meta(&name);
        self.archives.execute(stream, &meta, Command::Seal(seal.clone())).await?;
        tracing::info!(
            stream.name = stream,
            first = seal.first_sequence,
            last = seal.last_sequence,
            file = seal.path,
            "events are archived"
        );
        Ok(Some(seal))
    }

    /// A command that is the same, however often it is given.
    fn meta(&self, name: &str) -> Meta {
        Meta {
            command_id: CommandId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())),
            actor: self.actor.clone(),
            at: self.clock.now(),
            traceparent: None,
        }
    }

    /// A folder that is not mounted looks like one that is empty: what is archived there would not be found again.
    async fn is_there(&self, path: &str) -> Result<(), Error> {
        match self.place.has(path).await? {
            true => Ok(()),
            false => Err(Error::NotWhereItWas { path: path.to_owned() }),
        }
    }

    /// The log as it is now.
    pub(crate) async fn signed(&self) -> Result<Signed, Error> {
        let mut connection = self.database.pool().acquire().await?;
        let newest = queries::newest_checkpoint(&mut connection).await?;
        let SignedCheckpoint { note, .. } = newest.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Signed(self.verifier.checkpoint(note.as_bytes())?))
    }

    /// The oldest checkpoint that covers so many leaves: whoever archives the same events, and how often, writes the same file.
    async fn covering(&self, size: u64) -> Result<(String, Checkpoint), Error> {
        let mut connection = self.database.pool().acquire().await?;
        let oldest = queries::checkpoint_from(&mut connection, size).await?;
        let SignedCheckpoint { note, .. } = oldest.ok_or(sqlx::Error::RowNotFound)?;
        let tree = self.verifier.checkpoint(note.as_bytes())?;
        Ok((note, tree))
    }

    async fn pack(
        &self,
        stream: &str,
        first: u64,
        before: Timestamp,
        signed: &Signed,
    ) -> Result<Option<(Packed, Checkpoint)>, Error> {
        let Signed(tree) = *signed;
        let mut commits = match self.store.read(stream, first, None).await {
            Ok(commits) => commits,
            Err(StoreError::UnknownStream { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let last = self.last_before(stream, first, before, &tree).await?;
        let (next_index, page) = (0, VecDeque::new());
        let mut logged = Logged { archivist: self, stream, tree, next: first, next_index, page };
        let mut packer = Packer::new().map_err(unwritable)?;
        while !packer.is_full()
            && let Some((row, log_hashes_before)) = logged.next().await?
            && row.sequence <= last
        {
            let recorded = commits.next().await.transpose()?;
            let recorded = whole(&row, recorded)?;
            let log_index = row.index;
            packer.push(Row { recorded, log_index, log_hashes_before }).map_err(unwritable)?;
            logged.next_index = log_index + 1;
        }
        if packer.extent().is_none() {
            return Ok(None);
        }
        let (note, tree) = self.covering(logged.next_index).await?;
        let after = self.between(&[(logged.next_index, tree.size)]).await?.pop();
        let packed = packer.finish(&note, &after.unwrap_or_default()).map_err(unwritable)?;
        Ok(Some((packed, tree)))
    }

    /// The last event received before this moment, of those that one archive holds from `first` on, and the tree has; 0 for none. Whatever
    /// comes before it in the stream was received before it, also where the store's clock was ahead and says otherwise.
    async fn last_before(
        &self,
        stream: &str,
        first: u64,
        before: Timestamp,
        tree: &Checkpoint,
    ) -> Result<u64, Error> {
        let mut connection = self.database.pool().acquire().await?;
        let sequences = first..first + EVENTS_MAX;
        let last =
            queries::last_received_before(&mut connection, stream, sequences, tree.size, before);
        Ok(last.await?.unwrap_or(0))
    }

    /// What stands for the leaves of each of these spans of the log.
    async fn between(&self, spans: &[(u64, u64)]) -> Result<Vec<Vec<Digest>>, Error> {
        let indexes: Vec<Vec<u64>> =
            spans.iter().map(|(from, to)| tree::cover_indexes(*from, *to)).collect();
        let mut connection = self.database.pool().acquire().await?;
        let mut hashes = Hashes::default();
        // As many as a statement takes.
        for part in indexes.concat().chunks(500) {
            hashes.merge(queries::hashes(&mut connection, part).await?);
        }
        let found = indexes.iter().map(|span| span.iter().map(|at| hashes.at(*at)).collect());
        let found: Result<_, _> = found.collect();
        found.map_err(|missing| Error::Unprovable(missing.into()))
    }
}

impl Archiving {
    /// Of the streams of this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { archives: Aggregates::new(store), problems: Problems::default() }
    }

    /// The row of archives of each stream.
    pub(crate) fn archives(&self) -> &Aggregates<StreamArchives> {
        &self.archives
    }

    /// How far `stream` is archived: the last sequence, 0 for none.
    pub(crate) async fn archived(&self, stream: &str) -> Result<u64, Error> {
        Ok(self.archives.get(stream).await?.0.last_sequence())
    }
}

impl Logged<'_> {
    /// The next event's leaf, if it is in the tree, with what stands for the leaves before it.
    async fn next(&mut self) -> Result<Option<(LeafRow, Vec<Digest>)>, Error> {
        if self.page.is_empty() {
            self.page = self.read().await?;
        }
        let next = self.page.pop_front();
        self.next += u64::from(next.is_some());
        Ok(next)
    }

    async fn read(&self) -> Result<VecDeque<(LeafRow, Vec<Digest>)>, Error> {
        let mut snapshot = self.archivist.database.snapshot().await?;
        let sequences = self.next..self.next + PAGE;
        let rows = queries::leaves_of(snapshot.connection(), self.stream, sequences).await?;
        let logged = queries::coverage(snapshot.connection()).await?.of(self.stream).sequence;
        snapshot.commit().await?;
        let is_there = rows.first().is_some_and(|row| row.sequence == self.next);
        if self.next <= logged && !is_there {
            let (stream, sequence) = (self.stream.to_owned(), self.next);
            return Err(Error::LeafOfEventLost { stream, sequence });
        }
        // What is not logged yet, or was logged after the checkpoint, has to wait.
        let follows = |(row, sequence): &(LeafRow, u64)| {
            row.sequence == *sequence && row.index < self.tree.size
        };
        let rows = rows.into_iter().zip(self.next..).take_while(follows);
        let rows: Vec<LeafRow> = rows.map(|(row, _)| row).collect();

        let begins = rows.iter().map(|row| row.index + 1);
        let spans = std::iter::once(self.next_index).chain(begins);
        let spans: Vec<_> = spans.zip(rows.iter().map(|row| row.index)).collect();
        let before = self.archivist.between(&spans).await?;
        Ok(rows.into_iter().zip(before).collect())
    }
}

/// The event that this leaf is of, as it was logged.
fn whole(row: &LeafRow, recorded: Option<Recorded>) -> Result<Recorded, Error> {
    let (stream, sequence, index) = (row.stream.clone(), row.sequence, row.index);
    let recorded = recorded.filter(|recorded| recorded.sequence == sequence);
    let Some(recorded) = recorded else { return Err(Error::EventLost { stream, sequence, index }) };
    let logged = Leaf::decode(row.leaf.as_slice()).map_err(|_| row.altered())?;
    match leaf::difference(&logged, &leaf::of(&recorded)) {
        None => Ok(recorded),
        Some(what) => Err(Error::EventChanged { stream, sequence, index, what }),
    }
}

fn unwritable(fault: publicdata_archive::Fault) -> Error {
    Error::Archive(fault.of("that is being written"))
}
