//! Security records.

use publicdata_proto::catalog::v1::{SecurityRecord, SecurityRecordClosed, SecurityRecordOpened};
use publicdata_views::ApplyError;
use sqlx::AnyConnection;

use super::{Happened, to_column};

const TABLE: &str = "register_security_record";

pub(super) async fn apply(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
) -> Result<(), ApplyError> {
    let record = if let Some(opened) = happened.as_a::<SecurityRecordOpened>()? {
        SecurityRecord {
            id: happened.id().to_owned(),
            organisation_code: opened.organisation_code,
            kind: opened.kind,
            title: opened.title,
            owner_account: opened.owner_account,
            opened_on: opened.opened_on,
            due_on: opened.due_on,
            ..SecurityRecord::default()
        }
    } else if let Some(closed) = happened.as_a::<SecurityRecordClosed>()? {
        let record: SecurityRecord = happened.body(connection, TABLE).await?;
        SecurityRecord { closed_on: closed.closed_on, outcome: closed.outcome, ..record }
    } else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO register_security_record (
             id, organisation_code, place, kind, due_on, open, body
         ) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET open = excluded.open, body = excluded.body",
    )
    .bind(&record.id)
    .bind(&record.organisation_code)
    .bind(format!("{}/{}", record.due_on, record.id))
    .bind(i64::from(record.kind))
    .bind(&record.due_on)
    .bind(i64::from(record.closed_on.is_empty()))
    .bind(to_column(&record))
    .execute(connection)
    .await?;
    Ok(())
}
