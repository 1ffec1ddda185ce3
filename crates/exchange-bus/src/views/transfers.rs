//! The table of transfers: the exchange log (R23.2).

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::Any;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::{
    Receipt, Transfer, TransferCompleted, TransferInterrupted, TransferRefused, TransferRequest,
    TransferRequested, TransferResumed, TransferStatus, TransferStopped,
};
use publicdata_views::{ApplyError, parts, places};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::log::Context;
use super::{WithoutBeginning, event, from_column, microseconds, rows_of, to_column};

/// What an entry says.
pub(crate) struct Entry {
    command_id: String,
    pub(crate) transfer: Transfer,
}

/// The entries that commits are about which are applied together.
pub(super) struct Transfers<'a> {
    rows: BTreeMap<&'a str, Row>,
}

struct Row {
    entry: Entry,
    /// Of the commit that began it.
    sequence: i64,
    /// When it came to rest: the sequence of that commit, and the time in microseconds. Both are 0 while it runs.
    ended: (i64, i64),
}

impl<'a> Transfers<'a> {
    /// Loads the entries of those that were begun before.
    pub(super) async fn load(
        connection: &mut AnyConnection,
        begun: &[&'a str],
    ) -> Result<Self, ApplyError> {
        let select = "SELECT id, sequence, command_id, ended_sequence, ended_at, body \
                      FROM bus_transfer WHERE id IN";
        let mut rows = BTreeMap::new();
        for (id, row) in rows_of(connection, select, begun).await? {
            rows.insert(id, Row::read(&row)?);
        }
        Ok(Self { rows })
    }

    /// Answers the transfer as it is then.
    pub(super) fn apply(
        &mut self,
        context: &Context<'a>,
        any: &Any,
    ) -> Result<&Transfer, ApplyError> {
        let known = self.rows.remove(context.id);
        let sequence = known.as_ref().map_or(context.sequence, |row| row.sequence);
        let entry = after(known.map(|row| row.entry), context, any)?;
        let ended = match entry.transfer.status() {
            TransferStatus::Unspecified | TransferStatus::Running => (0, 0),
            TransferStatus::Refused
            | TransferStatus::Interrupted
            | TransferStatus::Stopped
            | TransferStatus::Completed => {
                (context.sequence, context.at.as_ref().map_or(0, microseconds))
            }
        };
        let row = self.rows.entry(context.id).or_insert(Row { entry, sequence, ended });
        Ok(&row.entry.transfer)
    }

    pub(super) async fn save(self, connection: &mut AnyConnection) -> Result<(), ApplyError> {
        for rows in parts(&Vec::from_iter(self.rows)) {
            save(connection, rows).await?;
        }
        Ok(())
    }
}

impl Row {
    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let command_id = row.try_get("command_id")?;
        Ok(Self {
            entry: Entry { command_id, transfer: from_column(row, "body")? },
            sequence: row.try_get("sequence")?,
            ended: (row.try_get("ended_sequence")?, row.try_get("ended_at")?),
        })
    }
}

/// The entry of the exchange log that a transfer's events make, one after the other: told here alone, for the view and for whoever
/// reads events that were stored elsewhere.
pub(crate) fn after(
    known: Option<Entry>,
    context: &Context<'_>,
    any: &Any,
) -> Result<Entry, ApplyError> {
    if let Some(requested) = event::<TransferRequested>(any)? {
        return request(context, requested);
    }
    let Some(mut entry) = known else {
        return Err(ApplyError::event(WithoutBeginning {
            event: any.type_url.clone(),
            id: context.id.to_owned(),
        }));
    };
    if event::<TransferResumed>(any)?.is_some() {
        context.command_id.clone_into(&mut entry.command_id);
    }
    evolve(&mut entry.transfer, any)?;
    entry.transfer.updated_at = context.at;
    Ok(entry)
}

fn request(context: &Context<'_>, requested: TransferRequested) -> Result<Entry, ApplyError> {
    let signed = requested.request.unwrap_or_default();
    let asked = TransferRequest::decode(signed.message.as_slice()).map_err(ApplyError::event)?;
    let mut transfer = Transfer {
        id: context.id.to_owned(),
        grant_id: requested.grant_id,
        resource_code: requested.resource_code,
        provider_code: requested.provider_code,
        consumer_code: requested.consumer_code,
        fields: requested.fields,
        purpose: requested.purpose,
        case_number: requested.case_number,
        requested_at: context.at,
        updated_at: context.at,
        requested_by: requested.requested_by,
        // Before there were other modes, requests named none.
        mode: match requested.mode {
            0 => DeliveryMode::Bulk.into(),
            mode => mode,
        },
        service: requested.service,
        proof: requested.proof,
        reconciliation: asked.reconcile,
        requested_through: requested.requested_through,
        served_through: requested.served_through,
        ..Transfer::default()
    };
    transfer.set_status(TransferStatus::Running);
    Ok(Entry { command_id: context.command_id.to_owned(), transfer })
}

