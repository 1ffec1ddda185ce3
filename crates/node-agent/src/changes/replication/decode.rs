//! What a replication slot sends, as far as it tells keys: the protocol of PostgreSQL's own `pgoutput`, version 1.

use bytes::Bytes;
use pg_walstream::{
    ColumnInfo, LogicalReplicationMessage as Message, LogicalReplicationParser, TupleData,
};

use crate::source::Cause;

/// A key, as the database writes its values.
pub(super) type Key = Vec<String>;

/// Reads one look's messages.
pub(super) struct Decoder {
    table: u32,
    key: Vec<String>,
    /// Where in a row the key's columns stand.
    columns: Vec<usize>,
    parser: LogicalReplicationParser,
    /// The keys that changed, in order.
    pub(super) keys: Vec<Key>,
    /// Whether everything may have changed: the table was emptied, or a key was not told.
    pub(super) is_whole: bool,
    /// The transactions.
    pub(super) transactions: Vec<u32>,
    /// Where the last transaction ends in the log; 0 if there was none.
    pub(super) end: i64,
}

/// What came is not what the protocol says.
#[derive(Debug, thiserror::Error)]
#[error("not a message of pgoutput")]
pub struct Undecodable(#[source] Cause);

impl Decoder {
    pub(super) fn new(table: u32, key: &[String]) -> Self {
        Self {
            table,
            key: key.to_vec(),
            columns: Vec::new(),
            parser: LogicalReplicationParser::with_protocol_version(1),
            keys: Vec::new(),
            is_whole: false,
            transactions: Vec::new(),
            end: 0,
        }
    }

    /// Takes the next message.
    pub(super) fn take(&mut self, message: Bytes) -> Result<(), Undecodable> {
        let message = self.parser.parse_wal_message_bytes(message);
        let message = message.map_err(|error| Undecodable(Cause::new(error)))?.message;
        let table = self.table;
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others say nothing of rows")]
        match message {
            Message::Begin { xid, .. } => self.transactions.push(xid),
            Message::Commit { end_lsn, .. } => {
                self.end = i64::try_from(end_lsn).unwrap_or(i64::MAX)
            }
            Message::Relation { relation_id, columns, .. } if relation_id == table => {
                self.columns = self.places(&columns);
            }
            Message::Insert { relation_id, tuple } if relation_id == table => {
                self.changed(&tuple, None);
            }
            Message::Update { relation_id, old_tuple, new_tuple, .. } if relation_id == table => {
                if let Some(old) = &old_tuple {
                    self.changed(old, None);
                }
                self.changed(&new_tuple, old_tuple.as_ref());
            }
            Message::Delete { relation_id, old_tuple, .. } if relation_id == table => {
                self.changed(&old_tuple, None);
            }
            Message::Truncate { relation_ids, .. } if relation_ids.contains(&table) => {
                self.is_whole = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn places(&self, columns: &[ColumnInfo]) -> Vec<usize> {
        let place = |name: &String| columns.iter().position(|column| *column.name == **name);
        self.key.iter().filter_map(place).collect()
    }

    /// A long value that an update left as it was stands in the old row alone.
    fn changed(&mut self, row: &TupleData, old: Option<&TupleData>) {
        let value = |&column: &usize| {
            let value = row.get_column(column)?;
            let value = match old {
                Some(old) if value.is_unchanged() => old.get_column(column)?,
                Some(_) | None => value,
            };
            value.as_string()
        };
        match self.columns.iter().map(value).collect::<Option<Key>>() {
            Some(key) if key.len() == self.key.len() => {
                if self.keys.last() != Some(&key) {
                    self.keys.push(key);
                }
            }
            Some(_) | None => self.is_whole = true,
        }
    }
}

#[cfg(test)]
mod tests;
