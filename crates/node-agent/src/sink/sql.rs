//! The statements by which both databases take a delivery. Names come from the configuration and the grant, and are quoted;
//! values are never part of a statement.
//!
//! Rows first go into a table of the session's own. From there they are put in their place within the transaction that also
//! writes the note.

use arrow::datatypes::SchemaRef;
use publicdata_types::SubscriptionId;

use super::columns::made;
use super::{Effect, Intake};
use crate::source::sql::identifier;

/// Notes of deliveries that were confirmed are kept for so many deliveries.
pub(super) const NOTES_KEPT: i64 = 1_000;

pub(super) const ROW: &str = "\"_publicdata_row\"";
pub(super) const CHANGE: &str = "\"_publicdata_change\"";
/// What all columns of a note are called, in their order.
pub(super) const NOTE_COLUMNS: &str = "subscription_id, number, transfer_id, run, follows, \
    row_count, row_total, run_began_at, committed_at, source_version, receipt, confirmed";

/// Which database a sink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// The tables that a subscription's rows go through.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    dialect: Dialect,
    pub(super) subscription: SubscriptionId,
    /// As the configuration names it.
    pub(super) name: String,
    pub(super) key: Vec<String>,
}

impl Tables {
    pub(super) fn new(
        dialect: Dialect,
        (name, key): (&str, &[String]),
        subscription: SubscriptionId,
    ) -> Self {
        Self { dialect, subscription, name: name.to_owned(), key: key.to_vec() }
    }

    /// The table, quoted.
    pub(super) fn target(&self) -> String {
        quoted(&self.name)
    }

    /// The table of notes, beside it.
    pub(super) fn notes(&self) -> String {
        self.beside("publicdata_delivery")
    }

    /// The table of the session's own.
    pub(super) fn incoming(&self) -> String {
        let schema = match self.dialect {
            Dialect::Postgres => "pg_temp",
            Dialect::Sqlite => "temp",
        };
        format!("{schema}.publicdata_incoming")
    }

    /// Where a run is gathered.
    fn gathered(&self) -> String {
        let id = self.subscription.as_uuid().simple().to_string();
        self.beside(&format!("publicdata_run_{}", &id[..16]))
    }

    fn beside(&self, name: &str) -> String {
        match self.name.rsplit_once('.') {
            Some((schema, _)) => format!("{}.{}", quoted(schema), identifier(name)),
            None => identifier(name),
        }
    }

