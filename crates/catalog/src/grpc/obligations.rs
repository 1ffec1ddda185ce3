//! Changes, obligations and the calendar.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::{Date, date};
use publicdata_catalog_domain::change::{self, Affected, Record};
use publicdata_catalog_domain::obligation::{
    CATALOGUE_UPDATE_WITHIN, Command, Kind, Named, RESOURCES_MAX, Rejection, WARNED_AHEAD,
};
use publicdata_proto::catalog::v1 as wire;
use publicdata_proto::catalog::v1::obligation_service_server::ObligationService;
use publicdata_proto::catalog::v1::{
    CancelObligationRequest, CancelObligationResponse, CountDeadlineRequest, CountDeadlineResponse,
    FulfilObligationRequest, FulfilObligationResponse, GetCalendarRequest, GetCalendarResponse,
    GetObligationRequest, GetObligationResponse, ListChangesRequest, ListChangesResponse,
    ListObligationsRequest, ListObligationsResponse, RecordChangeRequest, RecordChangeResponse,
    count_deadline_request::Limit,
};
use publicdata_types::{
    Actor, ChangeId, ObligationId, OrganisationCode, PageToken, ResourceId, china_date,
};
use tonic::{Request, Response, Status};

use super::{next_page_token, page_size, parse, parse_optional};
use crate::codec::{
    change_kind_from_wire, deadline_to_wire, obligation_kind_from_wire, obligation_kind_to_wire,
    optional, required,
};
use crate::error::Error;
use crate::obligations::{Desk, history, may_see};
use crate::queries::obligations::{self as queries, Filter, Place, Scope, State};

const WORKING_DAYS_MAX: u32 = 1_000;
const DAYS_MAX: u32 = 10_000;

/// Answers `ObligationService`.
#[derive(Debug)]
pub(crate) struct Obligations {
    pub(crate) desk: Arc<Desk>,
}

#[tonic::async_trait]
impl ObligationService for Obligations {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn record_change(
        &self,
        request: Request<RecordChangeRequest>,
    ) -> Result<Response<RecordChangeResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.desk.shared.meta(&message.command_id, &by.id)?;
        let id = ChangeId::from_uuid(*meta.command_id.derive("change").as_uuid());
        let (affected, unregistered) = self.affected(&message.organisation_codes).await?;
        let kind = required("kind", change_kind_from_wire(message.kind)).map_err(Error::from)?;
        let record = Record {
            kind,
            title: message.title,
            description: message.description,
            effective_on: parse("effective_on", &message.effective_on)?,
            affected,
        };

