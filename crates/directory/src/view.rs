//! The catalogue's events of organisations, as rows.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use prost_types::Any;
use publicdata_event_store::{Recorded, Subject};
use publicdata_proto::catalog::v1::{
    AgreementEnded, AgreementTerminated, CertificateIssued, OrganisationChanged,
    OrganisationClosed, OrganisationRegistered, SecurityOfficerAppointed,
};
use publicdata_types::OrganisationCode;
use publicdata_views::{ApplyError, View};
use sqlx::AnyConnection;

use crate::endings;
use crate::organisation::{Organisation, role_from_wire, roles_to_text};

/// The stream that tells of organisations.
pub(crate) const STREAM: &str = "CATALOG";
const ORGANISATION: &str = "organisation";
const AGREEMENT: &str = "agreement";

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
        &["directory_organisation", "directory_contractor", "directory_agreement_over"]
    }

    fn concerns(&self, subject: &Subject) -> bool {
        [ORGANISATION, AGREEMENT].contains(&subject.aggregate())
    }

    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let id = recorded.subject.id();
        let aggregate = match recorded.subject.aggregate() {
            ORGANISATION => Aggregate::Organisation,
            AGREEMENT => Aggregate::Agreement,
            _ => return Ok(()),
        };
        for event in recorded.commit().map_err(ApplyError::event)?.events {
            match aggregate {
                Aggregate::Organisation => apply_to_organisation(connection, id, &event).await?,
                Aggregate::Agreement => apply_to_agreement(connection, id, &event).await?,
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

/// Whose events matter here.
#[derive(Clone, Copy)]
enum Aggregate {
    Organisation,
    Agreement,
}

async fn apply_to_organisation(
    connection: &mut AnyConnection,
    code: &str,
    event: &Any,
) -> Result<(), ApplyError> {
    if let Some(registered) = decode::<OrganisationRegistered>(event)? {
        register(connection, registered).await
    } else if let Some(changed) = decode::<OrganisationChanged>(event)? {
        change(connection, code, changed).await
    } else if let Some(closed) = decode::<OrganisationClosed>(event)? {
        endings::close(connection, code, closed).await
    } else if let Some(appointed) = decode::<SecurityOfficerAppointed>(event)? {
        appoint(connection, code, &appointed).await
    } else if let Some(issued) = decode::<CertificateIssued>(event)? {
        endings::contract(connection, code, issued).await
    } else {
        Ok(())
    }
}

async fn apply_to_agreement(
    connection: &mut AnyConnection,
    id: &str,
    event: &Any,
) -> Result<(), ApplyError> {
    let terminated = decode::<AgreementTerminated>(event)?.is_some();
    match terminated || decode::<AgreementEnded>(event)?.is_some() {
        true => endings::end(connection, id).await,
        false => Ok(()),
    }
}

async fn register(
    connection: &mut AnyConnection,
    registered: OrganisationRegistered,
) -> Result<(), ApplyError> {
    let roles = registered.roles.into_iter().filter_map(role_from_wire);
    sqlx::query(
        "INSERT INTO directory_organisation (code, name, region_code, roles, region_revision)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(registered.code)
    .bind(registered.name)
    .bind(registered.region_code)
    .bind(roles_to_text(roles))
    .bind(registered.region_revision)
    .execute(connection)
    .await?;
    Ok(())
}

async fn change(
    connection: &mut AnyConnection,
    code: &str,
    changed: OrganisationChanged,
) -> Result<(), ApplyError> {
    let roles = changed.roles.into_iter().filter_map(role_from_wire);
    sqlx::query(
        "UPDATE directory_organisation
         SET name = $1, region_code = $2, roles = $3, region_revision = $4 WHERE code = $5",
    )
    .bind(changed.name)
    .bind(changed.region_code)
    .bind(roles_to_text(roles))
    .bind(changed.region_revision)
    .bind(code)
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
