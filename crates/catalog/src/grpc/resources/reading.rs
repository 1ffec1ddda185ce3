//! Entries as they are, were, and came to be.

use jiff::civil::Date;
use publicdata_catalog_domain::description::Description;
use publicdata_catalog_domain::resource::{Event, Update};
use publicdata_identity::SpiffeId;
use publicdata_proto::catalog::v1::{
    CompareResourceVersionsRequest, CompareResourceVersionsResponse, GetResourceRequest,
    GetResourceResponse, ListResourceHistoryRequest, ListResourceHistoryResponse,
    ListResourceVersionsRequest, ListResourceVersionsResponse, Resource, ResourceDifference,
    ResourceEvent, ResourceEventKind, ResourceVersion, get_resource_request,
};
use publicdata_types::{PageToken, ResourceId};

use super::Resources;
use crate::codec::{description_to_wire, status_to_wire, time_from_wire, time_to_wire};
use crate::entry::{Entry, Reader};
use crate::error::Error;
use crate::grpc::{next_page_token, page_size, parse, parse_optional};
use crate::history::{self, Happened};
use crate::queries;

impl Resources {
    /// R12.3, H2: the entry as it is; as it was believed at a moment; as it held on a day; or the last as the second.
    pub(super) async fn get(
        &self,
        request: GetResourceRequest,
        reader: Reader<'_>,
    ) -> Result<GetResourceResponse, Error> {
        let GetResourceRequest { key, as_of, valid_on } = request;
        let as_of = as_of.map(|time| time_from_wire("as_of", Some(time))).transpose()?;
        let valid_on: Option<Date> = parse_optional("valid_on", &valid_on)?;

        let now = self.by_key(key).await?.ok_or(Error::ResourceNotFound)?;
        let id = now.id;
        // Whoever may not know of the entry is told nothing of its past.
        let now = now.seen_by(reader).ok_or(Error::ResourceNotFound)?;
        if as_of.is_none() && valid_on.is_none() {
            return Ok(GetResourceResponse { resource: Some(self.to_wire(now).await?) });
        }

        let history = history::load(&self.shared.store, &id).await?;
        let known = match as_of {
            Some(time) => history::known_at(&history, time),
            None => &history[..],
        };
        let then = match valid_on {
            Some(day) => history::held_on(id, known, day).map_err(damaged)?,
            None => history::entry(id, known).map_err(damaged)?.and_then(|e| e.seen_by(reader)),
        };
        let missing = match valid_on {
            Some(_) => Error::NothingHeld,
            None => Error::ResourceNotFound,
        };
        Ok(GetResourceResponse { resource: Some(self.to_wire(then.ok_or(missing)?).await?) })
    }

    /// R12.3: every version is kept.
    pub(super) async fn versions(
        &self,
        request: ListResourceVersionsRequest,
        reader: Reader<'_>,
    ) -> Result<ListResourceVersionsResponse, Error> {
        let (_, history) = self.history(&request.resource_id, reader).await?;
        let versions = history::versions(&history).into_iter().map(|version| ResourceVersion {
            version: version.version,
            published_on: version.on.to_string(),
            held_until: version.held_until.map(|day| day.to_string()).unwrap_or_default(),
            published_at: Some(time_to_wire(version.at)),
            description: Some(description_to_wire(&version.description)),
        });
        Ok(ListResourceVersionsResponse { versions: versions.collect() })
    }

    /// R12.3: what a version, or the draft under review, says otherwise than the one before.
    pub(super) async fn compare(
        &self,
        request: CompareResourceVersionsRequest,
        reader: Reader<'_>,
    ) -> Result<CompareResourceVersionsResponse, Error> {
        let (seen, history) = self.history(&request.resource_id, reader).await?;
        let versions = history::versions(&history);
        let published = |number: u32| -> Result<&Description, Error> {
            let found = versions.iter().find(|version| version.version == number);
            found.map(|version| &version.description).ok_or(Error::VersionNotFound)
        };

        let last = seen.version();
        let is_draft = seen.published.as_ref().is_none_or(|p| p.description != seen.description);
        let (after, written) = match request.after {
            0 if is_draft => (0, &seen.description),
            0 => (last, published(last)?),
            number => (number, published(number)?),
        };
        let before = match (request.before, after) {
            (0, 0) => last,
            (0, after) => after.saturating_sub(1),
            (before, _) => before,
        };
        let differences = published(before)?.differences(written).into_iter();
        let differences = differences.map(|found| ResourceDifference {
            path: found.path,
            before: found.before,
            after: found.after,
        });
        Ok(CompareResourceVersionsResponse { differences: differences.collect(), before, after })
    }

