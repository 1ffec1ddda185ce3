//! What the node's own department is told of its quarantine.

use publicdata_proto::node::v1::{
    Breach as WireBreach, BrokenRule, DiscardQuarantineRequest, DiscardQuarantineResponse,
    GetQuarantineSummaryRequest, GetQuarantineSummaryResponse, ListQuarantineRequest,
    ListQuarantineResponse, QuarantinedRow, QuarantinedTransfer, QuarantinedValue,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};
use publicdata_transfer::time;
use tonic::Status;

use super::{Kept, Quarantine, QuarantineError, Summary, Wanted};
use crate::quality::Breach;

const PAGE_SIZE: u32 = 50;
const PAGE_SIZE_MAX: u32 = 500;

/// `GetQuarantineSummary`.
///
/// # Errors
/// The request is wrong, or the quarantine cannot be read.
pub async fn summary(
    quarantine: &Quarantine,
    request: &GetQuarantineSummaryRequest,
) -> Result<GetQuarantineSummaryResponse, Status> {
    let resource = optional("resource_id", &request.resource_id)?;
    let (summaries, bytes) = quarantine.summaries(resource).await?;
    Ok(GetQuarantineSummaryResponse {
        transfers: summaries.iter().map(transfer).collect(),
        bytes,
        bytes_max: quarantine.bytes_max(),
    })
}

/// `ListQuarantine`.
///
/// # Errors
/// The request is wrong, or the quarantine cannot be read.
pub async fn list(
    quarantine: &Quarantine,
    request: &ListQuarantineRequest,
) -> Result<ListQuarantineResponse, Status> {
    let rows_max = match request.page_size {
        0 => PAGE_SIZE,
        size => size.min(PAGE_SIZE_MAX),
    };
    let after = optional("page_token", &request.page_token)?.unwrap_or_default();
    let wanted = Wanted {
        resource: optional("resource_id", &request.resource_id)?,
        transfer: optional("transfer_id", &request.transfer_id)?,
        after,
        rows_max: rows_max + 1,
    };
    let mut rows = quarantine.rows(&wanted).await?;
    let more = rows.len() > rows_max as usize;
    rows.truncate(rows_max as usize);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    Ok(ListQuarantineResponse {
        rows: rows.into_iter().map(row).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

/// `DiscardQuarantine`.
///
/// # Errors
/// The request is wrong, or the quarantine cannot be written.
pub async fn discard(
    quarantine: &Quarantine,
    request: &DiscardQuarantineRequest,
) -> Result<DiscardQuarantineResponse, Status> {
    let transfer =
        optional("transfer_id", &request.transfer_id)?.ok_or_else(|| malformed("transfer_id"))?;
    let rows = quarantine.discard(transfer).await?;
    tracing::info!(transfer.id = %transfer, rows, "quarantined rows were discarded by the department");
    Ok(DiscardQuarantineResponse { rows })
}

fn transfer(summary: &Summary) -> QuarantinedTransfer {
    let delivery = &summary.delivery;
    let rule = |(breach, rows): &(Breach, u64)| {
        let WireBreach { item, rule, message } = breach_to_wire(breach);
        BrokenRule { item, rule, message, rows: *rows }
    };
    QuarantinedTransfer {
        transfer_id: delivery.transfer.to_string(),
        resource_id: delivery.resource.to_string(),
        grant_id: delivery.grant.to_string(),
        consumer_code: delivery.consumer.to_string(),
        first_at: Some(time::to_wire(summary.first_at)),
        last_at: Some(time::to_wire(summary.last_at)),
        rejected_rows: summary.rejected,
        kept_rows: summary.kept,
        rules: summary.broken.iter().map(rule).collect(),
    }
}

fn row(kept: Kept) -> QuarantinedRow {
    let values = kept.rejected.values.into_iter();
    QuarantinedRow {
        transfer_id: kept.transfer.to_string(),
        resource_id: kept.resource.to_string(),
        row: kept.rejected.row,
        at: Some(time::to_wire(kept.at)),
        breaches: kept.rejected.breaches.iter().map(breach_to_wire).collect(),
        values: values.map(|(item, value)| QuarantinedValue { item, value }).collect(),
    }
}

fn breach_to_wire(breach: &Breach) -> WireBreach {
    let Breach { item, rule } = breach;
    let message = format!("{item} {}", rule.complaint());
    WireBreach { item: item.clone(), rule: rule.to_string(), message }
}

fn optional<T: std::str::FromStr>(field: &str, text: &str) -> Result<Option<T>, Status> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| malformed(field)),
    }
}

fn malformed(field: &str) -> Status {
    let text = format!("`{field}` is missing or malformed; give it as the node gave it");
    Problem::new(Code::InvalidArgument, "REQUEST_MALFORMED", text).into()
}

impl From<QuarantineError> for Status {
    fn from(error: QuarantineError) -> Self {
        tracing::error!(error = chain(&error), "the quarantine cannot be used");
        let text = "the node's quarantine cannot be used; its operator finds why in its log";
        match error {
            QuarantineError::File { .. } | QuarantineError::Database(_) => {
                Problem::new(Code::Unavailable, "QUARANTINE_UNAVAILABLE", text).into()
            }
            QuarantineError::Damaged(_) => {
                Problem::new(Code::DataLoss, "QUARANTINE_DAMAGED", text).into()
            }
        }
    }
}
