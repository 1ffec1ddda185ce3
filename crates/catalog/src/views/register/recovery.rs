//! Enrolments in disaster recovery.

use publicdata_proto::catalog::v1::{RecoveryEnrolled, RecoveryWithdrawn};
use publicdata_views::ApplyError;
use sqlx::AnyConnection;

use super::{Happened, to_column};

pub(super) async fn apply(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
) -> Result<(), ApplyError> {
    if let Some(enrolled) = happened.as_a::<RecoveryEnrolled>()? {
        sqlx::query(
            "INSERT INTO register_recovery (id, organisation_code, terms) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET
                 organisation_code = excluded.organisation_code, terms = excluded.terms",
        )
        .bind(happened.id())
        .bind(enrolled.organisation_code)
        .bind(to_column(&enrolled.terms.unwrap_or_default()))
        .execute(connection)
        .await?;
    } else if happened.as_a::<RecoveryWithdrawn>()?.is_some() {
        sqlx::query("DELETE FROM register_recovery WHERE id = $1")
            .bind(happened.id())
            .execute(connection)
            .await?;
    }
    Ok(())
}
