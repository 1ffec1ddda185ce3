//! Searching entries, and the index that it is done with.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use publicdata_directory::Caller;
use publicdata_proto::catalog::v1::search_index_service_server::SearchIndexService;
use publicdata_proto::catalog::v1::{
    GetSearchIndexStatusRequest, GetSearchIndexStatusResponse, RebuildSearchIndexRequest,
    RebuildSearchIndexResponse, ResourceFacet, ResourceFacetCount, ResourceFacetCounts,
    ResourceOrder, SearchIndexProgress, SearchResourcesRequest, SearchResourcesResponse,
};
use publicdata_service_kit::Tasks;
use publicdata_types::region::Level;
use tonic::{Request, Response, Status};

use super::resources::{Resources, reader};
use super::{Shared, page_size, parse};
use crate::codec::time_to_wire;
use crate::error::Error;
use crate::search::{Building, FacetCounts, Filters, Order, Search, Told, Viewer};
use crate::views::STREAM;

/// How long a search waits for the index to hold what was written before it.
const INDEX_TIMEOUT: Duration = Duration::from_secs(5);
/// How many values of a facet are answered.
const VALUES_MAX: usize = 100;

/// Answers `SearchIndexService`.
#[derive(Debug)]
pub(crate) struct SearchIndexes {
    pub(crate) tasks: Tasks,
    pub(crate) shared: Arc<Shared>,
}

impl Resources {
    /// What the caller may see of what is searched for.
    pub(super) async fn search(
        &self,
        caller: &Caller,
        message: &SearchResourcesRequest,
    ) -> Result<SearchResourcesResponse, Error> {
        let search = search(message)?;
        let reader = reader(caller);
        // Every write is answered once the view holds it: so this is what was written before the search.
        let written = self.shared.entries.positions().get(STREAM).copied().unwrap_or_default();
        let viewer = Viewer::of(reader);
        let found = self.shared.index.search(viewer, search, written, INDEX_TIMEOUT).await?;

        let mut facets = Vec::with_capacity(found.counts.facets().len());
        for counts in found.counts.facets() {
            facets.push(self.facet_to_wire(counts).await?);
        }
        let mut resources = Vec::with_capacity(found.hits.len());
        for hit in found.hits {
            if let Some(seen) = hit.0.entry.seen_by(reader) {
                resources.push(self.to_wire(seen).await?);
            }
        }
        Ok(SearchResourcesResponse {
            resources,
            next_page_token: found.next.unwrap_or_default(),
            total: found.total,
            facets,
            forgiven: found.forgiven,
            sequence: found.sequence,
        })
    }

    async fn facet_to_wire(&self, counts: &FacetCounts) -> Result<ResourceFacetCounts, Error> {
        let mut values: Vec<(&String, u64)> =
            counts.counts.iter().map(|(value, count)| (value, *count)).collect();
        values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let omitted = values.len().saturating_sub(VALUES_MAX);
        values.truncate(VALUES_MAX);

        let mut wire = Vec::with_capacity(values.len());
        for (value, count) in values {
            let label = match counts.facet {
                ResourceFacet::Provider => self.name(value).await?,
                ResourceFacet::Unspecified
                | ResourceFacet::Class
                | ResourceFacet::Group
                | ResourceFacet::Region
                | ResourceFacet::SharingType
                | ResourceFacet::OpeningType
                | ResourceFacet::Format
                | ResourceFacet::UpdateCycle
                | ResourceFacet::Status => String::new(),
            };
            wire.push(ResourceFacetCount { value: value.clone(), label, count });
        }
        Ok(ResourceFacetCounts {
            facet: counts.facet.into(),
            counts: wire,
            omitted: u32::try_from(omitted).unwrap_or(u32::MAX),
        })
    }

    async fn name(&self, provider: &str) -> Result<String, Error> {
        let code = parse("provider_code", provider)?;
        let found = self.shared.directory.organisation(&code).await?;
        Ok(found.map(|organisation| organisation.name.clone()).unwrap_or_default())
    }
}

#[tonic::async_trait]
impl SearchIndexService for SearchIndexes {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_search_index_status(
        &self,
        request: Request<GetSearchIndexStatusRequest>,
    ) -> Result<Response<GetSearchIndexStatusResponse>, Status> {
        self.operator(&request).await?;

        let standing = self.shared.index.standing().await.map_err(Error::from)?;
        let last_sequence = self.shared.store.last_sequence(STREAM).await;
        let last_sequence = last_sequence.map_err(|error| Error::Load(error.into()))?;
        Ok(Response::new(GetSearchIndexStatusResponse {
            sequence: standing.sequence,
            last_sequence,
            entries: standing.entries,
            documents: standing.documents,
            bytes: standing.bytes,
            schema_version: standing.version,
            committed_at: standing.committed_at.map(time_to_wire),
            building: standing.building.map(progress_to_wire),
            trouble: standing.trouble.unwrap_or_default(),
        }))
    }

