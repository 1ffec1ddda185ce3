//! Agreements with service providers, and the accounts whose certificates rest on them.

use publicdata_proto::catalog::v1::{
    Agreement, AgreementEnded, AgreementRegistered, AgreementStatus, AgreementTerminated,
    CertificateIssued,
};
use publicdata_views::ApplyError;
use sqlx::AnyConnection;

use super::{Happened, to_column};

const TABLE: &str = "register_agreement";

pub(super) async fn apply(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
) -> Result<(), ApplyError> {
    let agreement = if let Some(registered) = happened.as_a::<AgreementRegistered>()? {
        Agreement {
            id: happened.id().to_owned(),
            organisation_code: registered.organisation_code,
            terms: registered.terms,
            status: AgreementStatus::InForce.into(),
            ..Agreement::default()
        }
    } else if let Some(terminated) = happened.as_a::<AgreementTerminated>()? {
        let agreement: Agreement = happened.body(connection, TABLE).await?;
        Agreement {
            status: AgreementStatus::Terminated.into(),
            terminated_on: terminated.terminated_on,
            termination_reason: terminated.reason,
            ..agreement
        }
    } else if happened.as_a::<AgreementEnded>()?.is_some() {
        let agreement: Agreement = happened.body(connection, TABLE).await?;
        Agreement { status: AgreementStatus::Ended.into(), ..agreement }
    } else {
        return Ok(());
    };
    write(connection, happened, agreement).await
}

/// R44.1: the last certificates of a principal say which agreement it rests on, if any.
pub(super) async fn certificate(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
) -> Result<(), ApplyError> {
    let Some(issued) = happened.as_a::<CertificateIssued>()? else { return Ok(()) };
    if issued.agreement_id.is_empty() {
        sqlx::query("DELETE FROM register_agreement_account WHERE spiffe_id = $1")
            .bind(issued.spiffe_id)
            .execute(connection)
            .await?;
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO register_agreement_account (spiffe_id, agreement_id) VALUES ($1, $2)
         ON CONFLICT (spiffe_id) DO UPDATE SET agreement_id = excluded.agreement_id",
    )
    .bind(issued.spiffe_id)
    .bind(issued.agreement_id)
    .execute(connection)
    .await?;
    Ok(())
}

async fn write(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
    agreement: Agreement,
) -> Result<(), ApplyError> {
    let agreement = Agreement { updated_at: Some(happened.at()), ..agreement };
    let until = agreement.terms.as_ref().map(|terms| terms.until.as_str()).unwrap_or_default();
    sqlx::query(
        "INSERT INTO register_agreement (
             id, organisation_code, place, status, until_on, cause, body
         ) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, body = excluded.body",
    )
    .bind(&agreement.id)
    .bind(&agreement.organisation_code)
    .bind(format!("{until}/{}", agreement.id))
    .bind(i64::from(agreement.status))
    .bind(until)
    .bind(happened.cause)
    .bind(to_column(&agreement))
    .execute(connection)
    .await?;
    Ok(())
}
