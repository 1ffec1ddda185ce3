//! The infrastructure register and its agreements as rows.

mod agreements;
mod networks;
mod recovery;
mod security_records;
mod systems;

use std::sync::Arc;

use async_trait::async_trait;
use prost::{Message, Name};
use prost_types::Any;
use publicdata_event_store::aggregates::Codec;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_proto::catalog::v1::{OrganisationChanged, OrganisationRegistered};
use publicdata_views::{ApplyError, Database, Projector, View};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use crate::app::BuildError;
use crate::codec::{Agreement, Network, Organisation, Recovery, SecurityRecord, System};
use crate::views::{MIGRATIONS, STREAM};

/// The view of the register, in a database of the catalogue's: to run it, to rebuild it, and to compare its content.
///
/// # Errors
/// The database cannot be used.
pub async fn register(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Register)).await?)
}

struct Register;

#[async_trait]
impl View for Register {
    fn name(&self) -> &'static str {
        "catalog_register"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "register_organisation",
            "register_system",
            "register_network",
            "register_recovery",
            "register_security_record",
            "register_agreement",
            "register_agreement_account",
        ]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        [
            Organisation::AGGREGATE,
            System::AGGREGATE,
            Network::AGGREGATE,
            Recovery::AGGREGATE,
            SecurityRecord::AGGREGATE,
            Agreement::AGGREGATE,
        ]
        .contains(&subject.aggregate())
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let kind = recorded.subject.aggregate();
        let commit = recorded.commit().map_err(ApplyError::event)?;
        for event in &commit.events {
            let happened = Happened { recorded, cause: &commit.command_id, event };
            match kind {
                System::AGGREGATE => systems::apply(connection, &happened).await?,
                Network::AGGREGATE => networks::apply(connection, &happened).await?,
                Recovery::AGGREGATE => recovery::apply(connection, &happened).await?,
                SecurityRecord::AGGREGATE => security_records::apply(connection, &happened).await?,
                Agreement::AGGREGATE => agreements::apply(connection, &happened).await?,
                _ => organisation(connection, &happened).await?,
            }
        }
        Ok(())
    }
}

/// One event, and where it stands.
struct Happened<'a> {
    recorded: &'a Recorded,
    /// The command.
    cause: &'a str,
    event: &'a Any,
}

/// An event that contradicts those before it.
#[derive(Debug, thiserror::Error)]
#[error("{event} of {id}, which nothing began")]
struct WithoutBeginning {
    event: String,
    id: String,
}

impl Happened<'_> {
    /// The aggregate.
    fn id(&self) -> &str {
        self.recorded.subject.id()
    }

    /// The event, if it is of this type.
    fn as_a<M: Message + Name + Default>(&self) -> Result<Option<M>, ApplyError> {
        if self.event.type_url != M::type_url() {
            return Ok(None);
        }
        M::decode(self.event.value.as_slice()).map(Some).map_err(ApplyError::event)
    }

    /// When, as answers say it.
    fn at(&self) -> prost_types::Timestamp {
        crate::codec::time_to_wire(self.recorded.recorded_at)
    }

    /// A place in lists behind everything that was registered before.
    fn place(&self) -> String {
        format!("{:020}", self.recorded.sequence)
    }

    /// What the table says of the aggregate, beginning with `select`.
    async fn body<M: Message + Default>(
        &self,
        connection: &mut AnyConnection,
        table: &'static str,
    ) -> Result<M, ApplyError> {
        let select = format!("SELECT body FROM {table} WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(select))
            .bind(self.id())
            .fetch_optional(connection)
            .await?
            .ok_or_else(|| self.without_beginning())?;
        let bytes = hex::decode(row.try_get::<&str, _>("body")?).map_err(ApplyError::event)?;
        M::decode(bytes.as_slice()).map_err(ApplyError::event)
    }

    fn without_beginning(&self) -> ApplyError {
        let (event, id) = (self.event.type_url.clone(), self.id().to_owned());
        ApplyError::event(WithoutBeginning { event, id })
    }
}

/// A message as a column holds it.
fn to_column(message: &impl Message) -> String {
    hex::encode(message.encode_to_vec())
}

async fn organisation(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
) -> Result<(), ApplyError> {
    let (name, region) = if let Some(registered) = happened.as_a::<OrganisationRegistered>()? {
        (registered.name, registered.region_code)
    } else if let Some(changed) = happened.as_a::<OrganisationChanged>()? {
        (changed.name, changed.region_code)
    } else {
        return agreements::certificate(connection, happened).await;
    };
    sqlx::query(
        "INSERT INTO register_organisation (code, name, region_code) VALUES ($1, $2, $3)
         ON CONFLICT (code) DO UPDATE SET
             name = excluded.name, region_code = excluded.region_code",
    )
    .bind(happened.id())
    .bind(name)
    .bind(region)
    .execute(connection)
    .await?;
    Ok(())
}
