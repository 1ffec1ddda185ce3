//! Verification tickets and corrections: what the handlers of `TicketService` do.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::{self, Aggregates, Meta};
use publicdata_exchange_domain::ticket::{
    Command, Correction, Delivery, Finding, Flow, Report, Ticket,
};
use publicdata_exchange_domain::transfer::Transfer;
use publicdata_types::Prose;
use publicdata_types::{Actor, Calendar, TicketId, TransferId, china_date};
use publicdata_views::Projector;

use crate::codec::{grant::Grants, ticket::Tickets, transfer::Transfers};
use crate::error::Error;
use crate::queries::{Arrived, Queries};
use crate::views::EXCHANGE;

/// Within how many working days of finding it an error is reported (R27.1).
const REPORTED_WITHIN: u32 = 5;
/// Within how many working days of the report the provider answers (R27.1).
const ANSWERED_WITHIN: u32 = 10;
/// How long an answer waits for the view of transfers, before it fails as unavailable.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Decides on tickets. Cheap to clone.
#[derive(Clone)]
pub struct TicketDesk {
    /// The aggregates.
    pub tickets: Aggregates<Tickets>,
    /// What was delivered.
    pub transfers: Aggregates<Transfers>,
    /// Of which resource.
    pub grants: Aggregates<Grants>,
    /// The views.
    pub queries: Queries,
    /// What the view of transfers has to catch up with, before it says who is owed a correction.
    pub store: Store,
    /// That view.
    pub log: Arc<Projector>,
    /// Working days.
    pub calendar: Arc<Calendar>,
}

/// What a provider says it set right.
#[derive(Clone, Debug)]
pub struct Corrected {
    /// Since when; from now on if it does not say.
    pub at: Option<Timestamp>,
    /// What.
    pub description: Prose,
    /// Whether consumers need to fetch anew.
    pub flow: Flow,
}

impl TicketDesk {
    /// Reports data. The ticket's id follows from the command's, so that a repeated command finds it.
    ///
    /// # Errors
    /// The transfer is not a completed one of the caller's, or the rules forbid it.
    pub async fn raise(
        &self,
        meta: &Meta,
        transfer: TransferId,
        finding: Finding,
        by: Actor,
    ) -> Result<(TicketId, Report, u64), Error> {
        let delivery = self.delivery(transfer, &by).await?;
        let today = china_date(meta.at);
        let id = TicketId::from_uuid(*meta.command_id.as_uuid());
        let consumer = by.organisation;
        let command = Command::Raise {
            report_deadline: self.calendar.due(finding.found_on, REPORTED_WITHIN),
            deadline: self.calendar.due(today, ANSWERED_WITHIN),
            delivery: Box::new(delivery),
            finding: Box::new(finding),
            today,
            by,
        };

        let executed = self.tickets.execute(&id.to_string(), meta, command).await?;

        // A repeated command is answered with the limits that were set the first time; another's command id says nothing
        // about another's ticket.
        match executed.state.report() {
            Some(report) if report.consumer == consumer => {
                Ok((id, report.clone(), executed.sequence))
            }
            Some(_) | None => Err(Error::Unknown { what: "ticket" }),
        }
    }

    /// Finds a report right. Says how many consumers are owed the correction.
    ///
    /// # Errors
    /// There is no ticket that the caller may know of, or the rules forbid it.
    pub async fn uphold(
        &self,
        meta: &Meta,
        id: TicketId,
        corrected: Corrected,
        by: Actor,
    ) -> Result<(usize, u64), Error> {
        let report = self.known_to(id, &by).await?;
        let Corrected { at, description, flow } = corrected;
        let corrected_at = at.unwrap_or(meta.at);
        let owed = match flow {
            Flow::ToConsumers => {
                self.catch_up().await?;
                self.queries.owed(report.resource, corrected_at).await?
            }
            Flow::Nowhere => Vec::new(),
        };
        let correction = Correction { corrected_at, description, flow };
        let command = Command::Uphold { correction, owed, at: meta.at, by };

        let executed = self.tickets.execute(&id.to_string(), meta, command).await?;

        let owed = match executed.state {
            Ticket::Upheld { owed, .. } => owed.len(),
            Ticket::Absent
            | Ticket::Open { .. }
            | Ticket::Rejected { .. }
            | Ticket::Withdrawn { .. } => 0,
        };
        Ok((owed, executed.sequence))
    }

