//! The infrastructure register: systems, networks, disaster recovery, security records.

mod desk;
mod requests;

pub(crate) use desk::Desk;
pub(super) use requests::listing;

use publicdata_catalog_domain::{network, recovery, security_record, system};
use publicdata_proto::catalog::v1::register_service_server::RegisterService;
use publicdata_proto::catalog::v1::{
    self as wire, AnswerNetworkOpinionRequest, AnswerNetworkOpinionResponse, ChangeSystemRequest,
    ChangeSystemResponse, CloseSecurityRecordRequest, CloseSecurityRecordResponse,
    CountSystemsRequest, CountSystemsResponse, EnrolInRecoveryRequest, EnrolInRecoveryResponse,
    GetNetworkRequest, GetNetworkResponse, GetSystemRequest, GetSystemResponse,
    GiveUpNetworkRequest, GiveUpNetworkResponse, ListNetworksRequest, ListNetworksResponse,
    ListRecoveryRequest, ListRecoveryResponse, ListSecurityRecordsRequest,
    ListSecurityRecordsResponse, ListSystemsRequest, ListSystemsResponse,
    OpenSecurityRecordRequest, OpenSecurityRecordResponse, RecordNetworkBuiltRequest,
    RecordNetworkBuiltResponse, RecordNetworkMergedRequest, RecordNetworkMergedResponse,
    RegisterSystemRequest, RegisterSystemResponse, RequestNetworkOpinionRequest,
    RequestNetworkOpinionResponse, RetireSystemRequest, RetireSystemResponse,
    WithdrawFromRecoveryRequest, WithdrawFromRecoveryResponse,
};
use publicdata_types::{NetworkId, SecurityRecordId, SystemId, china_date};
use tonic::{Request, Response, Status};

use super::{next_page_token, parse, parse_optional};
use crate::codec::{
    basis_to_wire, network_from_wire, opinion_from_wire, recovery_kind_from_wire,
    recovery_terms_from_wire,
};
use crate::error::Error;
use crate::queries::register as queries;
use requests::{day, security_entry, system_description};

/// Answers `RegisterService`.
#[derive(Debug)]
pub(crate) struct Register {
    pub(crate) desk: Desk,
}

#[tonic::async_trait]
impl RegisterService for Register {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn register_system(
        &self,
        request: Request<RegisterSystemRequest>,
    ) -> Result<Response<RegisterSystemResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let description = system_description(message.description, by.organisation)?;
        let id = SystemId::from_uuid(*meta.command_id.derive("system").as_uuid());

