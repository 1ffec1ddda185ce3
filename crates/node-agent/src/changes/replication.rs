//! Changes by PostgreSQL's logical replication: no column has to say when a row changed, and deletions are seen.
//!
//! The replication slot is read into this node's own list of keys of changed rows; a delivery then reads the rows of some of these
//! keys as they are now, and says of those that are gone that they are. So nothing but keys is kept, masks and rules apply as always,
//! and any number of subscriptions live on one slot, which never holds back more of the database's log than has not been looked at.

pub(super) mod decode;
mod error;
mod snapshot;
mod statements;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use publicdata_types::ResourceId;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::cursors::{Cursors, Followed};
use super::{ChangesError, Database as _, Part, Rows};
use crate::source::Connector;
use crate::source::postgres::Postgres;
use crate::source::sql::Relation;
use decode::Decoder;
pub use error::ReplicationError;
use snapshot::Snapshot;
use statements::Statements;

/// So many changes are read at once, or one transaction if it has more.
const CHANGES_AT_ONCE: u64 = 10_000;
/// So many keys are listed at once.
const KEYS_AT_ONCE: usize = 1_000;
/// So many keys are in one delivery at most: they stand in the statement that reads the rows.
const KEYS_MAX: u64 = 50_000;
/// The slot is moved on, although nothing changed here, after so many bytes of the database's log.
const LOG_HELD_MAX: i64 = 16 << 20;
/// Making a slot waits until whoever writes has ended.
const CREATE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often, and how many times, it is looked whether a transaction that was read can be seen.
const VISIBLE_PAUSE: Duration = Duration::from_millis(10);
const VISIBLE_LOOKS: usize = 300;

/// A table with a publication and a slot.
#[derive(Clone)]
pub struct Replication {
    resource: ResourceId,
    postgres: Arc<Postgres>,
    statements: Statements,
    /// Up to where the database's log was read by this process. One reads at a time; the slot admits no more.
    drained: Arc<Mutex<Option<i64>>>,
}

/// A place in the list of changed keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Which list: another one is begun when changes may have been missed.
    pub(super) epoch: String,
    pub(super) number: i64,
}

/// Some of the changed keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keys {
    pub(super) after: i64,
    pub(super) until: Place,
}

/// What a look at the database shows.
struct Look {
    /// What is followed, and by what.
    source: String,
    /// How long its log is.
    log: i64,
    /// The table's number.
    table: u32,
    slot: Option<Slot>,
}

struct Slot {
    /// Whether the database has thrown away what it has not sent.
    is_lost: bool,
    confirmed: i64,
}

// === impl Replication ===

impl Replication {
    /// The table of a connector, whose rows these columns identify.
    #[must_use]
    pub fn new(
        resource: ResourceId,
        postgres: Arc<Postgres>,
        (table, key): (&str, &[String]),
        (publication, slot): (&str, Option<&str>),
    ) -> Self {
        let own = format!("publicdata_{}", resource.as_uuid().simple());
        let is_own_slot = slot.is_none_or(|slot| slot == own);
        let statements = Statements {
            table: table.to_owned(),
            key: key.to_vec(),
            order_by: postgres.relation.order_by.clone(),
            publication: publication.to_owned(),
            slot: slot.map_or(own, str::to_owned),
            is_own_slot,
        };
        Self { resource, postgres, statements, drained: Arc::default() }
    }

    /// Fails unless the database replicates what is needed.
    pub(super) async fn check(&self) -> Result<(), ChangesError> {
        self.look().await.map(drop)
    }

