//! Who is the source of what, and who collects what: commands, with what they need to know beforehand.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use publicdata_catalog_domain::entity::{
    Asking, Command, Entity as Register, Known, Like, OtherPlan, Rejection, Shared, Source,
    SourceKey,
};
use publicdata_catalog_domain::likeness::{Datum, Probe, Vocabularies, key};
use publicdata_event_store::aggregates::{Aggregates, Meta};
use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::Code;
use publicdata_types::{Actor, EntityId, OrganisationCode, ResourceId, china_date};
use publicdata_views::Projector;
use uuid::Uuid;

use crate::codec;
use crate::error::Error;
use crate::grpc::Shared as Service;
use crate::queries::collection::{self as queries, Published};
use crate::views::STREAM;

/// The id of the vocabulary of entities.
pub(crate) const ENTITIES: &str = "entity";
/// The id of the vocabulary of items.
pub(crate) const ITEMS: &str = "item";
/// How long a call waits for the views to hold what was acknowledged before it.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// Commands to entities' registers, with what they need to know beforehand.
#[derive(Debug)]
pub(crate) struct Collecting {
    pub(crate) registers: Aggregates<codec::Entity>,
    pub(crate) vocabularies: Aggregates<codec::Vocabulary>,
    /// The view of published items.
    pub(crate) items: Arc<Projector>,
    /// The view of sources and plans.
    pub(crate) view: Arc<Projector>,
    pub(crate) shared: Arc<Service>,
}

/// An entity by its present names: where its register is, and what else means the same.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) id: EntityId,
    /// Keys of the entity and all its synonyms.
    pub(crate) keys: Vec<String>,
    pub(crate) vocabularies: Arc<Vocabularies>,
}

/// Claims that are given up.
#[derive(Clone, Debug)]
pub(crate) struct Releasing {
    pub(crate) resource: ResourceId,
    /// Its items; all that are claimed if none is named.
    pub(crate) items: Vec<String>,
    pub(crate) reason: String,
    pub(crate) by: Actor,
}

impl Collecting {
    /// Both vocabularies, as they are now.
    pub(crate) async fn vocabularies(&self) -> Result<Arc<Vocabularies>, Error> {
        let (entities, _) = self.vocabularies.get(ENTITIES).await?;
        let (items, _) = self.vocabularies.get(ITEMS).await?;
        Ok(Arc::new(Vocabularies { entities, items }))
    }

    /// The entity of that name. Its register is that of the name that the vocabulary prefers: whatever was claimed in others,
    /// before names were declared to mean the same, is handed in with commands.
    pub(crate) async fn scope(&self, entity: &str) -> Result<Scope, Error> {
        let vocabularies = self.vocabularies().await?;
        let Some(preferred) = vocabularies.entity_key(entity) else {
            return Err(Error::field("entity", "the name is empty; say what the data are about"));
        };
        let id = register_of(&preferred);
        let names = vocabularies.entities.names_of(entity);
        let keys = names.iter().map(|name| key::title(name)).collect();
        Ok(Scope { id, keys, vocabularies })
    }

    /// Keys of an entity and its synonyms; none if no entity is named.
    pub(crate) async fn entity_keys(&self, entity: &str) -> Result<Vec<String>, Error> {
        match entity {
            "" => Ok(Vec::new()),
            entity => Ok(self.scope(entity).await?.keys),
        }
    }