    type RebuildSearchIndexStream = BoxStream<'static, Result<RebuildSearchIndexResponse, Status>>;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn rebuild_search_index(
        &self,
        request: Request<RebuildSearchIndexRequest>,
    ) -> Result<Response<Self::RebuildSearchIndexStream>, Status> {
        self.operator(&request).await?;

        let told = self.shared.index.rebuild(&self.tasks);
        let told = told.map(|told| match told {
            Ok(Told::Building(building)) => Ok(RebuildSearchIndexResponse {
                progress: Some(progress_to_wire(building)),
                done: false,
            }),
            Ok(Told::Built { sequence }) => {
                let building = Building { sequence, last_sequence: sequence };
                Ok(RebuildSearchIndexResponse {
                    progress: Some(progress_to_wire(building)),
                    done: true,
                })
            }
            Err(error) => Err(Error::from(error).into()),
        });
        Ok(Response::new(told.boxed()))
    }
}

impl SearchIndexes {
    /// The index is the platform's, so the authority of a whole city is asked for.
    async fn operator<T>(&self, request: &Request<T>) -> Result<(), Error> {
        let by = self.shared.directory.user(request).await?;
        let is_operator = by.is_authority_over(&by.region) && by.region.level() != Level::County;
        match is_operator {
            true => Ok(()),
            false => Err(Error::OperatorRequired),
        }
    }
}

fn search(message: &SearchResourcesRequest) -> Result<Search, Error> {
    let page_token = &message.page_token;
    let mut facets = Vec::new();
    for facet in words("facets", &message.facets)? {
        if !facets.contains(&facet) {
            facets.push(facet);
        }
    }
    Ok(Search {
        text: message.query.clone(),
        filters: filters(message)?,
        facets,
        order: match ResourceOrder::try_from(message.order) {
            Ok(ResourceOrder::Unspecified) => None,
            Ok(ResourceOrder::Relevance) => Some(Order::Relevance),
            Ok(ResourceOrder::Code) => Some(Order::Code),
            Ok(ResourceOrder::Name) => Some(Order::Name),
            Ok(ResourceOrder::Updated) => Some(Order::Updated),
            Ok(ResourceOrder::Published) => Some(Order::Published),
            Err(error) => return Err(Error::field("order", error)),
        },
        after: (!page_token.is_empty()).then(|| page_token.clone()),
        limit: page_size(message.page_size)? as usize,
    })
}

fn filters(message: &SearchResourcesRequest) -> Result<Filters, Error> {
    let with = |one: &String, many: &[String]| {
        let one = (!one.is_empty()).then(|| one.clone());
        many.iter().cloned().chain(one).collect::<Vec<_>>()
    };
    let mut statuses = message.statuses.clone();
    statuses.extend((message.status != 0).then_some(message.status));
    Ok(Filters {
        classifications: codes("classification_codes", &message.classification_codes)?,
        providers: codes("provider_codes", &with(&message.provider_code, &message.provider_codes))?,
        regions: codes("region_codes", &with(&message.region_code, &message.region_codes))?,
        sharing: words("sharing_types", &message.sharing_types)?,
        openings: words("opening_types", &message.opening_types)?,
        formats: words("formats", &message.formats)?,
        cycles: words("update_cycles", &message.update_cycles)?,
        statuses: words("statuses", &statuses)?,
    })
}

fn codes<T>(field: &str, texts: &[String]) -> Result<Vec<T>, Error>
where
    T: std::str::FromStr<Err: Into<publicdata_event_store::BoxError>>,
{
    /// As many as a city has departments; more is no choice.
    const CODES_MAX: usize = 500;

    if texts.len() > CODES_MAX {
        return Err(Error::field(field, format!("at most {CODES_MAX} are allowed")));
    }
    texts.iter().map(|text| parse(field, text)).collect()
}

/// Words of an enum, of which the first says nothing.
fn words<T: TryFrom<i32>>(field: &str, numbers: &[i32]) -> Result<Vec<T>, Error> {
    let word = |number: &i32| match (number, T::try_from(*number)) {
        (1.., Ok(word)) => Ok(word),
        (_, _) => Err(Error::field(field, "a value is missing or unknown")),
    };
    numbers.iter().map(word).collect()
}

fn progress_to_wire(building: Building) -> SearchIndexProgress {
    let Building { sequence, last_sequence } = building;
    SearchIndexProgress { sequence, last_sequence }
}