    /// Lists the keys of what has changed up to now, and says where the list ends.
    pub(super) async fn drain(&self, cursors: &Cursors) -> Result<Followed, ChangesError> {
        let mut drained = self.drained.lock().await;
        let look = self.look().await?;
        if *drained == Some(look.log)
            && look.slot.is_some()
            && let Some(followed) = cursors.followed(self.resource).await?
        {
            return Ok(followed);
        }
        let mut followed = self.follow(cursors, &look).await?;
        loop {
            let (messages, end) = self.read(cursors, look.table, &mut followed).await?;
            let is_all = messages < CHANGES_AT_ONCE;
            // Whatever was in the log at the look has been read now.
            let end = if is_all { end.max(look.log) } else { end };
            if messages > 0 || end - followed.confirmed > LOG_HELD_MAX {
                followed.confirmed = end;
                // In this order: a slot that is further than what is remembered has lost changes.
                cursors.follow(self.resource, &followed).await?;
                self.postgres.ask(&self.statements.advance(end)).await?;
            }
            if is_all {
                *drained = Some(look.log);
                return Ok(followed);
            }
        }
    }

    /// What is delivered next, and whether there is more.
    pub(super) async fn plan(
        &self,
        cursors: &Cursors,
        before: Option<&Place>,
        keys_max: u64,
    ) -> Result<(Part, bool), ChangesError> {
        let followed = self.drain(cursors).await?;
        let is_known = |before: &&Place| {
            before.epoch == followed.epoch && before.number >= followed.whole_since
        };
        let Some(before) = before.filter(is_known) else {
            return Ok((Part::Whole(followed.place()), false));
        };
        let keys_max = keys_max.clamp(1, KEYS_MAX);
        // What is listed by now beyond that may not be seen yet.
        let listed = (before.number, followed.last);
        let end = cursors.changed_end(self.resource, listed, keys_max).await?;
        let (number, more) = end.unwrap_or((followed.last, false));
        let until = Place { epoch: followed.epoch, number };
        Ok((Part::Keys(Keys { after: before.number, until }), more))
    }

    /// All rows.
    pub(super) fn whole(&self) -> Rows {
        Rows { upserts: Arc::clone(&self.postgres) as Arc<dyn Connector>, deletions: None }
    }

    /// The rows of some keys.
    pub(super) async fn rows(&self, cursors: &Cursors, keys: &Keys) -> Result<Rows, ChangesError> {
        let Keys { after, until } = keys;
        let followed = cursors.followed(self.resource).await?;
        if followed.is_none_or(|followed| followed.epoch != until.epoch) {
            return Err(ChangesError::CursorUnknown);
        }
        let values = cursors.changed(self.resource, *after, until.number).await?;
        let types = self.postgres.ask(&self.statements.key_types()).await?;
        let types: Vec<String> = types.into_iter().flatten().flatten().collect();
        let changed = self.statements.changed(&values, &types);
        let reading = |relation: Relation| self.postgres.reading(relation);
        Ok(Rows {
            upserts: reading(self.statements.present(&changed)),
            deletions: Some(reading(self.statements.absent(&changed))),
        })
    }

    /// Whether everything is as it has to be.
    async fn look(&self) -> Result<Look, ChangesError> {
        let Statements { table, publication, slot, .. } = &self.statements;
        let (table, publication) = (table.clone(), publication.clone());
        let found = self.postgres.ask(&self.statements.look()).await?;
        let mut words = found.into_iter().flatten();
        let mut word = || words.next().flatten();
        let (identity, log) = (word().unwrap_or_default(), number(word()));
        match word() {
            Some(level) if level == "logical" => {}
            level => {
                let found = level.unwrap_or_default();
                return Err(ReplicationError::WalLevel { found }.into());
            }
        }
        let Some(number_of_table) = word().and_then(|number| number.parse().ok()) else {
            return Err(ReplicationError::TableMissing { table }.into());
        };
        match word().as_deref() {
            None => {}
            Some("security") => return Err(ReplicationError::RowSecurity { table }.into()),
            Some(_) => return Err(ReplicationError::Kind { table }.into()),
        }
        let (publishes_all, filter) = (word(), word());
        let Some(filter) = filter else {
            return Err(ReplicationError::PublicationMissing { publication, table }.into());
        };
        if publishes_all.as_deref() != Some("true") || !filter.is_empty() {
            return Err(ReplicationError::PublicationPartial { publication, table }.into());
        }
        if let Some(columns) = word() {
            return Err(ReplicationError::IdentityMissing { table, columns }.into());
        }
        let (is_ours, is_lost, confirmed) = (word(), word(), word());
        let slot = match is_ours.as_deref() {
            None => None,
            Some("true") => Some(Slot {
                is_lost: is_lost.as_deref() == Some("true"),
                confirmed: number(confirmed),
            }),
            Some(_) => return Err(ReplicationError::SlotForeign { slot: slot.clone() }.into()),
        };
        let source = self.statements.source(&identity);
        Ok(Look { source, log, table: number_of_table, slot })
    }

