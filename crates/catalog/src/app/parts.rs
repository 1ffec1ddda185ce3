//! What the service is made of: the views that it keeps, the desks that commands go over, and the services that answer.

use std::sync::Arc;

use publicdata_catalogue_formats::dcat::Offer;
use publicdata_event_store::Store;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_proto::catalog::v1::agreement_service_server::AgreementServiceServer;
use publicdata_proto::catalog::v1::assessment_service_server::AssessmentServiceServer;
use publicdata_proto::catalog::v1::classification_service_server::ClassificationServiceServer;
use publicdata_proto::catalog::v1::collection_service_server::CollectionServiceServer;
use publicdata_proto::catalog::v1::consolidation_service_server::ConsolidationServiceServer;
use publicdata_proto::catalog::v1::export_service_server::ExportServiceServer;
use publicdata_proto::catalog::v1::harvest_service_server::HarvestServiceServer;
use publicdata_proto::catalog::v1::import_service_server::ImportServiceServer;
use publicdata_proto::catalog::v1::library_service_server::LibraryServiceServer;
use publicdata_proto::catalog::v1::obligation_service_server::ObligationServiceServer;
use publicdata_proto::catalog::v1::organisation_service_server::OrganisationServiceServer;
use publicdata_proto::catalog::v1::register_service_server::RegisterServiceServer;
use publicdata_proto::catalog::v1::resource_service_server::ResourceServiceServer;
use publicdata_proto::catalog::v1::search_index_service_server::SearchIndexServiceServer;
use publicdata_proto::catalog::v1::source_service_server::SourceServiceServer;
use publicdata_proto::catalog::v1::vocabulary_service_server::VocabularyServiceServer;
use publicdata_service_kit::Tasks;
use publicdata_views::{Database, Projector};
use tonic::service::Routes;

use super::BuildError;
use crate::agreements::AgreementDesk;
use crate::collecting::Collecting;
use crate::drafting::Drafting;
use crate::grpc::{
    Agreements, Assessments, Classifications, Consolidations, Exports, Harvests, Imports, Issuing,
    Libraries, Obligations, Organisations, Plans, Register, RegisterDesk, Resources, SearchIndexes,
    Shared, Sources, Terms,
};
use crate::obligations::Desk;
use crate::{codec, views};

/// The views beside the directory, each followed by a task of its own.
#[derive(Debug)]
pub(super) struct Views {
    pub(super) entries: Arc<Projector>,
    pub(super) obligations: Arc<Projector>,
    pub(super) register: Arc<Projector>,
    pub(super) marks: Arc<Projector>,
    pub(super) libraries: Arc<Projector>,
    pub(super) items: Arc<Projector>,
    pub(super) collection: Arc<Projector>,
    pub(super) harvest: Arc<Projector>,
}

/// What the policies share with the services.
#[derive(Debug)]
pub(super) struct Desks {
    pub(super) obligations: Arc<Desk>,
    pub(super) agreements: Arc<AgreementDesk>,
    /// What this platform offers to others, if it does: so that it is known where it comes back.
    pub(super) offer: Option<Offer>,
}

impl Views {
    /// Opens every view, and lets it follow its events.
    pub(super) async fn open(
        database: &Database,
        store: &Store,
        tasks: &Tasks,
    ) -> Result<Self, BuildError> {
        let (database, store) = (|| database.clone(), || Arc::clone(store));
        Ok(Self {
            entries: follow(tasks, views::entries(database(), store()).await?),
            obligations: follow(tasks, views::obligations(database(), store()).await?),
            register: follow(tasks, views::register(database(), store()).await?),
            marks: follow(tasks, views::assessment(database(), store()).await?),
            libraries: follow(tasks, views::libraries(database(), store()).await?),
            items: follow(tasks, views::items(database(), store()).await?),
            collection: follow(tasks, views::collection(database(), store()).await?),
            harvest: follow(tasks, views::harvest(database(), store()).await?),
        })
    }

    /// All of them.
    pub(super) fn all(&self) -> [&Arc<Projector>; 8] {
        let Self { entries, obligations, register, marks, libraries, items, collection, harvest } =
            self;
        [entries, obligations, register, marks, libraries, items, collection, harvest]
    }
}

