//! The items of published resources, as rows that likeness is looked for in (R18.1).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use prost_types::Any;
use publicdata_catalog_domain::likeness::key;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_event_store::{Recorded, Store, Subject};
use publicdata_proto::catalog::v1 as wire;
use publicdata_views::{ApplyError, Database, Projector, View, parts, places};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use crate::app::BuildError;
use crate::codec::{Resource, from_any};
use crate::queries::collection::decoded;
use crate::views::{MIGRATIONS, STREAM};

/// The view of published items, in a database of the catalogue's: to run it, to rebuild it, and to compare its content.
///
/// # Errors
/// The database cannot be used.
pub async fn items(database: Database, store: Store) -> Result<Arc<Projector>, BuildError> {
    database.migrate("catalog", MIGRATIONS).await?;
    Ok(Projector::new(database, store, Arc::new(Items)).await?)
}

struct Items;

#[async_trait]
impl View for Items {
    fn name(&self) -> &'static str {
        "catalog_item"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["catalog_item_draft", "catalog_item"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        subject.aggregate() == Resource::AGGREGATE
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        self.apply_all(connection, &[recorded]).await
    }

    async fn apply_all(
        &self,
        connection: &mut AnyConnection,
        commits: &[&Recorded],
    ) -> Result<(), ApplyError> {
        let mut happened = Vec::with_capacity(commits.len());
        for recorded in commits {
            for event in recorded.commit().map_err(ApplyError::event)?.events {
                if let Some(step) = step(&event)? {
                    happened.push((recorded.subject.id(), step));
                }
            }
        }
        let published = happened.iter().filter(|(_, step)| matches!(step, Step::Published));
        let published: BTreeSet<&str> = published.map(|(id, _)| *id).collect();
        let mut drafts = taken(&mut *connection, &Vec::from_iter(published)).await?;

        // Only the last of each lasts, and nothing comes after a withdrawal.
        let (mut items, mut in_use) = (BTreeMap::new(), BTreeMap::new());
        for (id, step) in happened {
            match step {
                Step::Drafted(draft) => drop(drafts.insert(id.to_owned(), draft)),
                Step::Published => {
                    let draft = drafts.remove(id).ok_or_else(|| {
                        ApplyError::event("a publication of what was not drafted")
                    })?;
                    items.insert(id, draft);
                }
                Step::InUse(word) => drop(in_use.insert(id, word)),
            }
        }
        for items in parts(&Vec::from_iter(items)) {
            publish(&mut *connection, items).await?;
        }
        for (id, word) in in_use {
            set_in_use(&mut *connection, id, word).await?;
        }
        for drafts in parts(&Vec::from_iter(drafts)) {
            keep(&mut *connection, drafts).await?;
        }
        Ok(())
    }
}