    /// What is known of the slot; begins a list anew if changes may have been missed.
    async fn follow(&self, cursors: &Cursors, look: &Look) -> Result<Followed, ChangesError> {
        let known = cursors.followed(self.resource).await?;
        if let (Some(known), Some(slot)) = (&known, &look.slot)
            && known.source == look.source
            && !slot.is_lost
            && slot.confirmed <= known.confirmed
            && known.confirmed <= look.log
        {
            return Ok(known.clone());
        }
        let slot = self.statements.slot.as_str();
        match (&known, &look.slot) {
            (None, Some(_)) if !self.statements.is_own_slot => {
                return Err(ReplicationError::SlotForeign { slot: slot.to_owned() }.into());
            }
            (Some(_), _) => {
                tracing::warn!(slot, "changes may have been missed: all rows are delivered anew");
            }
            (None, _) => {}
        }
        // What an old one still holds may be changes of another publication, which cannot be read any more.
        if look.slot.is_some() {
            self.postgres.ask(&self.statements.drop_slot()).await?;
        }
        let confirmed = self.create_slot().await?;
        Ok(cursors.follow_anew(self.resource, look.source.clone(), confirmed).await?)
    }

    async fn create_slot(&self) -> Result<i64, ChangesError> {
        let statement = self.statements.create_slot();
        let created = timeout(CREATE_TIMEOUT, self.postgres.ask(&statement)).await;
        let created = created.map_err(|_| ReplicationError::SlotWaits)??;
        tracing::info!(slot = self.statements.slot, "replication slot made");
        Ok(number(created.into_iter().flatten().next().flatten()))
    }

    /// Lists what the slot says next. Tells how many messages there were, and where the last transaction ends.
    async fn read(
        &self,
        cursors: &Cursors,
        table: u32,
        followed: &mut Followed,
    ) -> Result<(u64, i64), ChangesError> {
        let mut decoder = Decoder::new(table, &self.statements.key);
        let mut values = self.postgres.values(self.statements.peek(CHANGES_AT_ONCE));
        let mut messages = 0;
        while let Some(message) = values.try_next().await? {
            messages += 1;
            decoder.take(message)?;
            if decoder.keys.len() >= KEYS_AT_ONCE {
                self.list(cursors, followed, &mut decoder).await?;
            }
        }
        self.list(cursors, followed, &mut decoder).await?;
        if decoder.is_whole {
            followed.last += 1;
            followed.whole_since = followed.last;
        }
        self.wait_until_visible(&decoder.transactions).await?;
        Ok((messages, decoder.end))
    }

    async fn list(
        &self,
        cursors: &Cursors,
        followed: &mut Followed,
        decoder: &mut Decoder,
    ) -> Result<(), ChangesError> {
        let keys = std::mem::take(&mut decoder.keys);
        cursors.list(self.resource, followed, &keys).await?;
        Ok(())
    }

    /// A transaction is in the log before others see it: its rows must not be read before they do.
    async fn wait_until_visible(&self, transactions: &[u32]) -> Result<(), ChangesError> {
        if transactions.is_empty() {
            return Ok(());
        }
        for _ in 0..VISIBLE_LOOKS {
            let found = self.postgres.ask(snapshot::QUERY).await?;
            if Snapshot::of(found).is_some_and(|snapshot| snapshot.shows(transactions)) {
                return Ok(());
            }
            sleep(VISIBLE_PAUSE).await;
        }
        Err(ChangesError::Invisible)
    }
}

impl fmt::Debug for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replication").field("statements", &self.statements).finish_non_exhaustive()
    }
}

fn number(text: Option<String>) -> i64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