    /// Finds the data right as it is.
    ///
    /// # Errors
    /// There is no ticket that the caller may know of, or the rules forbid it.
    pub async fn reject(
        &self,
        meta: &Meta,
        id: TicketId,
        reason: Prose,
        by: Actor,
    ) -> Result<u64, Error> {
        self.known_to(id, &by).await?;
        let command = Command::Reject { reason, by };
        Ok(self.tickets.execute(&id.to_string(), meta, command).await?.sequence)
    }

    /// Takes a report back.
    ///
    /// # Errors
    /// There is no ticket that the caller may know of, or the rules forbid it.
    pub async fn withdraw(
        &self,
        meta: &Meta,
        id: TicketId,
        reason: Prose,
        by: Actor,
    ) -> Result<u64, Error> {
        self.known_to(id, &by).await?;
        let command = Command::Withdraw { reason, by };
        Ok(self.tickets.execute(&id.to_string(), meta, command).await?.sequence)
    }

    /// Notes that a ticket's time has passed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn deadline_elapsed(&self, meta: &Meta, id: &str) -> Result<(), Error> {
        let command = Command::DeadlineElapsed { today: china_date(meta.at) };
        self.tickets.execute(id, meta, command).await?;
        Ok(())
    }

    /// Notes that a correction has arrived.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delivered(&self, meta: &Meta, arrived: Arrived) -> Result<(), Error> {
        let Arrived { ticket, consumer, transfer, requested_at, .. } = arrived;
        let command = Command::Delivered { consumer, transfer, requested_at };
        self.tickets.execute(&ticket.to_string(), meta, command).await?;
        Ok(())
    }

    /// What a completed transfer of the caller's organisation delivered.
    async fn delivery(&self, id: TransferId, by: &Actor) -> Result<Delivery, Error> {
        let unknown = || Error::Unknown { what: "transfer" };
        let (state, _) = self.transfers.get(&id.to_string()).await?;
        let receipt = match state {
            Transfer::Completed(receipt) if receipt.consumer == by.organisation => receipt,
            Transfer::Absent | Transfer::Completed(_) => return Err(unknown()),
            Transfer::Running(request)
            | Transfer::Interrupted(request)
            | Transfer::Refused(request)
            | Transfer::Stopped(request) => {
                return match request.consumer == by.organisation {
                    true => Err(Error::TransferNotCompleted),
                    false => Err(unknown()),
                };
            }
        };
        let (grant, _) = self.grants.get(&receipt.grant.to_string()).await?;
        let (terms, ..) = grant.issued().ok_or_else(unknown)?;
        Ok(Delivery {
            transfer: id,
            grant: receipt.grant,
            resource: terms.resource,
            resource_code: terms.resource_code.clone(),
            provider: receipt.provider,
            consumer: receipt.consumer,
            fields: receipt.fields,
        })
    }

    /// Whoever is no party to a ticket cannot tell it from one that does not exist (H3).
    async fn known_to(&self, id: TicketId, by: &Actor) -> Result<Report, Error> {
        let (state, _) = self.tickets.get(&id.to_string()).await?;
        match state.report() {
            Some(report)
                if by.organisation == report.provider || by.organisation == report.consumer =>
            {
                Ok(report.clone())
            }
            Some(_) | None => Err(Error::Unknown { what: "ticket" }),
        }
    }

    /// Waits until the view knows every transfer that was asked for or completed so far.
    async fn catch_up(&self) -> Result<(), Error> {
        let last = self.store.last_sequence(EXCHANGE).await.map_err(aggregates::Error::Store)?;
        Ok(self.log.wait_for(EXCHANGE, last, CATCH_UP_TIMEOUT).await?)
    }
}