        let (effective_on, today) = (record.effective_on, china_date(meta.at));
        let command = change::Command::Record { record, unregistered, today, by };
        let done = self.desk.changes.execute(&id.to_string(), &meta, command).await;
        let sequence = done.map_err(Error::from)?.sequence;
        self.until_seen(sequence).await;
        let deadline = self.desk.holidays.calendar().due(effective_on, CATALOGUE_UPDATE_WITHIN);
        Ok(Response::new(RecordChangeResponse {
            change_id: id.to_string(),
            deadline: Some(deadline_to_wire(&deadline, Kind::CatalogueUpdate.rule())),
            sequence,
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_changes(
        &self,
        request: Request<ListChangesRequest>,
    ) -> Result<Response<ListChangesResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let message = request.get_ref();
        let limit = page_size(message.page_size)?;
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;
        let before = token.map(|token| parse::<u64>("page_token", token.key())).transpose()?;

        let database = &self.desk.shared.database;
        let found = queries::changes(database, &Scope::of(&by), before, limit).await;
        let found = found.map_err(Error::from)?;
        let last = found.last().map(|(sequence, _)| sequence.to_string());
        let next_page_token = next_page_token(found.len(), limit, last);
        let changes = found.into_iter().map(|(_, change)| change).collect();
        Ok(Response::new(ListChangesResponse { changes, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_obligation(
        &self,
        request: Request<GetObligationRequest>,
    ) -> Result<Response<GetObligationResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let id = parse("obligation_id", &request.get_ref().obligation_id)?;
        let obligation = Some(self.read(&by, &id).await?);
        Ok(Response::new(GetObligationResponse { obligation }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_obligations(
        &self,
        request: Request<ListObligationsRequest>,
    ) -> Result<Response<ListObligationsResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let filter = filter(request.get_ref())?;

        let database = &self.desk.shared.database;
        let found = queries::list(database, &Scope::of(&by), &filter).await;
        let found = found.map_err(Error::from)?;
        let last = found.last().map(page_key);
        let next_page_token = next_page_token(found.len(), filter.limit, last);
        let mut obligations = Vec::with_capacity(found.len());
        for obligation in found {
            obligations.push(self.with_name(obligation).await?);
        }
        Ok(Response::new(ListObligationsResponse { obligations, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn fulfil_obligation(
        &self,
        request: Request<FulfilObligationRequest>,
    ) -> Result<Response<FulfilObligationResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.desk.shared.meta(&message.command_id, &by.id)?;
        let id = parse("obligation_id", &message.obligation_id)?;
        self.visible(&id, &by).await?;
        let named = self.named(&message.resource_ids, &by.organisation).await?;

        let (on, note) = (china_date(meta.at), message.note);
        let command = Command::Fulfil { on, named, note, by: by.clone() };
        let done = self.desk.execute(&id, &meta, command).await.map_err(Error::from)?;
        self.until_seen(done.sequence).await;
        let obligation = Some(self.read(&by, &id).await?);
        Ok(Response::new(FulfilObligationResponse { obligation, sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn cancel_obligation(
        &self,
        request: Request<CancelObligationRequest>,
    ) -> Result<Response<CancelObligationResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.desk.shared.meta(&message.command_id, &by.id)?;
        let id = parse("obligation_id", &message.obligation_id)?;
        self.visible(&id, &by).await?;

        let command = Command::Cancel { reason: message.reason, by };
        let done = self.desk.execute(&id, &meta, command).await.map_err(Error::from)?;
        self.until_seen(done.sequence).await;
        Ok(Response::new(CancelObligationResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn count_deadline(
        &self,
        request: Request<CountDeadlineRequest>,
    ) -> Result<Response<CountDeadlineResponse>, Status> {
        self.desk.shared.directory.caller(&request).await?;
        let message = request.get_ref();
        let from: Date = parse("from", &message.from)?;
        let calendar = self.desk.holidays.calendar();
        let deadline = match message.limit {
            Some(Limit::WorkingDays(days)) => {
                calendar.due(from, at_most("working_days", days, WORKING_DAYS_MAX)?)
            }
            Some(Limit::Days(days)) => calendar.due_in_days(from, at_most("days", days, DAYS_MAX)?),
            None => return Err(Error::field("limit", "say how many days, or working days").into()),
        };
        let warn_on = calendar.working_days_before(deadline.on, WARNED_AHEAD);
        Ok(Response::new(CountDeadlineResponse {
            deadline: Some(deadline_to_wire(&deadline, "")),
            warn_on: warn_on.to_string(),
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_calendar(
        &self,
        request: Request<GetCalendarRequest>,
    ) -> Result<Response<GetCalendarResponse>, Status> {
        self.desk.shared.directory.caller(&request).await?;
        let year = match i16::try_from(request.get_ref().year) {
            Ok(year @ 1..=9_999) => year,
            Ok(_) | Err(_) => return Err(Error::field("year", "write 1 to 9999").into()),
        };
        let calendar = self.desk.holidays.calendar();
        let announced = calendar.announced(year).cloned().unwrap_or_default();
        let (first, last) = (date(year, 1, 1), date(year, 12, 31));
        let texts = |days: BTreeSet<Date>| days.iter().map(ToString::to_string).collect();
        let working_days =
            calendar.working_days_between(first, last) + u32::from(calendar.is_working_day(first));
        Ok(Response::new(GetCalendarResponse {
            year: year.into(),
            announced: calendar.is_announced(year),
            holidays: texts(announced.holidays),
            make_up_days: texts(announced.make_up_days),
            working_days,
            calendar_version: calendar.version().to_owned(),
        }))
    }
}

impl Obligations {
    /// Whom a change affects, with their divisions; and the first that is not registered.
    async fn affected(
        &self,
        codes: &[String],
    ) -> Result<(Vec<Affected>, Vec<OrganisationCode>), Error> {
        if codes.len() > change::ORGANISATIONS_MAX {
            let found = codes.len();
            return Err(Error::Change(change::Rejection::TooManyAffected { found }));
        }
        let mut affected = Vec::with_capacity(codes.len());
        for (index, code) in codes.iter().enumerate() {
            let code: OrganisationCode = parse(&format!("organisation_codes[{index}]"), code)?;
            match self.desk.shared.directory.organisation_now(&code).await? {
                Some(known) => {
                    affected.push(Affected { organisation: code, region: known.region });
                }
                None => return Ok((affected, vec![code])),
            }
        }
        Ok((affected, vec![]))
    }

    /// What is known of the entries that an organisation names.
    async fn named(&self, ids: &[String], owner: &OrganisationCode) -> Result<Vec<Named>, Error> {
        if ids.len() > RESOURCES_MAX {
            return Err(Error::Obligation(Rejection::TooManyNamed { found: ids.len() }));
        }
        let mut named = Vec::with_capacity(ids.len());
        for (index, id) in ids.iter().enumerate() {
            let id: ResourceId = parse(&format!("resource_ids[{index}]"), id)?;
            named.push(history::named(&self.desk.shared.store, id, owner).await?);
        }
        Ok(named)
    }

    /// R13.1: who may not see an obligation is not told that there is one.
    async fn visible(&self, id: &ObligationId, by: &Actor) -> Result<(), Error> {
        let (state, _) = self.desk.obligations.get(&id.to_string()).await?;
        match state.duty() {
            Some(duty) if may_see(by, duty) => Ok(()),
            Some(_) | None => Err(Error::ObligationNotFound),
        }
    }

    async fn read(&self, by: &Actor, id: &ObligationId) -> Result<wire::Obligation, Error> {
        let found = queries::by_id(&self.desk.shared.database, &Scope::of(by), id).await?;
        self.with_name(found.ok_or(Error::ObligationNotFound)?).await
    }

    async fn with_name(&self, obligation: wire::Obligation) -> Result<wire::Obligation, Error> {
        let code = parse("organisation_code", &obligation.organisation_code)?;
        let organisation_name = self.desk.shared.name_of(&code).await?;
        Ok(wire::Obligation { organisation_name, ..obligation })
    }

    async fn until_seen(&self, sequence: u64) {
        self.desk.shared.until_view_holds(&self.desk.view, sequence).await;
    }
}

fn filter(message: &ListObligationsRequest) -> Result<Filter, Error> {
    let kind = obligation_kind_from_wire(message.kind);
    let kind = optional("kind", message.kind, kind)?;
    let state = State::ALL.into_iter().find(|state| state.to_wire() as i32 == message.state);
    Ok(Filter {
        organisation: parse_optional("organisation_code", &message.organisation_code)?,
        region: parse_optional("region_code", &message.region_code)?,
        kind: kind.map(|kind| obligation_kind_to_wire(kind).into()),
        state: optional("state", message.state, state)?,
        due_before: parse_optional("due_before", &message.due_before)?,
        cause: cause(&message.cause_id)?,
        after: place(&message.page_token)?,
        limit: page_size(message.page_size)?,
    })
}

/// A UUID or a classification code: nothing that a pattern could be made of.
fn cause(text: &str) -> Result<String, Error> {
    match text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        true => Ok(text.to_owned()),
        false => Err(Error::field("cause_id", "it is neither a UUID nor a classification code")),
    }
}

/// Where a page ends.
fn page_key(obligation: &wire::Obligation) -> String {
    let due_on = obligation.deadline.as_ref().map_or("", |deadline| deadline.due_on.as_str());
    format!("{due_on} {}", obligation.id)
}

/// Where a page begins, as [`page_key`] said.
fn place(token: &str) -> Result<Place, Error> {
    let token: Option<PageToken> = parse_optional("page_token", token)?;
    let Some(token) = token else { return Ok(Place::default()) };
    match token.key().split_once(' ') {
        Some((due_on, id)) => Ok(Place { due_on: due_on.to_owned(), id: id.to_owned() }),
        None => Err(Error::field("page_token", "it belongs to another list")),
    }
}

fn at_most(field: &str, found: u32, max: u32) -> Result<u32, Error> {
    match found {
        found if found <= max => Ok(found),
        _ => Err(Error::field(field, format!("at most {max} are allowed"))),
    }
}
