//! Tickets, corrections, what is in doubt, and disputes: to whom they are shown, and what policies have to attend to.

use jiff::Timestamp;
use jiff::civil::Date;
use publicdata_exchange_domain::ticket::Owed;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::exchange::v1::{
    Correction, CorrectionStatus, Dispute, DisputeStatus, Grant, GrantStatus, PartyRole, Ticket,
    TicketStatus, TransferStatus,
};
use publicdata_types::{CommandId, DisputeId, OrganisationCode, ResourceId, TicketId, TransferId};
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Listed, PARTY, Page, Pending, Queries, Reader, as_number, pending};
use crate::error::Error;
use crate::views::from_column;

/// Parameter $5 is the number of a `PartyRole`; $2 is the reader's organisation.
const ROLE: &str = "($5 = 0 OR ($5 = 1 AND provider_code = $2) OR ($5 = 2 AND consumer_code = $2))";
/// Parameter $4 says which disputes the reader may advise on.
const ADVISED: &str = "advised_region LIKE $4";

/// Which tickets, corrections or disputes of those that the reader may see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<S> {
    /// In this status; the first of its kind for any.
    pub status: S,
    /// About this resource.
    pub resource: Option<ResourceId>,
    /// In which the reader's organisation takes this part.
    pub role: PartyRole,
}

/// A correction that has arrived, and is not noted as such yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// The ticket that it follows from.
    pub ticket: TicketId,
    /// The command that upheld the ticket.
    pub cause: CommandId,
    /// Where it has arrived.
    pub consumer: OrganisationCode,
    /// By which transfer.
    pub transfer: TransferId,
    /// When that was asked for.
    pub requested_at: Timestamp,
}

/// The number of the delivery mode in which nobody comes to hold rows: an answer is one of a moment, and the next one is asked for anew.
const QUERY: i64 = DeliveryMode::Query as i64;

