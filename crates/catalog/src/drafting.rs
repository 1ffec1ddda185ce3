//! Writing entries: whoever drafts, one by one or in bulk, goes through here.

mod batch;

use std::sync::Arc;

use publicdata_catalog_domain::classification::Command as AssignCommand;
use publicdata_catalog_domain::description::Description;
use publicdata_catalog_domain::leadership::Leadership;
use publicdata_catalog_domain::resource::{Command, Resource as Aggregate};
use publicdata_decider::Decider as _;
use publicdata_event_store::aggregates::{Aggregates, Executed, Meta};
use publicdata_types::{Actor, ClassificationCode, ResourceCode, ResourceId};

use crate::codec;
use crate::entry::Reader;
use crate::error::Error;
use crate::grpc::Shared;
use crate::queries::libraries;

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
        let leadership = self.leadership(&description.classification).await?;
        let (id, code) = match id {
            Some(id) => (id, self.visible(&id, &by).await?),
            None => self.begin(meta, &description, &leadership, &by).await?,
        };
        let command = Command::Draft { code: code.clone(), description, leadership, by };
        let sequence = self.execute(&id, meta, command).await?.sequence;
        Ok(Drafted { id, code, sequence })
    }

    /// Who writes the entries of a place in the classification (R16.1).
    pub(crate) async fn leadership(&self, place: &ClassificationCode) -> Result<Leadership, Error> {
        Ok(libraries::leadership(&self.shared.database, place).await?)
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

    /// The id and code of a new entry. Both follow from the command, so a repeat begins the same entry.
    async fn begin(
        &self,
        meta: &Meta,
        description: &Description,
        leadership: &Leadership,
        by: &Actor,
    ) -> Result<(ResourceId, ResourceCode), Error> {
        let id = ResourceId::from_uuid(*meta.command_id.derive("resource").as_uuid());
        let classification = description.classification.clone();

        // Whether the draft can be accepted, before it takes a number for good.
        let code = ResourceCode { classification: classification.clone(), serial: 1 };
        let (description, by) = (description.clone(), by.clone());
        let leadership = leadership.clone();
        Aggregate::Absent
            .decide(Command::Draft { code, description, leadership, by })
            .map_err(Error::Resource)?;

        let meta = Meta { command_id: meta.command_id.derive("serial"), ..meta.clone() };
        let command = AssignCommand::AssignSerial { resource: id };
        let done = self.classifications.execute(classification.as_str(), &meta, command).await?;
        match done.state.serial(&id) {
            Some(serial) => Ok((id, ResourceCode { classification, serial })),
            None => Err(Error::Internal("a classification gave no number".into())),
        }
    }
}
