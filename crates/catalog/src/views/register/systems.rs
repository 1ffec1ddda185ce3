//! Systems.

use publicdata_catalog_domain::name::NameKey;
use publicdata_proto::catalog::v1::{System, SystemChanged, SystemRegistered, SystemRetired};
use publicdata_views::ApplyError;
use sqlx::AnyConnection;

use super::{Happened, to_column};

const TABLE: &str = "register_system";

pub(super) async fn apply(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
) -> Result<(), ApplyError> {
    if let Some(registered) = happened.as_a::<SystemRegistered>()? {
        let system = System {
            id: happened.id().to_owned(),
            organisation_code: registered.organisation_code,
            description: registered.description,
            ..System::default()
        };
        return write(connection, happened, system).await;
    }
    let system: System = happened.body(connection, TABLE).await?;
    let changed = if let Some(changed) = happened.as_a::<SystemChanged>()? {
        System { description: changed.description, ..system }
    } else if let Some(retired) = happened.as_a::<SystemRetired>()? {
        System { retired_on: retired.retired_on, retirement_reason: retired.reason, ..system }
    } else {
        return Ok(());
    };
    write(connection, happened, changed).await
}

async fn write(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
    system: System,
) -> Result<(), ApplyError> {
    let system = System { updated_at: Some(happened.at()), ..system };
    let description = system.description.clone().unwrap_or_default();
    sqlx::query(
        "INSERT INTO register_system (
             id, organisation_code, place, name, name_key, integration, due_on, retired, body
         ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET
             name = excluded.name, name_key = excluded.name_key,
             integration = excluded.integration, due_on = excluded.due_on,
             retired = excluded.retired, body = excluded.body",
    )
    .bind(&system.id)
    .bind(&system.organisation_code)
    .bind(happened.place())
    .bind(&description.name)
    .bind(NameKey::of(&description.name).as_str().to_owned())
    .bind(i64::from(description.integration))
    .bind(&description.integration_due_on)
    .bind(i64::from(!system.retired_on.is_empty()))
    .bind(to_column(&system))
    .execute(connection)
    .await?;
    Ok(())
}