impl Queries {
    /// One ticket, if the reader may see it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn ticket(&self, id: TicketId, reader: &Reader) -> Result<Option<Ticket>, Error> {
        let select = format!("SELECT body FROM bus_ticket WHERE ({PARTY}) AND id = $4");
        let row = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        Ok(row.map(|row| from_column(&row, "body")).transpose()?)
    }

    /// Tickets that the reader may see, newest first.
    ///
    /// # Errors
    /// The database failed, or the page token is not one of ours.
    pub async fn tickets(
        &self,
        reader: &Reader,
        filter: Filter<TicketStatus>,
        page: &Page,
    ) -> Result<Listed<Ticket>, Error> {
        let select = format!(
            "SELECT sequence, body FROM bus_ticket WHERE ({PARTY}) \
             AND ($4 = 0 OR status = $4) AND {ROLE} AND ($6 = '' OR resource_id = $6) \
             AND sequence < $7 ORDER BY sequence DESC LIMIT $8"
        );
        let rows = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(i64::from(i32::from(filter.status)))
            .bind(i64::from(i32::from(filter.role)))
            .bind(filter.resource.map(|id| id.to_string()).unwrap_or_default())
            .bind(page.before()?)
            .bind(page.limit() + 1)
            .fetch_all(self.database.pool())
            .await?;
        page.list(&rows)
    }

    /// Corrections that the reader owes or is owed, or may see that others do, newest first.
    ///
    /// # Errors
    /// The database failed, or the page token is not one of ours.
    pub async fn corrections(
        &self,
        reader: &Reader,
        filter: Filter<CorrectionStatus>,
        ticket: Option<TicketId>,
        page: &Page,
    ) -> Result<Listed<Correction>, Error> {
        let select = format!(
            "SELECT sequence, body FROM bus_correction WHERE ({PARTY}) \
             AND ($4 = 0 OR status = $4) AND {ROLE} AND ($6 = '' OR resource_id = $6) \
             AND ($7 = '' OR ticket_id = $7) \
             AND sequence < $8 ORDER BY sequence DESC LIMIT $9"
        );
        let rows = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(i64::from(i32::from(filter.status)))
            .bind(i64::from(i32::from(filter.role)))
            .bind(filter.resource.map(|id| id.to_string()).unwrap_or_default())
            .bind(ticket.map(|id| id.to_string()).unwrap_or_default())
            .bind(page.before()?)
            .bind(page.limit() + 1)
            .fetch_all(self.database.pool())
            .await?;
        page.list(&rows)
    }

    /// The open tickets on a resource, newest first, if the reader may know of a grant on it, or could use an offer of it
    /// (R27.2). Whoever had a grant that was revoked has the rows all the same.
    ///
    /// # Errors
    /// The reader may not, the database failed, or the page token is not one of ours.
    pub async fn disputed(
        &self,
        reader: &Reader,
        resource: ResourceId,
        page: &Page,
    ) -> Result<Listed<Ticket>, Error> {
        let select = format!(
            "SELECT 1 AS found FROM bus_grant WHERE resource_id = $5 AND (\
             (status IN ($6, $7) AND ({PARTY})) \
             OR (status = $6 AND consumer_code = '' AND $4 = 1)) LIMIT 1"
        );
        let found = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(i64::from(reader.consumer))
            .bind(resource.to_string())
            .bind(i64::from(i32::from(GrantStatus::Issued)))
            .bind(i64::from(i32::from(GrantStatus::Revoked)))
            .fetch_optional(self.database.pool())
            .await?;
        if found.is_none() {
            return Err(Error::Unknown { what: "resource" });
        }

        let rows = sqlx::query(
            "SELECT sequence, body FROM bus_ticket WHERE resource_id = $1 AND status = $2 \
             AND sequence < $3 ORDER BY sequence DESC LIMIT $4",
        )
        .bind(resource.to_string())
        .bind(i64::from(i32::from(TicketStatus::Open)))
        .bind(page.before()?)
        .bind(page.limit() + 1)
        .fetch_all(self.database.pool())
        .await?;
        page.list(&rows)
    }

    /// Every open ticket, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn open_tickets(&self) -> Result<Vec<Ticket>, Error> {
        let rows = sqlx::query("SELECT body FROM bus_ticket WHERE status = $1 ORDER BY sequence")
            .bind(i64::from(i32::from(TicketStatus::Open)))
            .fetch_all(self.database.pool())
            .await?;
        Ok(rows.iter().map(|row| from_column(row, "body")).collect::<Result<_, _>>()?)
    }

    /// Tickets whose limit has passed on this day and which are not known to be overdue.
    ///
    /// # Errors
    /// The database failed.
    pub async fn overdue_tickets(&self, today: Date) -> Result<Vec<Pending>, Error> {
        let rows = sqlx::query(
            "SELECT id, command_id FROM bus_ticket \
             WHERE status = $1 AND open_until > 0 AND open_until < $2 ORDER BY sequence",
        )
        .bind(i64::from(i32::from(TicketStatus::Open)))
        .bind(as_number(today))
        .fetch_all(self.database.pool())
        .await?;
        rows.iter().map(pending).collect()
    }

    /// Who asked for a resource before this moment and received it, or may yet: by what runs, or can be resumed. A comparison with a sink
    /// brings no rows.
    ///
    /// # Errors
    /// The database failed, or holds what cannot be read.
    pub async fn owed(&self, resource: ResourceId, before: Timestamp) -> Result<Vec<Owed>, Error> {
        let rows = sqlx::query(
            "SELECT consumer_code, grant_id, MAX(requested_at) AS last_at FROM \
             (SELECT t.consumer_code, t.grant_id, t.requested_at \
             FROM bus_transfer t JOIN bus_grant g ON g.id = t.grant_id \
             WHERE g.resource_id = $1 AND t.requested_at < $2 AND t.status IN ($3, $4, $5) \
             AND t.mode <> $6 AND t.reconciliation = 0 \
             UNION ALL SELECT u.consumer_code, u.grant_id, u.received_at \
             FROM bus_archived_use u JOIN bus_grant g ON g.id = u.grant_id \
             WHERE g.resource_id = $1 AND u.received_at > 0 AND u.first_received_at < $2) AS received \
             GROUP BY consumer_code, grant_id ORDER BY consumer_code, last_at DESC",
        )
        .bind(resource.to_string())
        .bind(before.as_microsecond())
        .bind(i64::from(i32::from(TransferStatus::Running)))
        .bind(i64::from(i32::from(TransferStatus::Interrupted)))
        .bind(i64::from(i32::from(TransferStatus::Completed)))
        .bind(QUERY)
        .fetch_all(self.database.pool())
        .await?;
        let mut owed = Vec::<Owed>::new();
        for row in rows {
            let consumer = read(&row, "consumer_code")?;
            // Of the grants of one consumer, that of its last transfer comes first.
            if owed.last().is_none_or(|last| last.consumer != consumer) {
                owed.push(Owed { consumer, grant: read(&row, "grant_id")? });
            }
        }
        Ok(owed)
    }

    /// Corrections that are owed, and that a transfer has brought: one that was asked for since, with each corrected item that the consumer
    /// was granted.
    ///
    /// # Errors
    /// The database failed, or holds what cannot be read.
    pub async fn arrived(&self) -> Result<Vec<Arrived>, Error> {
        let rows = sqlx::query(
            "SELECT ticket_id, command_id, consumer_code, resource_id, corrected_at, body \
             FROM bus_correction WHERE status = $1 ORDER BY sequence",
        )
        .bind(i64::from(i32::from(CorrectionStatus::Owed)))
        .fetch_all(self.database.pool())
        .await?;
        let mut arrived = Vec::new();
        for row in &rows {
            let correction: Correction = from_column(row, "body")?;
            let fields = self.corrected_fields(&correction).await?;
            arrived.extend(self.arrival(row, &fields).await?);
        }
        Ok(arrived)
    }

    /// The fields that a consumer has and that were corrected.
    async fn corrected_fields(&self, correction: &Correction) -> Result<Vec<String>, Error> {
        let row = sqlx::query("SELECT body FROM bus_grant WHERE id = $1")
            .bind(correction.grant_id.as_str())
            .fetch_one(self.database.pool())
            .await?;
        let Grant { mut fields, .. } = from_column(&row, "body")?;
        // Without items, whole rows were in doubt.
        if !correction.items.is_empty() {
            fields.retain(|field| correction.items.contains(field));
        }
        Ok(fields)
    }

    /// The first transfer that brought these fields to whom a correction is owed. Of a push in several deliveries it is the last one: what
    /// was corrected may stand in any of them. What is read from archives by now is looked for by the last transfer there.
    async fn arrival(&self, owed: &AnyRow, fields: &[String]) -> Result<Option<Arrived>, Error> {
        let has_fields: String =
            (0..fields.len()).map(|index| has_field(&format!("${}", index + 6))).collect();
        let select = format!(
            "SELECT t.transfer_id AS transfer_id, t.requested_at AS requested_at FROM \
             (SELECT id AS transfer_id, grant_id, fields, requested_at FROM bus_transfer \
             WHERE consumer_code = $1 AND status = $2 AND mode <> $5 AND reconciliation = 0 \
             AND more_follows = 0 \
             UNION ALL SELECT transfer_id, grant_id, fields, requested_at \
             FROM bus_archived_arrival WHERE consumer_code = $1) AS t \
             JOIN bus_grant g ON g.id = t.grant_id \
             WHERE t.requested_at >= $3 AND g.resource_id = $4{has_fields} \
             ORDER BY t.requested_at, t.transfer_id LIMIT 1"
        );
        let mut query = sqlx::query(AssertSqlSafe(select))
            .bind(owed.try_get::<String, _>("consumer_code")?)
            .bind(i64::from(i32::from(TransferStatus::Completed)))
            .bind(owed.try_get::<i64, _>("corrected_at")?)
            .bind(owed.try_get::<String, _>("resource_id")?)
            .bind(QUERY);
        for field in fields {
            query = query.bind(format!(",{field},"));
        }
        let Some(found) = query.fetch_optional(self.database.pool()).await? else {
            return Ok(None);
        };
        let requested_at = Timestamp::from_microsecond(found.try_get("requested_at")?);
        Ok(Some(Arrived {
            ticket: read(owed, "ticket_id")?,
            cause: read(owed, "command_id")?,
            consumer: read(owed, "consumer_code")?,
            transfer: read(&found, "transfer_id")?,
            requested_at: requested_at.map_err(Error::unreadable)?,
        }))
    }

    /// One dispute, if the reader may see it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn dispute(&self, id: DisputeId, reader: &Reader) -> Result<Option<Dispute>, Error> {
        let select =
            format!("SELECT body FROM bus_dispute WHERE ({PARTY} OR {ADVISED}) AND id = $5");
        let row = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(reader.advised.as_str())
            .bind(id.to_string())
            .fetch_optional(self.database.pool())
            .await?;
        Ok(row.map(|row| from_column(&row, "body")).transpose()?)
    }

    /// Disputes that the reader may see, newest first.
    ///
    /// # Errors
    /// The database failed, or the page token is not one of ours.
    pub async fn disputes(
        &self,
        reader: &Reader,
        filter: Filter<DisputeStatus>,
        page: &Page,
    ) -> Result<Listed<Dispute>, Error> {
        let select = format!(
            "SELECT sequence, body FROM bus_dispute WHERE ({PARTY} OR {ADVISED}) AND {ROLE} \
             AND ($6 = 0 OR status = $6) AND ($7 = '' OR resource_id = $7) \
             AND sequence < $8 ORDER BY sequence DESC LIMIT $9"
        );
        let rows = reader
            .bind(sqlx::query(AssertSqlSafe(select)))
            .bind(reader.advised.as_str())
            .bind(i64::from(i32::from(filter.role)))
            .bind(i64::from(i32::from(filter.status)))
            .bind(filter.resource.map(|id| id.to_string()).unwrap_or_default())
            .bind(page.before()?)
            .bind(page.limit() + 1)
            .fetch_all(self.database.pool())
            .await?;
        page.list(&rows)
    }
}

/// That a column of names between commas has this one; in a way that both databases understand, and to the letter.
fn has_field(parameter: &str) -> String {
    format!(" AND replace(t.fields, {parameter}, '') <> t.fields")
}

/// A column's text as what it means.
pub(super) fn read<T>(row: &AnyRow, column: &str) -> Result<T, Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.try_get::<String, _>(column)?.parse().map_err(Error::unreadable)
}