    pub(super) fn create_notes(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (subscription_id text NOT NULL, number bigint NOT NULL, \
             transfer_id text NOT NULL, run text NOT NULL, follows text NOT NULL, \
             row_count bigint NOT NULL, row_total bigint NOT NULL, run_began_at text NOT NULL, \
             committed_at text NOT NULL, source_version text NOT NULL, receipt text NOT NULL, \
             confirmed bigint NOT NULL, PRIMARY KEY (subscription_id, number))",
            self.notes()
        )
    }

    /// The table itself, if it is missing.
    pub(super) fn create_target(&self, schema: &SchemaRef) -> String {
        format!("CREATE TABLE IF NOT EXISTS {} ({})", self.target(), self.definition(schema))
    }

    pub(super) fn create_incoming(&self, schema: &SchemaRef) -> String {
        let columns = columns_made(self.dialect, schema).join(", ");
        format!(
            "CREATE TEMPORARY TABLE publicdata_incoming \
             ({ROW} bigint NOT NULL, {CHANGE} text NOT NULL, {columns})"
        )
    }

    /// Of rows with the same key, the last one counts.
    pub(super) fn leave_last(&self) -> Vec<String> {
        if self.key.is_empty() {
            return Vec::new();
        }
        let incoming = self.incoming();
        let key = names(&self.key).join(", ");
        vec![
            format!("CREATE INDEX publicdata_incoming_key ON {} ({key}, {ROW})", self.indexed()),
            format!(
                "DELETE FROM {incoming} AS i WHERE EXISTS \
                 (SELECT 1 FROM {incoming} AS j WHERE {} AND j.{ROW} > i.{ROW})",
                self.same("j", "i")
            ),
        ]
    }

    /// Puts the rows in their place.
    pub(super) fn apply(&self, intake: &Intake) -> Vec<String> {
        let (target, gathered) = (self.target(), self.gathered());
        let columns = column_names(&intake.schema).join(", ");
        let drop = format!("DROP TABLE IF EXISTS {gathered}");
        match intake.effect {
            // A run that was begun before comes to nothing.
            Effect::Replace => {
                vec![drop, format!("DELETE FROM {target}"), self.add_all(&target, &columns)]
            }
            Effect::BeginRun => {
                let create =
                    format!("CREATE TABLE {gathered} ({})", self.definition(&intake.schema));
                vec![drop, create, self.add_all(&gathered, &columns)]
            }
            Effect::ExtendRun => self.change(&gathered, &intake.schema),
            Effect::CompleteRun => {
                let mut all = self.change(&gathered, &intake.schema);
                all.push(format!("DELETE FROM {target}"));
                all.push(format!(
                    "INSERT INTO {target} ({columns}) SELECT {columns} FROM {gathered}"
                ));
                all.push(drop);
                all
            }
            Effect::Change => self.change(&target, &intake.schema),
        }
    }

    fn add_all(&self, table: &str, columns: &str) -> String {
        format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {} \
             WHERE {CHANGE} = 'upsert' ORDER BY {ROW}",
            self.incoming()
        )
    }

    /// Without a unique index on the key there is no `ON CONFLICT`, and a table that the department made may have none. Columns
    /// that are the department's own keep their values.
    fn change(&self, table: &str, schema: &SchemaRef) -> Vec<String> {
        let incoming = self.incoming();
        let columns = column_names(schema);
        let listed = columns.join(", ");
        let others: Vec<String> = schema
            .fields()
            .iter()
            .filter(|field| !self.key.contains(field.name()))
            .map(|field| identifier(field.name()))
            .map(|name| format!("{name} = i.{name}"))
            .collect();
        let mut statements = vec![format!(
            "DELETE FROM {table} AS t WHERE EXISTS \
             (SELECT 1 FROM {incoming} AS i WHERE {} AND i.{CHANGE} = 'delete')",
            self.same("i", "t")
        )];
        if !others.is_empty() {
            statements.push(format!(
                "UPDATE {table} AS t SET {} FROM {incoming} AS i WHERE {} AND i.{CHANGE} = 'upsert'",
                others.join(", "),
                self.same("i", "t")
            ));
        }
        statements.push(format!(
            "INSERT INTO {table} ({listed}) SELECT {listed} FROM {incoming} AS i \
             WHERE i.{CHANGE} = 'upsert' \
             AND NOT EXISTS (SELECT 1 FROM {table} AS t WHERE {}) ORDER BY i.{ROW}",
            self.same("t", "i")
        ));
        statements
    }

    fn same(&self, one: &str, other: &str) -> String {
        let same = |name: String| format!("{one}.{name} = {other}.{name}");
        names(&self.key).into_iter().map(same).collect::<Vec<_>>().join(" AND ")
    }

    fn definition(&self, schema: &SchemaRef) -> String {
        let mut parts = columns_made(self.dialect, schema);
        if !self.key.is_empty() {
            parts.push(format!("PRIMARY KEY ({})", names(&self.key).join(", ")));
        }
        parts.join(", ")
    }

    /// SQLite puts an index where its table is, and wants the table without the schema.
    fn indexed(&self) -> String {
        match self.dialect {
            Dialect::Postgres => self.incoming(),
            Dialect::Sqlite => "publicdata_incoming".to_owned(),
        }
    }
}

pub(super) fn column_names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| identifier(field.name())).collect()
}

fn columns_made(dialect: Dialect, schema: &SchemaRef) -> Vec<String> {
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| {
        format!("{} {}", identifier(field.name()), made(dialect, field))
    };
    schema.fields().iter().map(column).collect()
}

fn names(key: &[String]) -> Vec<String> {
    key.iter().map(|name| identifier(name)).collect()
}

fn quoted(table: &str) -> String {
    table.split('.').map(identifier).collect::<Vec<_>>().join(".")
}
