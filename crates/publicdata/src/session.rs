//! A caller: its credentials, the fleet that it speaks to, and clients for every service.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use publicdata_identity::{Credentials, SpiffeId, TrustDomain};
use publicdata_proto::audit::v1::audit_service_client::AuditServiceClient;
use publicdata_proto::audit::v1::finding_service_client::FindingServiceClient;
use publicdata_proto::catalog::v1::agreement_service_client::AgreementServiceClient;
use publicdata_proto::catalog::v1::assessment_service_client::AssessmentServiceClient;
use publicdata_proto::catalog::v1::classification_service_client::ClassificationServiceClient;
use publicdata_proto::catalog::v1::collection_service_client::CollectionServiceClient;
use publicdata_proto::catalog::v1::consolidation_service_client::ConsolidationServiceClient;
use publicdata_proto::catalog::v1::export_service_client::ExportServiceClient;
use publicdata_proto::catalog::v1::harvest_service_client::HarvestServiceClient;
use publicdata_proto::catalog::v1::import_service_client::ImportServiceClient;
use publicdata_proto::catalog::v1::library_service_client::LibraryServiceClient;
use publicdata_proto::catalog::v1::obligation_service_client::ObligationServiceClient;
use publicdata_proto::catalog::v1::organisation_service_client::OrganisationServiceClient;
use publicdata_proto::catalog::v1::register_service_client::RegisterServiceClient;
use publicdata_proto::catalog::v1::resource_service_client::ResourceServiceClient;
use publicdata_proto::catalog::v1::search_index_service_client::SearchIndexServiceClient;
use publicdata_proto::catalog::v1::source_service_client::SourceServiceClient;
use publicdata_proto::catalog::v1::vocabulary_service_client::VocabularyServiceClient;
use publicdata_proto::exchange::v1::centre_service_client::CentreServiceClient;
use publicdata_proto::exchange::v1::dispute_service_client::DisputeServiceClient;
use publicdata_proto::exchange::v1::duty_service_client::DutyServiceClient;
use publicdata_proto::exchange::v1::grant_service_client::GrantServiceClient;
use publicdata_proto::exchange::v1::log_archive_service_client::LogArchiveServiceClient;
use publicdata_proto::exchange::v1::node_link_service_client::NodeLinkServiceClient;
use publicdata_proto::exchange::v1::subscription_service_client::SubscriptionServiceClient;
use publicdata_proto::exchange::v1::ticket_service_client::TicketServiceClient;
use publicdata_proto::exchange::v1::transfer_service_client::TransferServiceClient;
use publicdata_proto::node::v1::node_service_client::NodeServiceClient;
use publicdata_proto::opendata::v1::publication_service_client::PublicationServiceClient;
use publicdata_service_kit::grpc::{self, Channel};
use uuid::Uuid;

use crate::endpoints::Endpoints;

/// Folder below a fleet's data folder that holds the credentials it made.
pub const CREDENTIALS_FOLDER: &str = "credentials";

/// A caller of a fleet.
#[derive(Clone)]
pub struct Session {
    /// Who calls.
    pub credentials: Credentials,
    /// Where the fleet listens.
    pub endpoints: Endpoints,
}

// === impl Session ===

impl Session {
    /// Opens the credentials in `folder`, or by that name below `data`, for the fleet of `data`.
    ///
    /// # Errors
    /// No fleet was started with `data`, or the credentials cannot be read.
    pub fn open(data: &Path, caller: &str) -> anyhow::Result<Self> {
        let endpoints = Endpoints::read(data)?;
        let folder = credentials_folder(data, caller);
        let credentials = Credentials::load(&folder).with_context(|| {
            format!("cannot act as {caller}: choose other credentials with --as")
        })?;
        Ok(Self { credentials, endpoints })
    }

