//! The catalogue's events of organisations, as rows.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use prost_types::Any;
use publicdata_event_store::Recorded;
use publicdata_proto::catalog::v1::{OrganisationRegistered, SecurityOfficerAppointed};
use publicdata_types::OrganisationCode;
use publicdata_views::{ApplyError, View};
use sqlx::AnyConnection;

use crate::organisation::{Organisation, role_from_wire, roles_to_text};

/// The stream that tells of organisations.
pub(crate) const STREAM: &str = "CATALOG";
const AGGREGATE: &str = "organisation";

/// The view, and what was read of it since it last moved.
#[derive(Debug, Default)]
pub(crate) struct Organisations {
    cache: RwLock<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    generation: u64,
    known: HashMap<OrganisationCode, Arc<Organisation>>,
}

impl Organisations {
    /// What is cached of `code`, and the generation that whoever reads it from the table hands to [`remember`](Self::remember).
    pub(crate) fn cached(&self, code: &OrganisationCode) -> (Option<Arc<Organisation>>, u64) {
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        (cache.known.get(code).cloned(), cache.generation)
    }

    /// Caches what was read, unless the view has moved since the reading began.
    pub(crate) fn remember(&self, generation: u64, organisation: &Arc<Organisation>) {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.generation == generation {
            cache.known.insert(organisation.code, Arc::clone(organisation));
        }
    }
}

#[async_trait]
impl View for Organisations {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn streams(&self) -> &'static [&'static str] {
        &[STREAM]
    }

    fn tables(&self) -> &'static [&'static str] {
        &["directory_organisation"]
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        if recorded.subject.aggregate() != AGGREGATE {
            return Ok(());
        }
        for event in recorded.commit().map_err(ApplyError::event)?.events {
            if let Some(registered) = decode::<OrganisationRegistered>(&event)? {
                register(connection, registered).await?;
            } else if let Some(appointed) = decode::<SecurityOfficerAppointed>(&event)? {
                appoint(connection, recorded.subject.id(), &appointed).await?;
            }
        }
        Ok(())
    }

    fn changed(&self) {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.generation += 1;
        cache.known.clear();
    }
}

async fn register(
    connection: &mut AnyConnection,
    registered: OrganisationRegistered,
) -> Result<(), ApplyError> {
    let roles = registered.roles.into_iter().filter_map(role_from_wire);
    sqlx::query(
        "INSERT INTO directory_organisation (code, name, region_code, roles)
         VALUES ($1, $2, $3, $4)",
    )
    .bind(registered.code)
    .bind(registered.name)
    .bind(registered.region_code)
    .bind(roles_to_text(roles))
    .execute(connection)
    .await?;
    Ok(())
}

async fn appoint(
    connection: &mut AnyConnection,
    code: &str,
    appointed: &SecurityOfficerAppointed,
) -> Result<(), ApplyError> {
    sqlx::query("UPDATE directory_organisation SET security_officer_account = $1 WHERE code = $2")
        .bind(&appointed.account)
        .bind(code)
        .execute(connection)
        .await?;
    Ok(())
}

fn decode<M: prost::Message + prost::Name + Default>(event: &Any) -> Result<Option<M>, ApplyError> {
    if event.type_url != M::type_url() {
        return Ok(None);
    }
    M::decode(event.value.as_slice()).map(Some).map_err(ApplyError::event)
}