/// What happened to a resource, as far as its items go.
#[expect(clippy::large_enum_variant, reason = "a batch of them lives at a time")]
enum Step {
    Drafted(Draft),
    Published,
    InUse(&'static str),
}

/// What a draft says until it is published.
struct Draft {
    code: String,
    region_code: String,
    description: wire::ResourceDescription,
}

fn step(event: &Any) -> Result<Option<Step>, ApplyError> {
    if let Some(drafted) = from_any::<wire::ResourceDrafted>(event) {
        let drafted = drafted.map_err(ApplyError::event)?;
        return Ok(Some(Step::Drafted(Draft {
            code: drafted.code,
            region_code: drafted.region_code,
            description: what_counts(drafted.description.unwrap_or_default()),
        })));
    }
    let is_published = from_any::<wire::ResourcePublished>(event).is_some();
    let in_use = || {
        if from_any::<wire::ResourceSuspended>(event).is_some() {
            Some("no")
        } else if from_any::<wire::ResourceWithdrawn>(event).is_some() {
            Some("never")
        } else {
            from_any::<wire::ResourceResumed>(event).map(|_| "yes")
        }
    };
    Ok(if is_published { Some(Step::Published) } else { in_use().map(Step::InUse) })
}

/// Takes out the drafts that were kept of these resources.
async fn taken(
    connection: &mut AnyConnection,
    ids: &[&str],
) -> Result<HashMap<String, Draft>, ApplyError> {
    let mut drafts = HashMap::new();
    for ids in parts(ids) {
        let places = places(1, ids.len());
        let take =
            format!("DELETE FROM catalog_item_draft WHERE resource_id IN {places} RETURNING *");
        let mut query = sqlx::query(AssertSqlSafe(take));
        for id in ids {
            query = query.bind(*id);
        }
        for row in query.fetch_all(&mut *connection).await? {
            let draft = Draft {
                code: row.try_get("code")?,
                region_code: row.try_get("region_code")?,
                description: decoded("description", row.try_get("description")?)?,
            };
            drafts.insert(row.try_get("resource_id")?, draft);
        }
    }
    Ok(drafts)
}

async fn keep(
    connection: &mut AnyConnection,
    drafts: &[(String, Draft)],
) -> Result<(), ApplyError> {
    let upsert = format!(
        "INSERT INTO catalog_item_draft (resource_id, code, description, region_code) VALUES {}
         ON CONFLICT (resource_id) DO UPDATE SET
             description = excluded.description, region_code = excluded.region_code",
        places(drafts.len(), 4)
    );
    let mut query = sqlx::query(AssertSqlSafe(upsert));
    for (id, draft) in drafts {
        query = query
            .bind(id.as_str())
            .bind(draft.code.as_str())
            .bind(hex::encode(draft.description.encode_to_vec()))
            .bind(draft.region_code.as_str());
    }
    query.execute(connection).await?;
    Ok(())
}

/// What was drafted last holds from now on. A resource that is suspended stays so, whatever is published of it.
async fn publish(
    connection: &mut AnyConnection,
    items: &[(&str, Draft)],
) -> Result<(), ApplyError> {
    let upsert = format!(
        "INSERT INTO catalog_item (
             resource_id, code, provider_code, region_code, entity_key, description, titles, in_use
         ) VALUES {}
         ON CONFLICT (resource_id) DO UPDATE SET
             provider_code = excluded.provider_code, region_code = excluded.region_code,
             entity_key = excluded.entity_key, description = excluded.description,
             titles = excluded.titles",
        places(items.len(), 8)
    );
    let mut query = sqlx::query(AssertSqlSafe(upsert));
    for (id, Draft { code, region_code, description }) in items {
        let entity_key = key::title(&description.entity);
        let titles = match entity_key.is_empty() {
            true => titles(&description.items),
            false => String::new(),
        };
        query = query
            .bind(*id)
            .bind(code.as_str())
            .bind(description.provider_code.as_str())
            .bind(region_code.as_str())
            .bind(entity_key)
            .bind(hex::encode(description.encode_to_vec()))
            .bind(titles)
            .bind("yes");
    }
    query.execute(connection).await?;
    Ok(())
}

async fn set_in_use(
    connection: &mut AnyConnection,
    id: &str,
    in_use: &str,
) -> Result<(), ApplyError> {
    sqlx::query("UPDATE catalog_item SET in_use = $1 WHERE resource_id = $2")
        .bind(in_use)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The part of a description that likeness needs: a catalogue has many entries.
fn what_counts(description: wire::ResourceDescription) -> wire::ResourceDescription {
    let items = description.items.into_iter().map(|item| wire::Item {
        name: item.name,
        title: item.title,
        sharing_type: item.sharing_type,
        ..wire::Item::default()
    });
    wire::ResourceDescription {
        items: items.collect(),
        provider_code: description.provider_code,
        sharing_type: description.sharing_type,
        entity: description.entity,
        ..wire::ResourceDescription::default()
    }
}

fn titles(items: &[wire::Item]) -> String {
    let keys: Vec<String> = items.iter().map(|item| key::title(&item.title)).collect();
    format!(" {} ", keys.join(" "))
}