    /// Client for organisations.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn organisations(&self) -> anyhow::Result<OrganisationServiceClient<Channel>> {
        Ok(OrganisationServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for catalogue entries.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn resources(&self) -> anyhow::Result<ResourceServiceClient<Channel>> {
        Ok(ResourceServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for taking entries in, in bulk.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn imports(&self) -> anyhow::Result<ImportServiceClient<Channel>> {
        Ok(ImportServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for entries and changes, in bulk.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn exports(&self) -> anyhow::Result<ExportServiceClient<Channel>> {
        Ok(ExportServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for other platforms' catalogues.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn harvests(&self) -> anyhow::Result<HarvestServiceClient<Channel>> {
        Ok(HarvestServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for the search index.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn search_index(&self) -> anyhow::Result<SearchIndexServiceClient<Channel>> {
        Ok(SearchIndexServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for agreements with service providers.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn agreements(&self) -> anyhow::Result<AgreementServiceClient<Channel>> {
        Ok(AgreementServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for the infrastructure register.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn register(&self) -> anyhow::Result<RegisterServiceClient<Channel>> {
        Ok(RegisterServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for supervision and assessment.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn assessments(&self) -> anyhow::Result<AssessmentServiceClient<Channel>> {
        Ok(AssessmentServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for the classification tree.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn classifications(&self) -> anyhow::Result<ClassificationServiceClient<Channel>> {
        Ok(ClassificationServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for libraries.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn libraries(&self) -> anyhow::Result<LibraryServiceClient<Channel>> {
        Ok(LibraryServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for the names that mean the same.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn vocabularies(&self) -> anyhow::Result<VocabularyServiceClient<Channel>> {
        Ok(VocabularyServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for the sources of data.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn sources(&self) -> anyhow::Result<SourceServiceClient<Channel>> {
        Ok(SourceServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for plans to collect.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn collection(&self) -> anyhow::Result<CollectionServiceClient<Channel>> {
        Ok(CollectionServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for changes, obligations and the calendar.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn obligations(&self) -> anyhow::Result<ObligationServiceClient<Channel>> {
        Ok(ObligationServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for applications and grants.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn grants(&self) -> anyhow::Result<GrantServiceClient<Channel>> {
        Ok(GrantServiceClient::new(self.bus()?))
    }

    /// Client for the exchange log.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn transfers(&self) -> anyhow::Result<TransferServiceClient<Channel>> {
        Ok(TransferServiceClient::new(self.bus()?))
    }

    /// Client for the archives of the exchange log.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn log_archives(&self) -> anyhow::Result<LogArchiveServiceClient<Channel>> {
        let channel = self.service(&self.endpoints.exchange_bus, "exchange-bus")?;
        Ok(LogArchiveServiceClient::new(channel))
    }

    /// Client for verification tickets.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn tickets(&self) -> anyhow::Result<TicketServiceClient<Channel>> {
        Ok(TicketServiceClient::new(self.bus()?))
    }

    /// Client for disputes.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn disputes(&self) -> anyhow::Result<DisputeServiceClient<Channel>> {
        Ok(DisputeServiceClient::new(self.bus()?))
    }

    /// Client for subscriptions.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn subscriptions(&self) -> anyhow::Result<SubscriptionServiceClient<Channel>> {
        Ok(SubscriptionServiceClient::new(self.bus()?))
    }

    /// Client for what flows to the big data centre.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn consolidations(&self) -> anyhow::Result<ConsolidationServiceClient<Channel>> {
        Ok(ConsolidationServiceClient::new(self.service(&self.endpoints.catalog, "catalog")?))
    }

    /// Client for what has come of it.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn centre(&self) -> anyhow::Result<CentreServiceClient<Channel>> {
        Ok(CentreServiceClient::new(self.service(&self.endpoints.exchange_bus, "exchange-bus")?))
    }

    /// Client for duties.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn duties(&self) -> anyhow::Result<DutyServiceClient<Channel>> {
        Ok(DutyServiceClient::new(self.service(&self.endpoints.exchange_bus, "exchange-bus")?))
    }

    /// Client for the list of connected nodes.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn links(&self) -> anyhow::Result<NodeLinkServiceClient<Channel>> {
        Ok(NodeLinkServiceClient::new(self.bus()?))
    }

    /// Client for the opening of data.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn publications(&self) -> anyhow::Result<PublicationServiceClient<Channel>> {
        Ok(PublicationServiceClient::new(self.service(&self.endpoints.open_data, "open-data")?))
    }

    /// Client for the audit log.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn audit(&self) -> anyhow::Result<AuditServiceClient<Channel>> {
        Ok(AuditServiceClient::new(self.audit_channel()?))
    }

    /// Client for findings.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn findings(&self) -> anyhow::Result<FindingServiceClient<Channel>> {
        Ok(FindingServiceClient::new(self.audit_channel()?))
    }

    /// Channel to the audit log.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn audit_channel(&self) -> anyhow::Result<Channel> {
        self.service(&self.endpoints.audit, "audit")
    }

    /// Client for the state of a node of the caller's organisation.
    ///
    /// # Errors
    /// The caller's organisation has no such node on this machine.
    pub fn node(&self, name: Option<&str>) -> anyhow::Result<NodeServiceClient<Channel>> {
        Ok(NodeServiceClient::new(self.node_channel(name)?))
    }

    /// Channel to a node of the caller's organisation: by its name, or to the only one there is.
    ///
    /// # Errors
    /// The caller's organisation has no such node on this machine.
    pub fn node_channel(&self, name: Option<&str>) -> anyhow::Result<Channel> {
        let organisation = self
            .credentials
            .id()
            .organisation()
            .with_context(|| format!("{} belongs to no organisation", self.credentials.id()))?;
        let prefix = format!("{organisation}/");
        let (key, endpoint) = self
            .endpoints
            .nodes
            .iter()
            .find(|(key, _)| match name {
                Some(name) => key.strip_prefix(&prefix) == Some(name),
                None => key.starts_with(&prefix),
            })
            .with_context(|| match name {
                Some(name) => format!("organisation {organisation} has no node {name} here"),
                None => format!("organisation {organisation} has no node here"),
            })?;
        let name = &key[prefix.len()..];
        let node = SpiffeId::node(&self.domain()?, organisation, name)?;
        Ok(grpc::channel(endpoint, &self.credentials, &node)?)
    }

    /// The trust domain of the fleet.
    ///
    /// # Errors
    /// What the fleet wrote down is no trust domain.
    pub fn domain(&self) -> anyhow::Result<TrustDomain> {
        Ok(self.endpoints.trust_domain.parse()?)
    }

    fn bus(&self) -> anyhow::Result<Channel> {
        self.service(&self.endpoints.exchange_bus, &self.endpoints.exchange_bus_service)
    }

    fn service(&self, endpoint: &str, name: &str) -> anyhow::Result<Channel> {
        let service = SpiffeId::service(&self.domain()?, name)?;
        Ok(grpc::channel(endpoint, &self.credentials, &service)?)
    }
}

/// A credentials folder, by its path or by its name below a fleet's data folder.
#[must_use]
pub fn credentials_folder(data: &Path, caller: &str) -> PathBuf {
    let by_name = data.join(CREDENTIALS_FOLDER).join(caller);
    match by_name.is_dir() {
        true => by_name,
        false => PathBuf::from(caller),
    }
}

/// A fresh id for a command. Whoever retries one gives the same id again.
#[must_use]
pub fn new_command_id() -> String {
    Uuid::new_v4().to_string()
}