    /// R12.3: what happened, when and by whom; those who may not see drafts are not told of them.
    pub(super) async fn happened(
        &self,
        request: ListResourceHistoryRequest,
        reader: Reader<'_>,
    ) -> Result<ListResourceHistoryResponse, Error> {
        let size = page_size(request.page_size)?;
        let token: Option<PageToken> = parse_optional("page_token", &request.page_token)?;
        let after: Option<u64> = token.map(|token| parse("page_token", token.key())).transpose()?;

        let (seen, history) = self.history(&request.resource_id, reader).await?;
        let insider = reader.sees_drafts(&seen.description.provider, &seen.region);
        let mut page: Vec<Happened> = Vec::new();
        for happened in history.into_iter().filter(|happened| insider || happened.is_public()) {
            // What happened at once stands on one page, even if that makes it longer.
            let full = page.len() >= size as usize
                && page.last().is_some_and(|last| last.sequence < happened.sequence);
            match after.is_none_or(|after| happened.sequence > after) {
                true if full => break,
                true => page.push(happened),
                false => {}
            }
        }
        let last = page.last().map(|last| last.sequence.to_string());
        let next_page_token = next_page_token(page.len(), size, last);
        let mut events = Vec::with_capacity(page.len());
        for happened in page {
            events.push(self.event_to_wire(happened, insider).await?);
        }
        Ok(ListResourceHistoryResponse { events, next_page_token })
    }

    /// An entry that the reader may know of, as it sees it, and everything that happened to it.
    async fn history(
        &self,
        resource_id: &str,
        reader: Reader<'_>,
    ) -> Result<(Entry, Vec<Happened>), Error> {
        let id = parse("resource_id", resource_id)?;
        let history = history::load(&self.shared.store, &id).await?;
        let entry = history::entry(id, &history).map_err(damaged)?;
        let seen = entry.and_then(|entry| entry.seen_by(reader));
        Ok((seen.ok_or(Error::ResourceNotFound)?, history))
    }

    async fn by_key(&self, key: Option<get_resource_request::Key>) -> Result<Option<Entry>, Error> {
        let database = &self.shared.database;
        match key {
            Some(get_resource_request::Key::ResourceId(id)) => {
                let id: ResourceId = parse("resource_id", &id)?;
                let mut connection = database.pool().acquire().await?;
                Ok(queries::by_id(&mut connection, &id).await?)
            }
            Some(get_resource_request::Key::Code(code)) => {
                Ok(queries::by_code(database, &parse("code", &code)?).await?)
            }
            None => Err(Error::field("key", "name an entry by its id or its code")),
        }
    }

    pub(in crate::grpc) async fn to_wire(&self, entry: Entry) -> Result<Resource, Error> {
        let provider = self.shared.directory.organisation(&entry.description.provider).await?;
        let published = entry.published.as_ref();
        let standing = entry.standing_status().map(status_to_wire).unwrap_or_default();
        let update = entry.update;
        Ok(Resource {
            id: entry.id.to_string(),
            code: entry.code.to_string(),
            status: status_to_wire(entry.status).into(),
            version: entry.version(),
            description: Some(description_to_wire(&entry.description)),
            region_code: entry.region.to_string(),
            published_on: published.map(|published| published.on.to_string()).unwrap_or_default(),
            updated_at: Some(time_to_wire(entry.updated_at)),
            provider_name: provider.map(|provider| provider.name.clone()).unwrap_or_default(),
            standing: standing.into(),
            standing_reason: entry.standing.reason().to_owned(),
            current_on: update.map(|update| update.current_on.to_string()).unwrap_or_default(),
            rows: update.and_then(|update| update.rows).unwrap_or_default(),
            return_reason: entry.return_reason,
        })
    }

    async fn event_to_wire(
        &self,
        happened: Happened,
        insider: bool,
    ) -> Result<ResourceEvent, Error> {
        let actor: Option<SpiffeId> = happened.actor.parse().ok();
        let organisation = actor.as_ref().and_then(SpiffeId::organisation);
        let name = match &organisation {
            Some(code) => self.shared.directory.organisation(code).await?,
            None => None,
        };
        let (occurred_at, recorded_at) = (happened.occurred_at, happened.recorded_at);
        Ok(ResourceEvent {
            sequence: happened.sequence,
            occurred_at: Some(time_to_wire(occurred_at)),
            recorded_at: Some(time_to_wire(recorded_at)),
            organisation_code: organisation.map(|code| code.to_string()).unwrap_or_default(),
            organisation_name: name.map(|found| found.name.clone()).unwrap_or_default(),
            actor: if insider { happened.actor } else { String::new() },
            ..said(happened.event)
        })
    }
}

/// What an event says of itself.
fn said(event: Event) -> ResourceEvent {
    let said = |kind: ResourceEventKind| ResourceEvent { kind: kind.into(), ..Default::default() };
    match event {
        Event::Drafted { .. } => said(ResourceEventKind::Drafted),
        Event::Submitted => said(ResourceEventKind::Submitted),
        Event::Returned { reason } => ResourceEvent { reason, ..said(ResourceEventKind::Returned) },
        Event::Published { version, on } => {
            ResourceEvent { version, on: on.to_string(), ..said(ResourceEventKind::Published) }
        }
        Event::Suspended { reason, .. } => {
            ResourceEvent { reason, ..said(ResourceEventKind::Suspended) }
        }
        Event::Resumed => said(ResourceEventKind::Resumed),
        Event::Withdrawn { reason } => {
            ResourceEvent { reason, ..said(ResourceEventKind::Withdrawn) }
        }
        Event::Updated(Update { current_on, rows }) => ResourceEvent {
            on: current_on.to_string(),
            rows: rows.unwrap_or_default(),
            ..said(ResourceEventKind::Updated)
        },
    }
}

fn damaged(error: impl Into<publicdata_event_store::BoxError>) -> Error {
    Error::Internal(error.into())
}