/// Commands to entries and answers about them, which several services share.
pub(super) fn resources(shared: &Arc<Shared>) -> Resources {
    let drafting = Arc::new(Drafting {
        aggregates: Aggregates::<codec::Resource>::new(Arc::clone(&shared.store)),
        classifications: Aggregates::<codec::Classification>::new(Arc::clone(&shared.store)),
        shared: Arc::clone(shared),
    });
    Resources { drafting, shared: Arc::clone(shared) }
}

/// Every service, as it answers calls.
pub(super) fn routes(
    resources: &Resources,
    views: &Views,
    desks: &Desks,
    issuing: Issuing,
    tasks: &Tasks,
) -> Routes {
    let shared = &resources.shared;
    let (share, store) = (|| Arc::clone(shared), || Arc::clone(&shared.store));
    let drafting = &resources.drafting;
    let collecting = Arc::new(Collecting {
        registers: Aggregates::<codec::Entity>::new(store()),
        vocabularies: Aggregates::<codec::Vocabulary>::new(store()),
        items: Arc::clone(&views.items),
        view: Arc::clone(&views.collection),
        shared: share(),
    });
    let agreements = &desks.agreements;

    Routes::new(OrganisationServiceServer::new(Organisations {
        aggregates: Aggregates::<codec::Organisation>::new(store()),
        agreements: Arc::clone(agreements),
        issuing,
        shared: share(),
    }))
    .add_service(AgreementServiceServer::new(Agreements {
        desk: Arc::clone(agreements),
        shared: share(),
    }))
    .add_service(RegisterServiceServer::new(Register { desk: register(shared) }))
    .add_service(ClassificationServiceServer::new(Classifications {
        aggregates: drafting.classifications.clone(),
        shared: share(),
    }))
    .add_service(ResourceServiceServer::new(resources.clone()))
    .add_service(ImportServiceServer::new(Imports {
        drafting: Arc::clone(drafting),
        shared: share(),
        tasks: tasks.clone(),
    }))
    .add_service(ExportServiceServer::new(Exports {
        resources: resources.clone(),
        shared: share(),
        tasks: tasks.clone(),
    }))
    .add_service(SearchIndexServiceServer::new(SearchIndexes {
        tasks: tasks.clone(),
        shared: share(),
    }))
    .add_service(ObligationServiceServer::new(Obligations { desk: Arc::clone(&desks.obligations) }))
    .add_service(HarvestServiceServer::new(harvests(shared, views, desks)))
    .add_service(LibraryServiceServer::new(Libraries {
        aggregates: Aggregates::<codec::Library>::new(store()),
        view: Arc::clone(&views.libraries),
        shared: share(),
    }))
    .add_service(VocabularyServiceServer::new(Terms(Arc::clone(&collecting))))
    .add_service(SourceServiceServer::new(Sources(Arc::clone(&collecting))))
    .add_service(CollectionServiceServer::new(Plans(collecting)))
    .add_service(ConsolidationServiceServer::new(Consolidations {
        aggregates: Aggregates::<codec::Consolidation>::new(store()),
        shared: share(),
    }))
    .add_service(AssessmentServiceServer::new(Assessments {
        aggregates: Aggregates::<codec::Assessment>::new(store()),
        marks: Arc::clone(&views.marks),
        shared: share(),
    }))
}

fn harvests(shared: &Arc<Shared>, views: &Views, desks: &Desks) -> Harvests {
    Harvests {
        sources: Aggregates::<codec::HarvestSource>::new(Arc::clone(&shared.store)),
        foreign: Aggregates::<codec::ForeignResource>::new(Arc::clone(&shared.store)),
        view: Arc::clone(&views.harvest),
        own: desks.offer.clone(),
        shared: Arc::clone(shared),
    }
}

fn register(shared: &Arc<Shared>) -> RegisterDesk {
    let store = || Arc::clone(&shared.store);
    RegisterDesk {
        systems: Aggregates::<codec::System>::new(store()),
        networks: Aggregates::<codec::Network>::new(store()),
        recoveries: Aggregates::<codec::Recovery>::new(store()),
        records: Aggregates::<codec::SecurityRecord>::new(store()),
        shared: Arc::clone(shared),
    }
}

/// Lets a view follow its events, as one of the tasks.
fn follow(tasks: &Tasks, view: Arc<Projector>) -> Arc<Projector> {
    let (running, shutdown) = (Arc::clone(&view), tasks.shutdown().clone());
    tasks.try_spawn("view", async move { running.run(shutdown).await });
    view
}
