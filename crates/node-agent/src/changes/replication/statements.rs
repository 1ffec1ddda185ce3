//! The statements that follow a table. Names come from the node's configuration and are quoted; values are keys that the database
//! itself wrote.

use super::decode::Key;
use crate::source::sql::{From, Relation, from, identifier, text};

#[derive(Clone, Debug)]
pub(super) struct Statements {
    pub(super) table: String,
    pub(super) key: Vec<String>,
    pub(super) order_by: Vec<String>,
    pub(super) publication: String,
    pub(super) slot: String,
    /// Whether nobody else would name a slot so.
    pub(super) is_own_slot: bool,
}

impl Statements {
    /// What is followed, and by what: if it is another, so are the changes.
    pub(super) fn source(&self, identity: &str) -> String {
        let words = [identity, &self.publication, &self.slot];
        let words: Vec<&str> =
            words.into_iter().chain(self.key.iter().map(String::as_str)).collect();
        words.join("\n")
    }

    /// Which database, table, publication and key it is, each as it was changed last; how long the log is and what is in it; the table's
    /// number, and what forbids to follow it; whether all its changes are published, and by which filter; which columns of the key a
    /// deletion would not tell; and how the slot is.
    pub(super) fn look(&self) -> String {
        let (relation, publication) = (text(&self.quoted()), text(&self.publication));
        let (key, slot) = (array(self.key.iter()), text(&self.slot));
        format!(
            "SELECT concat_ws(' ', (SELECT system_identifier FROM pg_control_system()), \
             CASE WHEN pg_is_in_recovery() THEN '' \
             ELSE left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) END, \
             relation.oid, relation.relreplident, publication.oid, publication.xmin, \
             published.oid, published.xmin, \
             (SELECT string_agg(format_type(a.atttypid, a.atttypmod), ',' ORDER BY a.attnum) \
             FROM pg_attribute AS a WHERE a.attrelid = relation.oid AND a.attname = ANY ({key}))), \
             (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
             ELSE pg_current_wal_flush_lsn() END - '0/0')::text, \
             current_setting('wal_level'), relation.oid::text, \
             CASE WHEN relation.relkind <> 'r' OR relation.relhassubclass THEN 'kind' \
             WHEN row_security_active(relation.oid) THEN 'security' END, \
             (pubinsert AND pubupdate AND pubdelete AND pubtruncate)::text, \
             CASE WHEN puballtables THEN '' WHEN published.oid IS NOT NULL \
             THEN COALESCE(to_jsonb(published) ->> 'prqual', '') END, \
             (SELECT string_agg(key, ', ') FROM unnest({key}) AS key \
             WHERE relation.relreplident <> 'f' AND NOT EXISTS (SELECT 1 FROM pg_index AS i \
             JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
             WHERE i.indrelid = relation.oid AND a.attname = key AND CASE relation.relreplident \
             WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END)), \
             (slot.plugin = 'pgoutput' AND slot.database = current_database())::text, \
             (slot.wal_status = 'lost')::text, (slot.confirmed_flush_lsn - '0/0')::text \
             FROM (SELECT to_regclass({relation}) AS oid) AS named \
             LEFT JOIN pg_class AS relation ON relation.oid = named.oid \
             LEFT JOIN pg_publication AS publication ON publication.pubname = {publication} \
             LEFT JOIN pg_publication_rel AS published \
             ON published.prpubid = publication.oid AND published.prrelid = relation.oid \
             LEFT JOIN pg_replication_slots AS slot ON slot.slot_name = {slot}"
        )
    }

    /// Tells where its changes begin.
    pub(super) fn create_slot(&self) -> String {
        format!(
            "SELECT (lsn - '0/0')::text FROM pg_create_logical_replication_slot({}, 'pgoutput')",
            text(&self.slot)
        )
    }

    pub(super) fn drop_slot(&self) -> String {
        format!("SELECT pg_drop_replication_slot({})::text", text(&self.slot))
    }

    /// The next messages, which stay in the slot.
    pub(super) fn peek(&self, count: u64) -> String {
        format!(
            "SELECT data FROM pg_logical_slot_peek_binary_changes({}, NULL, {count}, \
             'proto_version', '1', 'publication_names', {})",
            text(&self.slot),
            text(&identifier(&self.publication))
        )
    }

    /// Moves the slot on.
    pub(super) fn advance(&self, end: i64) -> String {
        format!(
            "SELECT end_lsn::text FROM pg_replication_slot_advance({}, '0/0'::pg_lsn + {end})",
            text(&self.slot)
        )
    }

    /// The types of the key's columns, in their order.
    pub(super) fn key_types(&self) -> String {
        format!(
            "SELECT format_type(a.atttypid, a.atttypmod) \
             FROM unnest({}) WITH ORDINALITY AS key (name, number) \
             JOIN pg_attribute AS a ON a.attrelid = to_regclass({}) AND a.attname = key.name \
             ORDER BY key.number",
            array(self.key.iter()),
            text(&self.quoted())
        )
    }

    /// Keys as a table of the key's columns.
    pub(super) fn changed(&self, keys: &[Key], types: &[String]) -> String {
        let mut columns = Vec::new();
        let mut arrays = Vec::new();
        let mut names = Vec::new();
        for (number, (column, kind)) in self.key.iter().zip(types).enumerate() {
            columns.push(format!("CAST(value{number} AS {kind}) AS {}", identifier(column)));
            arrays.push(array(keys.iter().filter_map(|key| key.get(number))));
            names.push(format!("value{number}"));
        }
        format!(
            "(SELECT {} FROM unnest({}) AS key ({})) AS changed",
            columns.join(", "),
            arrays.join(", "),
            names.join(", ")
        )
    }

    /// The rows that have one of these keys.
    pub(super) fn present(&self, changed: &str) -> Relation {
        let on: Vec<String> = self
            .key
            .iter()
            .map(|column| identifier(column))
            .map(|column| format!("present.{column} = changed.{column}"))
            .collect();
        let query = format!(
            "SELECT present.* FROM {changed} JOIN {} AS present ON {}",
            self.quoted(),
            on.join(" AND ")
        );
        Relation { from: From::Query(query), order_by: self.order_by.clone() }
    }

    /// The keys that no row has, with all other columns empty.
    pub(super) fn absent(&self, changed: &str) -> Relation {
        let using: Vec<String> = self.key.iter().map(|column| identifier(column)).collect();
        let query = format!(
            "SELECT * FROM {changed} LEFT JOIN {} AS present USING ({}) \
             WHERE present.tableoid IS NULL",
            self.quoted(),
            using.join(", ")
        );
        Relation { from: From::Query(query), order_by: self.key.clone() }
    }

    fn quoted(&self) -> String {
        from(&Relation { from: From::Table(self.table.clone()), order_by: Vec::new() })
    }
}

/// Texts as a literal of an array.
fn array<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = texts
        .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
        .collect();
    format!("{}::text[]", text(&format!("{{{}}}", quoted.join(","))))
}