fn evolve(transfer: &mut Transfer, any: &Any) -> Result<(), ApplyError> {
    if event::<TransferResumed>(any)?.is_some() {
        transfer.set_status(TransferStatus::Running);
        transfer.reason.clear();
        transfer.message.clear();
    }
    if let Some(refused) = event::<TransferRefused>(any)? {
        transfer.set_status(TransferStatus::Refused);
        transfer.reason = refused.reason;
        transfer.message = refused.message;
    }
    if let Some(interrupted) = event::<TransferInterrupted>(any)? {
        transfer.set_status(TransferStatus::Interrupted);
        transfer.reason = interrupted.reason;
        transfer.message = interrupted.message;
    }
    if let Some(stopped) = event::<TransferStopped>(any)? {
        transfer.set_status(TransferStatus::Stopped);
        transfer.reason = stopped.reason;
        transfer.message.clear();
    }
    if let Some(completed) = event::<TransferCompleted>(any)? {
        transfer.set_status(TransferStatus::Completed);
        transfer.rows = completed.rows;
        transfer.rejected_rows = completed.rejected_rows;
        transfer.bytes = completed.bytes;
        transfer.sha256 = completed.sha256;
        let receipt = Receipt::decode(completed.receipt.as_slice()).map_err(ApplyError::event)?;
        transfer.subject_reference = receipt.subject_reference;
        transfer.more_follows = receipt.more_follows;
        // Of a grant at a bus that was cut off when it was asked for, the provider was not known until now.
        if transfer.provider_code.is_empty() {
            transfer.provider_code = receipt.provider_code;
        }
        transfer.reason.clear();
        transfer.message.clear();
    }
    Ok(())
}

async fn save(connection: &mut AnyConnection, rows: &[(&str, Row)]) -> Result<(), ApplyError> {
    let upsert = format!(
        "INSERT INTO bus_transfer (id, sequence, command_id, status, grant_id, provider_code, \
         consumer_code, body, requested_at, delivered_rows, resource_code, purpose, case_number, \
         reason, subject_reference, mode, rejected_rows, reconciliation, fields, ended_sequence, ended_at, \
         more_follows) \
         VALUES {} \
         ON CONFLICT (id) DO UPDATE SET command_id = excluded.command_id, \
         status = excluded.status, body = excluded.body, delivered_rows = excluded.delivered_rows, \
         provider_code = excluded.provider_code, \
         reason = excluded.reason, subject_reference = excluded.subject_reference, \
         rejected_rows = excluded.rejected_rows, more_follows = excluded.more_follows, \
         ended_sequence = excluded.ended_sequence, ended_at = excluded.ended_at",
        places(rows.len(), 22)
    );
    let mut query = sqlx::query(AssertSqlSafe(upsert));
    for (id, Row { entry: Entry { command_id, transfer }, sequence, ended }) in rows {
        query = query
            .bind(*id)
            .bind(*sequence)
            .bind(command_id.as_str())
            .bind(i64::from(transfer.status))
            .bind(transfer.grant_id.as_str())
            .bind(transfer.provider_code.as_str())
            .bind(transfer.consumer_code.as_str())
            .bind(to_column(transfer))
            .bind(transfer.requested_at.as_ref().map_or(0, microseconds))
            .bind(i64::try_from(transfer.rows).unwrap_or(i64::MAX))
            .bind(transfer.resource_code.as_str())
            .bind(transfer.purpose.as_str())
            .bind(transfer.case_number.as_str())
            .bind(transfer.reason.as_str())
            .bind(transfer.subject_reference.as_str())
            .bind(i64::from(transfer.mode))
            .bind(i64::try_from(transfer.rejected_rows).unwrap_or(i64::MAX))
            .bind(i64::from(transfer.reconciliation))
            .bind(listed(&transfer.fields))
            .bind(ended.0)
            .bind(ended.1)
            .bind(i64::from(transfer.more_follows));
    }
    query.execute(connection).await?;
    Ok(())
}

/// Names as a column lists them: each between commas, which no name has.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!(",{name},")).collect()
}
