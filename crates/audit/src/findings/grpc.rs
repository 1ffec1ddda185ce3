//! Parse, execute, respond: findings.

use std::sync::Arc;

use publicdata_audit_domain::finding::{Command, Escalation, Matter, Order, Raised, Verdict};
use publicdata_directory::Directory;
use publicdata_event_store::aggregates::Meta;
use publicdata_proto::audit::v1::finding_service_server::FindingService;
use publicdata_proto::audit::v1::{
    DismissFindingRequest, DismissFindingResponse, EscalateFindingRequest, EscalateFindingResponse,
    FindingKind, GetFindingRequest, GetFindingResponse, JudgeRectificationRequest,
    JudgeRectificationResponse, ListFindingsRequest, ListFindingsResponse, ListRulesRequest,
    ListRulesResponse, OrderRectificationRequest, OrderRectificationResponse, RaiseFindingRequest,
    RaiseFindingResponse, ReportRectificationRequest, ReportRectificationResponse, RuleInForce,
};
use publicdata_service_kit::{Clock, telemetry};
use publicdata_types::{Actor, CommandId, OrganisationCode, Prose, china_date};
use publicdata_views::Database;
use tonic::{Request, Response, Status};

use super::codec::{self, FieldError, optional, parse};
use super::desk::{self, Desk};
use super::engine::Engine;
use super::queries::{self, Reader};
use super::rules::{Kind, Rule};
use super::watch::Progress;
use crate::error::Error;
use crate::queries as log;

/// How many events one may name as evidence.
const EVIDENCE_MAX: usize = 100;

/// Answers calls about findings.
pub(crate) struct Service {
    pub(crate) desk: Desk,
    pub(crate) database: Database,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Clock,
    pub(crate) engine: Arc<Engine>,
    pub(crate) progress: Progress,
}