    /// Waits until the views hold everything that was acknowledged before the call.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        let last = self.shared.store.last_sequence(STREAM).await;
        let last = last.map_err(publicdata_event_store::aggregates::Error::Store)?;
        for view in [&self.items, &self.view] {
            let there = view.wait_for(STREAM, last, CATCH_UP_TIMEOUT).await;
            there.map_err(|late| Problem::unavailable("the view of sources and plans", late))?;
        }
        Ok(())
    }

    /// Carries out a command to one register.
    pub(crate) async fn execute(
        &self,
        id: &str,
        meta: &Meta,
        command: Command,
    ) -> Result<u64, Error> {
        let done = self.registers.execute(id, meta, command).await?;
        self.shared.until_view_holds(&self.view, done.sequence).await;
        Ok(done.sequence)
    }

    /// A published resource, and its items of those identifiers, or all of them, as sources.
    pub(crate) async fn sources_of(
        &self,
        id: &ResourceId,
        items: &[String],
    ) -> Result<(Published, Vec<Source>), Error> {
        let resource = queries::published(&self.shared.database, id).await?;
        let resource = resource.filter(|resource| resource.in_use).ok_or_else(not_published)?;
        if key::title(&resource.entity).is_empty() {
            return Err(entity_unsaid().into());
        }
        for item in items {
            if !resource.items.iter().any(|(datum, _)| datum.name == *item) {
                return Err(Error::field("items", format!("the resource has no item {item}")));
            }
        }
        let named = |datum: &Datum| items.is_empty() || items.contains(&datum.name);
        let found = resource.items.iter().filter(|(datum, _)| named(datum));
        let sources = found.map(|(datum, _)| resource.source(datum)).collect();
        Ok((resource, sources))
    }

    /// Claims of an entity that stand in other registers than its present one.
    pub(crate) async fn elsewhere(&self, scope: &Scope) -> Result<Vec<Source>, Error> {
        let id = scope.id.to_string();
        let found = queries::all_sources(&self.shared.database, &scope.keys).await?;
        let others = found.into_iter().filter(|row| row.entity_id != id);
        Ok(others.map(|row| row.source).collect())
    }

    /// Resources that something is claimed of and that were withdrawn since.
    pub(crate) async fn withdrawn(&self, scope: &Scope) -> Result<BTreeSet<ResourceId>, Error> {
        Ok(queries::withdrawn(&self.shared.database, &scope.keys).await?)
    }

    /// What a plan for those items is held against.
    pub(crate) async fn known(
        &self,
        scope: &Scope,
        items: &[Datum],
        meta_at: jiff::Timestamp,
    ) -> Result<Known, Error> {
        let database = &self.shared.database;
        let vocabularies = Arc::clone(&scope.vocabularies);
        let titles = titles(items, &vocabularies);
        let candidates = queries::candidates(database, &scope.keys, &titles).await?;
        let asked: Vec<Probe> = items.iter().map(|item| vocabularies.probe(item)).collect();
        let is_like = |shared: &Shared| {
            let probe = vocabularies.probe(&shared.datum);
            asked.iter().any(|asked| asked.like(&probe).is_some())
        };
        let shared = candidates.iter().flat_map(Published::shared).filter(is_like).collect();
        let id = scope.id.to_string();
        let elsewhere: Vec<OtherPlan> =
            queries::plans_elsewhere(database, &scope.keys, &id).await?;
        Ok(Known { shared, elsewhere, today: china_date(meta_at), vocabularies })
    }

    /// What items that an organisation means to collect are like; what refuses comes first.
    pub(crate) async fn check(
        &self,
        entity: &str,
        items: &[Datum],
        organisation: OrganisationCode,
    ) -> Result<Vec<Like>, Error> {
        let scope = self.scope(entity).await?;
        self.catch_up().await?;
        let known = self.known(&scope, items, self.shared.clock.now()).await?;
        let (register, _): (Register, _) = self.registers.get(&scope.id.to_string()).await?;
        let items: Vec<&Datum> = items.iter().collect();
        let mut likes = register.likes(Asking { organisation, items: &items }, &known);
        likes.sort_by_key(|like| std::cmp::Reverse(like.why.strength()));
        Ok(likes)
    }

    /// Gives claims up, in every register that they stand in.
    pub(crate) async fn release(&self, meta: &Meta, releasing: Releasing) -> Result<u64, Error> {
        let items = &releasing.items;
        let filter = queries::Filter {
            resource: Some(releasing.resource),
            limit: CLAIMS_MAX,
            ..queries::Filter::default()
        };
        let mut rows = queries::sources(&self.shared.database, &filter).await?;
        rows.retain(|row| items.is_empty() || items.contains(&row.source.key.item));
        if rows.is_empty() {
            return self.released_before(meta, &releasing).await;
        }
        if rows.len() < items.len() {
            return Err(Error::Entity(Rejection::SourceAbsent));
        }
        let mut registers: Vec<&str> = rows.iter().map(|row| row.entity_id.as_str()).collect();
        registers.sort_unstable();
        registers.dedup();
        let mut sequence = 0;
        for register in registers {
            let here = rows.iter().filter(|row| row.entity_id == register);
            let here = here.map(|row| row.source.key.item.clone()).collect();
            sequence = self.release_in(register, meta, releasing.command(here)).await?;
        }
        Ok(sequence)
    }

    /// Nothing is claimed: a repeated command is answered as it was the first time, and any other is refused. It may have
    /// gone to the register of any name that the entity has.
    async fn released_before(&self, meta: &Meta, releasing: &Releasing) -> Result<u64, Error> {
        let absent = || Error::Entity(Rejection::SourceAbsent);
        let known = queries::published(&self.shared.database, &releasing.resource).await?;
        let known = known.filter(|known| !key::title(&known.entity).is_empty());
        let scope = self.scope(&known.ok_or_else(absent)?.entity).await?;
        let mut answer = Err(absent());
        for key in &scope.keys {
            let register = register_of(key).to_string();
            let command = releasing.command(releasing.items.clone());
            answer = self.release_in(&register, meta, command).await;
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    async fn release_in(
        &self,
        register: &str,
        meta: &Meta,
        command: Command,
    ) -> Result<u64, Error> {
        let meta = Meta { command_id: meta.command_id.derive(register), ..meta.clone() };
        self.execute(register, &meta, command).await
    }
}

impl Releasing {
    fn command(&self, items: Vec<String>) -> Command {
        let Self { resource, items: _, reason, by } = self.clone();
        Command::Release { resource, items, reason, by }
    }
}

/// The register of the entity whose preferred name has this key.
fn register_of(key: &str) -> EntityId {
    let name = format!("publicdata:entity/{key}");
    EntityId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
}

/// A resource has at most a thousand items.
const CLAIMS_MAX: u32 = 1_000;

impl Published {
    /// One of its items, as the source of a datum.
    pub(crate) fn source(&self, datum: &Datum) -> Source {
        let key = SourceKey { resource: self.id, item: datum.name.clone() };
        Source {
            key,
            code: self.code.clone(),
            provider: self.provider,
            region: self.region,
            datum: datum.clone(),
        }
    }
}

/// Keys of titles that mean the same as those of the items.
fn titles(items: &[Datum], vocabularies: &Vocabularies) -> Vec<String> {
    let mut keys = Vec::new();
    for item in items {
        let names = vocabularies.items.names_of(&item.title);
        keys.extend(names.iter().map(|name| key::title(name)).filter(|key| !key.is_empty()));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn not_published() -> Problem {
    Problem::new(
        Code::FailedPrecondition,
        "RESOURCE_NOT_PUBLISHED",
        "no such resource is published and in use; publish it first",
    )
}

fn entity_unsaid() -> Problem {
    Problem::new(
        Code::FailedPrecondition,
        "ENTITY_UNSAID",
        "the resource does not say what its rows are about; revise it with an entity (数据对象) first",
    )
}
