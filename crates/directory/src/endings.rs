//! Organisations that cease to be, and agreements with service providers that end (R44.1).

use publicdata_proto::catalog::v1::{CertificateIssued, OrganisationClosed};
use publicdata_views::ApplyError;
use sqlx::{AnyConnection, Row as _};

/// An organisation was closed.
pub(crate) async fn close(
    connection: &mut AnyConnection,
    code: &str,
    closed: OrganisationClosed,
) -> Result<(), ApplyError> {
    sqlx::query(
        "UPDATE directory_organisation SET closed_on = $1, successor_code = $2 WHERE code = $3",
    )
    .bind(closed.closed_on)
    .bind(closed.successor_code)
    .bind(code)
    .execute(connection)
    .await?;
    Ok(())
}

/// A principal's last certificates say whether it works under an agreement, and which.
pub(crate) async fn contract(
    connection: &mut AnyConnection,
    code: &str,
    issued: CertificateIssued,
) -> Result<(), ApplyError> {
    if issued.agreement_id.is_empty() {
        let freed = sqlx::query("DELETE FROM directory_contractor WHERE spiffe_id = $1")
            .bind(issued.spiffe_id)
            .execute(&mut *connection)
            .await?;
        return match freed.rows_affected() {
            0 => Ok(()),
            _ => bar(connection, code).await,
        };
    }
    sqlx::query(
        "INSERT INTO directory_contractor (spiffe_id, organisation_code, agreement_id)
         VALUES ($1, $2, $3)
         ON CONFLICT (spiffe_id) DO UPDATE SET agreement_id = excluded.agreement_id",
    )
    .bind(issued.spiffe_id)
    .bind(code)
    .bind(issued.agreement_id)
    .execute(&mut *connection)
    .await?;
    bar(connection, code).await
}

/// An agreement is over.
pub(crate) async fn end(connection: &mut AnyConnection, id: &str) -> Result<(), ApplyError> {
    sqlx::query(
        "INSERT INTO directory_agreement_over (id) VALUES ($1) ON CONFLICT (id) DO NOTHING",
    )
    .bind(id)
    .execute(&mut *connection)
    .await?;
    let query = "SELECT DISTINCT organisation_code FROM directory_contractor
                 WHERE agreement_id = $1";
    let organisations = sqlx::query(query).bind(id).fetch_all(&mut *connection).await?;
    for row in organisations {
        bar(connection, row.try_get("organisation_code")?).await?;
    }
    Ok(())
}

/// Writes down which accounts of an organisation work under an agreement that is over: it is read with the organisation, so
/// that no call asks for it.
async fn bar(connection: &mut AnyConnection, code: &str) -> Result<(), ApplyError> {
    let query = "SELECT c.spiffe_id FROM directory_contractor AS c
                 JOIN directory_agreement_over AS o ON o.id = c.agreement_id
                 WHERE c.organisation_code = $1 ORDER BY c.spiffe_id";
    let rows = sqlx::query(query).bind(code).fetch_all(&mut *connection).await?;
    let barred: Vec<&str> =
        rows.iter().map(|row| row.try_get("spiffe_id")).collect::<Result<_, _>>()?;
    sqlx::query("UPDATE directory_organisation SET barred = $1 WHERE code = $2")
        .bind(barred.join(" "))
        .bind(code)
        .execute(&mut *connection)
        .await?;
    Ok(())
}