#[tonic::async_trait]
impl FindingService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_findings(
        &self,
        request: Request<ListFindingsRequest>,
    ) -> Result<Response<ListFindingsResponse>, Status> {
        let reader = Reader::from(&self.directory.user(&request).await?);
        self.desk.catch_up().await?;
        let mut connection = self.database.pool().acquire().await.map_err(Error::from)?;
        let (findings, next) =
            queries::findings(&mut connection, request.into_inner(), &reader).await?;
        let next_page_token = next.map(|token| token.to_string()).unwrap_or_default();
        Ok(Response::new(ListFindingsResponse { findings, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_finding(
        &self,
        request: Request<GetFindingRequest>,
    ) -> Result<Response<GetFindingResponse>, Status> {
        let reader = Reader::from(&self.directory.user(&request).await?);
        let id = parse("finding_id", &request.get_ref().finding_id).map_err(Error::from)?;
        self.desk.catch_up().await?;
        let mut connection = self.database.pool().acquire().await.map_err(Error::from)?;
        let finding = queries::finding(&mut connection, id, &reader).await?;
        let finding = Some(finding.ok_or(Error::FindingUnknown)?);
        Ok(Response::new(GetFindingResponse { finding }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_rules(
        &self,
        request: Request<ListRulesRequest>,
    ) -> Result<Response<ListRulesResponse>, Status> {
        let by = self.directory.user(&request).await?;
        // What went wrong may tell of others' events.
        let details = by.may_audit().is_ok() || by.is_authority_over(&by.region);
        let mut connection = self.database.pool().acquire().await.map_err(Error::from)?;
        let newest = log::newest_checkpoint(&mut connection).await.map_err(Error::from)?;
        let reading = self.progress.get();
        Ok(Response::new(ListRulesResponse {
            rules: self
                .engine
                .rules()
                .rules
                .iter()
                .map(|rule| self.in_force(rule, details))
                .collect(),
            read: reading.read,
            logged: newest.map_or(0, |checkpoint| checkpoint.size),
            problem: if details { reading.problem } else { String::new() },
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn raise_finding(
        &self,
        request: Request<RaiseFindingRequest>,
    ) -> Result<Response<RaiseFindingResponse>, Status> {
        let by = self.directory.user(&request).await?;
        // Others learn nothing from the answer, such as who is registered.
        by.may_govern(&by.region).map_err(Error::from)?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let raised = self.raised(&meta, request, &by).await?;
        let (id, sequence) = self.desk.raise(&meta, raised, by).await?;
        Ok(Response::new(RaiseFindingResponse { finding_id: id.to_string(), sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn order_rectification(
        &self,
        request: Request<OrderRectificationRequest>,
    ) -> Result<Response<OrderRectificationResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let order = Order {
            author: by.organisation,
            demand: parse("demand", &request.demand).map_err(Error::from)?,
            due_on: parse("due_on", &request.due_on).map_err(Error::from)?,
            document: optional("document_number", &request.document_number).map_err(Error::from)?,
        };
        let today = china_date(self.clock.now());
        let command = Command::Order { order, today, by: by.clone() };
        let sequence =
            self.carry_out(&request.command_id, &request.finding_id, &by, command).await?;
        Ok(Response::new(OrderRectificationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn report_rectification(
        &self,
        request: Request<ReportRectificationRequest>,
    ) -> Result<Response<ReportRectificationResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let statement: Prose = parse("statement", &request.statement).map_err(Error::from)?;
        let today = china_date(self.clock.now());
        let command = Command::Report { statement, today, by: by.clone() };
        let sequence =
            self.carry_out(&request.command_id, &request.finding_id, &by, command).await?;
        Ok(Response::new(ReportRectificationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn judge_rectification(
        &self,
        request: Request<JudgeRectificationRequest>,
    ) -> Result<Response<JudgeRectificationResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let reason: Prose = parse("reason", &request.reason).map_err(Error::from)?;
        let due_on = optional("due_on", &request.due_on).map_err(Error::from)?;
        let verdict = due_on.map_or(Verdict::Accepted, |due_on| Verdict::Rejected { due_on });
        let today = china_date(self.clock.now());
        let command = Command::Judge { verdict, reason, today, by: by.clone() };
        let sequence =
            self.carry_out(&request.command_id, &request.finding_id, &by, command).await?;
        Ok(Response::new(JudgeRectificationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn escalate_finding(
        &self,
        request: Request<EscalateFindingRequest>,
    ) -> Result<Response<EscalateFindingResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let escalation = Escalation {
            addressee: parse("addressee", &request.addressee).map_err(Error::from)?,
            reason: parse("reason", &request.reason).map_err(Error::from)?,
            document: optional("document_number", &request.document_number).map_err(Error::from)?,
        };
        let command = Command::Escalate { escalation, by: by.clone() };
        let sequence =
            self.carry_out(&request.command_id, &request.finding_id, &by, command).await?;
        Ok(Response::new(EscalateFindingResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn dismiss_finding(
        &self,
        request: Request<DismissFindingRequest>,
    ) -> Result<Response<DismissFindingResponse>, Status> {
        let by = self.directory.user(&request).await?;
        let request = request.into_inner();
        let reason: Prose = parse("reason", &request.reason).map_err(Error::from)?;
        let command = Command::Dismiss { reason, by: by.clone() };
        let sequence =
            self.carry_out(&request.command_id, &request.finding_id, &by, command).await?;
        Ok(Response::new(DismissFindingResponse { sequence }))
    }
}

impl Service {
    fn meta(&self, command_id: &str, by: &Actor) -> Result<Meta, Error> {
        Ok(Meta {
            command_id: parse::<CommandId>("command_id", command_id)?,
            actor: by.id.clone(),
            at: self.clock.now(),
            traceparent: telemetry::current_traceparent(),
        })
    }

    async fn carry_out(
        &self,
        command_id: &str,
        finding_id: &str,
        by: &Actor,
        command: Command,
    ) -> Result<u64, Error> {
        let meta = self.meta(command_id, by)?;
        self.desk.carry_out(&meta, parse("finding_id", finding_id)?, by, command).await
    }

    async fn raised(
        &self,
        meta: &Meta,
        request: RaiseFindingRequest,
        by: &Actor,
    ) -> Result<Raised, Status> {
        let field = |field, problem: &'static str| Error::from(FieldError::new(field, problem));
        let code: OrganisationCode =
            parse("organisation_code", &request.organisation_code).map_err(Error::from)?;
        let organisation = self.directory.organisation_now(&code).await?;
        let region = organisation.ok_or(Error::OrganisationUnknown)?.region;
        let clause =
            u8::try_from(request.clause).map_err(|_| field("clause", "it is not 1 to 11"))?;
        if request.evidence.len() > EVIDENCE_MAX {
            return Err(field("evidence", "it names more than 100 events").into());
        }
        let evidence = desk::each_once(request.evidence.into_iter().map(codec::position).collect());
        let mut connection = self.database.pool().acquire().await.map_err(Error::from)?;
        for position in &evidence {
            let leaf = log::leaf_of(&mut connection, &position.stream, position.sequence).await;
            if leaf.map_err(Error::from)?.is_none() {
                return Err(
                    field("evidence", "it names an event that the log does not have").into()
                );
            }
        }
        let short = |name, text: &str| -> Result<String, Error> {
            let text: Prose = parse(name, text)?;
            Ok(text.as_str().to_owned())
        };
        Ok(Raised {
            matter: Matter::Breach { clause },
            article: short("article", &request.article)?,
            title: short("title", &request.title)?,
            organisation: code,
            region,
            thing: None,
            evidence,
            found_on: china_date(meta.at),
            source: desk::found_by(
                by,
                parse("description", &request.description).map_err(Error::from)?,
            ),
        })
    }

    fn in_force(&self, rule: &Rule, details: bool) -> RuleInForce {
        let failures = self.engine.health().of(&rule.definition.name);
        let kind = match rule.definition.kind {
            Kind::Breach => FindingKind::Breach,
            Kind::UnusualUse => FindingKind::UnusualUse,
        };
        RuleInForce {
            name: rule.definition.name.clone(),
            kind: kind.into(),
            clause: rule.definition.clause.map(u32::from).unwrap_or_default(),
            article: rule.definition.article.clone(),
            title: rule.definition.title.clone(),
            definition: rule.text.clone(),
            sha256: rule.digest.as_bytes().to_vec(),
            failures: failures.count,
            problem: if details { failures.last } else { String::new() },
        }
    }
}
