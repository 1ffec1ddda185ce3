//! Writing entries: whoever drafts, one by one or in bulk, goes through here.

pub(crate) mod batch;

use std::sync::Arc;

use publicdata_catalog_domain::classification::{Command as AssignCommand, tree};
use publicdata_catalog_domain::description::{Description, Facts};
use publicdata_catalog_domain::leadership::Leadership;
use publicdata_catalog_domain::name::NameKey;
use publicdata_catalog_domain::resource::{Command, Resource as Aggregate};
use publicdata_decider::Decider as _;
use publicdata_event_store::aggregates::{Aggregates, Executed, Meta};
use publicdata_types::classification::Depth;
use publicdata_types::{Actor, ClassificationCode, ResourceCode, ResourceId, china_date};

use crate::entry::Reader;
use crate::error::Error;
use crate::grpc::Shared;
use crate::queries::register::system_named;
use crate::{codec, queries};

/// Commands to entries, with what they need to know beforehand.
#[derive(Debug)]
pub(crate) struct Drafting {
    pub(crate) aggregates: Aggregates<codec::Resource>,
    pub(crate) classifications: Aggregates<codec::Classification>,
    pub(crate) shared: Arc<Shared>,
}

/// A draft that was written.
#[derive(Debug)]
pub(crate) struct Drafted {
    pub(crate) id: ResourceId,
    pub(crate) code: ResourceCode,
    pub(crate) sequence: u64,
}

impl Drafting {
    /// Writes a first draft, or a new one over the entry `id`.
    pub(crate) async fn draft(
        &self,
        meta: &Meta,
        id: Option<ResourceId>,
        description: Description,
        by: Actor,
    ) -> Result<Drafted, Error> {
        // The id of a new entry follows from the command, so a repeat begins the same entry.
        let new = ResourceId::from_uuid(*meta.command_id.derive("resource").as_uuid());
        let facts = self.facts(Some(&id.unwrap_or(new)), &description, &by).await?;
        let (id, code) = match id {
            Some(id) => (id, self.visible(&id, &by).await?),
            None => (new, self.begin(meta, &new, (&description, &facts), &by).await?),
        };
        let command = Command::Draft { code: code.clone(), description, facts, by };
        let sequence = self.execute(&id, meta, command).await?.sequence;
        Ok(Drafted { id, code, sequence })
    }

    /// Hands a draft to the authority.
    pub(crate) async fn submit(
        &self,
        meta: &Meta,
        id: &ResourceId,
        by: Actor,
    ) -> Result<Executed<Aggregate>, Error> {
        let code = self.visible(id, &by).await?;
        let leadership = self.leadership(&code.classification).await?;
        self.execute(id, meta, Command::Submit { leadership, by }).await
    }

    /// Publishes what was submitted, unless an entry of a like name was published since it was drafted.
    pub(crate) async fn publish(
        &self,
        meta: &Meta,
        id: &ResourceId,
        by: Actor,
    ) -> Result<Executed<Aggregate>, Error> {
        let code = self.visible(id, &by).await?;
        let leadership = self.leadership(&code.classification).await?;
        let (state, _) = self.aggregates.get(&id.to_string()).await?;
        let alike = match &state {
            Aggregate::Submitted(entry) => {
                let key = NameKey::of(&entry.description.name);
                queries::alike(&self.shared.database, &key, Some(id), Reader::Service).await?
            }
            Aggregate::Absent
            | Aggregate::Draft(_)
            | Aggregate::Returned { .. }
            | Aggregate::Published(_)
            | Aggregate::Withdrawn(_) => None,
        };
        let on = china_date(meta.at);
        self.execute(id, meta, Command::Publish { on, alike, leadership, by }).await
    }

    /// What is known beside a description, as far as whoever writes it may know.
    pub(crate) async fn facts(
        &self,
        id: Option<&ResourceId>,
        description: &Description,
        by: &Actor,
    ) -> Result<Facts, Error> {
        let database = &self.shared.database;
        let key = NameKey::of(&description.name);
        let alike = queries::alike(database, &key, id, Reader::Actor(by)).await?;

        let group = description.classification.ancestor(Depth::Group);
        let group_named = match group.filter(|group| tree::built_in_name(group).is_none()) {
            Some(group) => queries::is_named(database, &group).await?,
            None => false,
        };
        let leadership = self.leadership(&description.classification).await?;
        let mut connection = database.pool().acquire().await?;
        // Of others' systems nothing is told (R13.1).
        let system_named = system_named(&mut connection, &by.organisation, key.as_str()).await?;
        Ok(Facts { alike, group_named, system_named, leadership })
    }

    /// Who writes the entries of a place in the classification (R16.1).
    pub(crate) async fn leadership(&self, place: &ClassificationCode) -> Result<Leadership, Error> {
        Ok(queries::libraries::leadership(&self.shared.database, place).await?)
    }

    pub(crate) async fn execute(
        &self,
        id: &ResourceId,
        meta: &Meta,
        command: Command,
    ) -> Result<Executed<Aggregate>, Error> {
        let done = self.aggregates.execute(&id.to_string(), meta, command).await?;
        self.shared.until_seen(done.sequence).await;
        Ok(done)
    }

    /// The code of an entry that the actor may know of.
    pub(crate) async fn visible(
        &self,
        id: &ResourceId,
        actor: &Actor,
    ) -> Result<ResourceCode, Error> {
        let (state, _) = self.aggregates.get(&id.to_string()).await?;
        let entry = state.entry().ok_or(Error::ResourceNotFound)?;
        let provider = &entry.description.provider;
        let known = entry.version > 0 || Reader::Actor(actor).sees_drafts(provider, &entry.region);
        match known {
            true => Ok(entry.code.clone()),
            false => Err(Error::ResourceNotFound),
        }
    }

    /// The code of a new entry. A repeated command is given the same one.
    async fn begin(
        &self,
        meta: &Meta,
        id: &ResourceId,
        (description, facts): (&Description, &Facts),
        by: &Actor,
    ) -> Result<ResourceCode, Error> {
        let classification = description.classification.clone();

        // Whether the draft can be accepted, before it takes a number for good.
        let code = ResourceCode { classification: classification.clone(), serial: 1 };
        let command = Command::Draft {
            code,
            description: description.clone(),
            facts: facts.clone(),
            by: by.clone(),
        };
        if let Err(rejection) = Aggregate::Absent.decide(command) {
            // What was accepted once is answered as it was, whatever has become known since (H1).
            return match self.visible(id, by).await {
                Err(Error::ResourceNotFound) => Err(Error::Resource(rejection)),
                known => known,
            };
        }

        let meta = Meta { command_id: meta.command_id.derive("serial"), ..meta.clone() };
        let command = AssignCommand::AssignSerial { resource: *id };
        let done = self.classifications.execute(classification.as_str(), &meta, command).await?;
        match done.state.serial(id) {
            Some(serial) => Ok(ResourceCode { classification, serial }),
            None => Err(Error::Internal("a classification gave no number".into())),
        }
    }
}
