//! Why a table cannot be followed.

/// Why a table's changes cannot be followed. For the provider's operator alone.
#[derive(Debug, thiserror::Error)]
pub enum ReplicationError {
    /// It writes too little into its log.
    #[error("the database has wal_level {found}; set it to logical and start it again")]
    WalLevel {
        /// What it is.
        found: String,
    },
    /// There is no such table.
    #[error("there is no table {table}, or this node's account may not see it")]
    TableMissing {
        /// The table.
        table: String,
    },
    /// Not all of its changes would be seen.
    #[error(
        "table {table} is partitioned, has tables that inherit from it, or is none: its changes are found by `changes.watermark`"
    )]
    Kind {
        /// The table.
        table: String,
    },
    /// Changes of rows would be seen that must not be.
    #[error(
        "row security hides rows of table {table} from this node's account; let the account see all of them, or set `changes.watermark`"
    )]
    RowSecurity {
        /// The table.
        table: String,
    },
    /// The publication does not hold the table.
    #[error(
        "publication {publication} does not hold table {table}; run CREATE PUBLICATION {publication} FOR TABLE {table}, or ALTER PUBLICATION {publication} ADD TABLE {table}"
    )]
    PublicationMissing {
        /// The publication.
        publication: String,
        /// The table.
        table: String,
    },
    /// The publication leaves some changes out.
    #[error(
        "publication {publication} leaves out changes of table {table}; it has to publish insert, update, delete and truncate, without a row filter"
    )]
    PublicationPartial {
        /// The publication.
        publication: String,
        /// The table.
        table: String,
    },
    /// A deletion would not tell the key.
    #[error(
        "a deletion from table {table} would not tell {columns}; make the key its primary key, or run ALTER TABLE {table} REPLICA IDENTITY FULL"
    )]
    IdentityMissing {
        /// The table.
        table: String,
        /// Columns of the key that are not part of the replica identity.
        columns: String,
    },
    /// The slot is another program's, as far as this node knows.
    #[error(
        "replication slot {slot} is there, and not known to this node: choose another name as `changes.slot`, or drop it if it was this node's"
    )]
    SlotForeign {
        /// The slot.
        slot: String,
    },
    /// The slot cannot be made while others write.
    #[error(
        "the replication slot waits for transactions that have been open for long; end them, and it is tried again"
    )]
    SlotWaits,
}
