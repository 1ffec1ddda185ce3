//! Changes and obligations: whoever opens, meets or cancels one, a person, a policy or the clock, goes through here.

pub(crate) mod history;

use std::sync::Arc;

use jiff::Timestamp;
use publicdata_catalog_domain::obligation::{Command, Duty, Obligation, Rejection, warn_until};
use publicdata_catalog_domain::schedule::{Action, Opening};
use publicdata_event_store::aggregates::{Aggregates, ExecuteError, Executed, Meta};
use publicdata_identity::SpiffeId;
use publicdata_service_kit::Holidays;
use publicdata_types::{Actor, CommandId, ObligationId, RegionCode, china_date};
use publicdata_views::Projector;

use crate::codec;
use crate::error::Error;
use crate::grpc::Shared;

/// Commands to changes and obligations, with what they need to know beforehand.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) changes: Aggregates<codec::Change>,
    pub(crate) obligations: Aggregates<codec::Obligation>,
    pub(crate) holidays: Arc<Holidays>,
    pub(crate) view: Arc<Projector>,
    pub(crate) shared: Arc<Shared>,
    /// Who acts where nobody asked: this service.
    pub(crate) service: SpiffeId,
}

impl Desk {
    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// What comes with a command that the service gives itself. Its id follows from what it reacts to, so it may be repeated.
    pub(crate) fn meta(&self, command_id: CommandId) -> Meta {
        Meta { command_id, actor: self.service.to_string(), at: self.now(), traceparent: None }
    }

    pub(crate) async fn execute(
        &self,
        id: &ObligationId,
        meta: &Meta,
        command: Command,
    ) -> Result<Executed<Obligation>, ExecuteError<Rejection>> {
        self.obligations.execute(&id.to_string(), meta, command).await
    }

    /// Does what a schedule says, because of the commit that `cause` made.
    pub(crate) async fn carry_out(&self, cause: CommandId, action: Action) -> Result<(), Error> {
        match action {
            Action::Open(id, opening) => {
                let organisation = opening.organisation;
                match self.shared.directory.organisation_now(&organisation).await? {
                    Some(known) => self.open(&id, opening, known.region).await,
                    None => {
                        tracing::error!(%organisation, "an organisation that owes is not registered");
                        Ok(())
                    }
                }
            }
            Action::Meet(id, on, resource) => {
                let command = Command::Meet { on, resources: Vec::from_iter(resource) };
                self.react(&id, cause.derive(&format!("meet {id}")), command).await
            }
            Action::Lapse(id, reason) => {
                let command = Command::Lapse { reason };
                self.react(&id, cause.derive(&format!("lapse {id}")), command).await
            }
        }
    }

    /// Opens an obligation, with its limit counted by the calendar that is known now.
    pub(crate) async fn open(
        &self,
        id: &ObligationId,
        opening: Opening,
        region: RegionCode,
    ) -> Result<(), Error> {
        let calendar = self.holidays.calendar();
        let duty: Duty = opening.in_region(region);
        let deadline = duty.term.due(&calendar, duty.counted_from);
        let warn_until = warn_until(&calendar, china_date(self.now()));
        // It opens once, whatever it was opened by.
        let command_id = CommandId::from_uuid(*id.as_uuid()).derive("open");
        self.react(id, command_id, Command::Open { duty, deadline, warn_until }).await
    }

    /// A command that the service gives itself. A rejection is a fault in what it reacts to: it is logged, and the next event
    /// is taken up all the same.
    pub(crate) async fn react(
        &self,
        id: &ObligationId,
        command_id: CommandId,
        command: Command,
    ) -> Result<(), Error> {
        match self.execute(id, &self.meta(command_id), command).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Rejected(rejection)) => {
                tracing::error!(obligation.id = %id, error = %rejection, "an obligation is refused");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// R13.1: an organisation sees its own obligations, an authority those of its region, an auditor all.
pub(crate) fn may_see(actor: &Actor, duty: &Duty) -> bool {
    actor.may_act_for(&duty.organisation).is_ok()
        || actor.is_authority_over(&duty.region)
        || actor.may_audit().is_ok()
}