        let command = system::Command::Register { description, on: china_date(meta.at), by };
        let done = self.desk.execute(&self.desk.systems, &id, &meta, command).await?;
        let (system_id, sequence) = (id.to_string(), done.sequence);
        Ok(Response::new(RegisterSystemResponse { system_id, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn change_system(
        &self,
        request: Request<ChangeSystemRequest>,
    ) -> Result<Response<ChangeSystemResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let id: SystemId = parse("system_id", &message.system_id)?;
        let owner = self.desk.system(&by, &id).await?;
        let description = system_description(message.description, owner.code)?;

        let command = system::Command::Change { description, on: china_date(meta.at), by };
        let done = self.desk.execute(&self.desk.systems, &id, &meta, command).await?;
        Ok(Response::new(ChangeSystemResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn retire_system(
        &self,
        request: Request<RetireSystemRequest>,
    ) -> Result<Response<RetireSystemResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let id: SystemId = parse("system_id", &message.system_id)?;
        let on = day("retired_on", &message.retired_on, &meta)?;
        self.desk.system(&by, &id).await?;

        let command = system::Command::Retire { on, reason: message.reason, by };
        let done = self.desk.execute(&self.desk.systems, &id, &meta, command).await?;
        Ok(Response::new(RetireSystemResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_system(
        &self,
        request: Request<GetSystemRequest>,
    ) -> Result<Response<GetSystemResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let id: SystemId = parse("system_id", &request.get_ref().system_id)?;
        let system = self.desk.one::<wire::System>(&by, &id).await?;
        Ok(Response::new(GetSystemResponse { system: Some(system) }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_systems(
        &self,
        request: Request<ListSystemsRequest>,
    ) -> Result<Response<ListSystemsResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let listing = requests::systems(request.get_ref())?;
        let (systems, next_page_token) = self.desk.list(&by, &listing).await?;
        Ok(Response::new(ListSystemsResponse { systems, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn count_systems(
        &self,
        request: Request<CountSystemsRequest>,
    ) -> Result<Response<CountSystemsResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let region = parse_optional("region_code", &request.get_ref().region_code)?;
        let (database, today) = (&self.desk.shared.database, self.desk.today());
        let counts = queries::count_systems(database, &by, region.as_ref(), today).await;
        Ok(Response::new(CountSystemsResponse { counts: counts.map_err(Error::from)? }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn request_network_opinion(
        &self,
        request: Request<RequestNetworkOpinionRequest>,
    ) -> Result<Response<RequestNetworkOpinionResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let plan = network_from_wire(message.plan.unwrap_or_default());
        let id = NetworkId::from_uuid(*meta.command_id.derive("network").as_uuid());

        let command = network::Command::RequestOpinion { plan, by };
        let done = self.desk.execute(&self.desk.networks, &id, &meta, command).await?;
        let (network_id, sequence) = (id.to_string(), done.sequence);
        Ok(Response::new(RequestNetworkOpinionResponse { network_id, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn answer_network_opinion(
        &self,
        request: Request<AnswerNetworkOpinionRequest>,
    ) -> Result<Response<AnswerNetworkOpinionResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let id: NetworkId = parse("network_id", &message.network_id)?;
        let opinion = opinion_from_wire("opinion", message.opinion).map_err(Error::from)?;
        self.desk.network(&by, &id).await?;

        let command = network::Command::Answer { opinion, reasons: message.reasons, by };
        let done = self.desk.execute(&self.desk.networks, &id, &meta, command).await?;
        Ok(Response::new(AnswerNetworkOpinionResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn record_network_built(
        &self,
        request: Request<RecordNetworkBuiltRequest>,
    ) -> Result<Response<RecordNetworkBuiltResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let (id, owner) = match parse_optional("network_id", &message.network_id)? {
            Some(id) => (id, self.desk.network(&by, &id).await?),
            None => {
                let id = NetworkId::from_uuid(*meta.command_id.derive("network").as_uuid());
                (id, self.desk.owner(&by, &message.organisation_code).await?)
            }
        };
        let on = day("built_on", &message.built_on, &meta)?;
        let provenance = match message.existing {
            true => network::Provenance::Existing,
            false => network::Provenance::New,
        };
        let plan = message.plan.map(network_from_wire);

        let command = network::Command::RecordBuilt { owner, plan, on, provenance, by };
        let done = self.desk.execute(&self.desk.networks, &id, &meta, command).await?;
        let basis = done.state.basis().map(basis_to_wire).unwrap_or_default().into();
        let (network_id, sequence) = (id.to_string(), done.sequence);
        Ok(Response::new(RecordNetworkBuiltResponse { network_id, basis, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn record_network_merged(
        &self,
        request: Request<RecordNetworkMergedRequest>,
    ) -> Result<Response<RecordNetworkMergedResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let id: NetworkId = parse("network_id", &message.network_id)?;
        let on = day("merged_on", &message.merged_on, &meta)?;
        self.desk.network(&by, &id).await?;

        let command = network::Command::RecordMerged { on, by };
        let done = self.desk.execute(&self.desk.networks, &id, &meta, command).await?;
        Ok(Response::new(RecordNetworkMergedResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn give_up_network(
        &self,
        request: Request<GiveUpNetworkRequest>,
    ) -> Result<Response<GiveUpNetworkResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let id: NetworkId = parse("network_id", &message.network_id)?;
        let on = day("given_up_on", &message.given_up_on, &meta)?;
        self.desk.network(&by, &id).await?;

        let command = network::Command::GiveUp { on, reason: message.reason, by };
        let done = self.desk.execute(&self.desk.networks, &id, &meta, command).await?;
        Ok(Response::new(GiveUpNetworkResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_network(
        &self,
        request: Request<GetNetworkRequest>,
    ) -> Result<Response<GetNetworkResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let id: NetworkId = parse("network_id", &request.get_ref().network_id)?;
        let network = self.desk.one::<wire::Network>(&by, &id).await?;
        Ok(Response::new(GetNetworkResponse { network: Some(network) }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_networks(
        &self,
        request: Request<ListNetworksRequest>,
    ) -> Result<Response<ListNetworksResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let listing = requests::networks(request.get_ref())?;
        let (networks, next_page_token) = self.desk.list(&by, &listing).await?;
        Ok(Response::new(ListNetworksResponse { networks, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn enrol_in_recovery(
        &self,
        request: Request<EnrolInRecoveryRequest>,
    ) -> Result<Response<EnrolInRecoveryResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let kind = recovery_kind_from_wire("kind", message.kind).map_err(Error::from)?;
        let (id, owner) = self.desk.recoverable(&by, kind, &message.id).await?;
        let mut terms = message.terms.unwrap_or_default();
        if terms.since.is_empty() {
            terms.since = china_date(meta.at).to_string();
        }
        let terms = recovery_terms_from_wire(terms);
        let terms = terms.map_err(|error| Error::from(error.within("terms")))?;

        let command = recovery::Command::Enrol { kind, owner, terms, by };
        let done = self.desk.execute(&self.desk.recoveries, &id, &meta, command).await?;
        Ok(Response::new(EnrolInRecoveryResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn withdraw_from_recovery(
        &self,
        request: Request<WithdrawFromRecoveryRequest>,
    ) -> Result<Response<WithdrawFromRecoveryResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let id = self.desk.enrolled(&by, &message.id).await?;

        let on = china_date(meta.at);
        let command = recovery::Command::Withdraw { on, reason: message.reason, by };
        let done = self.desk.execute(&self.desk.recoveries, &id, &meta, command).await?;
        Ok(Response::new(WithdrawFromRecoveryResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_recovery(
        &self,
        request: Request<ListRecoveryRequest>,
    ) -> Result<Response<ListRecoveryResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let listing = requests::recovery(request.get_ref())?;
        let items = queries::list_recovery(&self.desk.shared.database, &by, &listing).await;
        let items = items.map_err(Error::from)?;
        let last = items.last().map(|last| last.id.clone());
        let next_page_token = next_page_token(items.len(), listing.limit, last);
        Ok(Response::new(ListRecoveryResponse { items, next_page_token }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn open_security_record(
        &self,
        request: Request<OpenSecurityRecordRequest>,
    ) -> Result<Response<OpenSecurityRecordResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let owner = self.desk.owner(&by, &message.organisation_code).await?;
        let entry = security_entry(message, owner.code, &meta)?;
        let id = SecurityRecordId::from_uuid(*meta.command_id.derive("record").as_uuid());

        let command = security_record::Command::Open { entry, region: owner.region, by };
        let done = self.desk.execute(&self.desk.records, &id, &meta, command).await?;
        let (record_id, sequence) = (id.to_string(), done.sequence);
        Ok(Response::new(OpenSecurityRecordResponse { record_id, sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn close_security_record(
        &self,
        request: Request<CloseSecurityRecordRequest>,
    ) -> Result<Response<CloseSecurityRecordResponse>, Status> {
        let (by, meta, message) = self.desk.command(request, |m| &m.command_id).await?;
        let id: SecurityRecordId = parse("record_id", &message.record_id)?;
        let region = self.desk.record(&by, &id).await?.region;

        let (on, outcome) = (china_date(meta.at), message.outcome);
        let command = security_record::Command::Close { on, outcome, region, by };
        let done = self.desk.execute(&self.desk.records, &id, &meta, command).await?;
        Ok(Response::new(CloseSecurityRecordResponse { sequence: done.sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_security_records(
        &self,
        request: Request<ListSecurityRecordsRequest>,
    ) -> Result<Response<ListSecurityRecordsResponse>, Status> {
        let by = self.desk.shared.directory.user(&request).await?;
        let today = self.desk.today();
        let listing = requests::security_records(request.get_ref(), today)?;
        let (mut records, next_page_token) =
            self.desk.list::<wire::SecurityRecord>(&by, &listing).await?;
        let today = today.to_string();
        for record in &mut records {
            record.overdue = record.closed_on.is_empty() && record.due_on < today;
        }
        Ok(Response::new(ListSecurityRecordsResponse { records, next_page_token }))
    }
}
