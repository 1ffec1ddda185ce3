//! Many entries at once: numbered together, and written without waiting for the views.

use std::collections::{BTreeMap, HashMap};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use publicdata_catalog_domain::classification::Command as AssignCommand;
use publicdata_catalog_domain::resource::{Command, Resource as Aggregate};
use publicdata_decider::Decider as _;
use publicdata_event_store::aggregates::{Executed, Meta};
use publicdata_types::{Actor, ClassificationCode, ResourceCode, ResourceId};

use super::Drafting;
use crate::error::Error;

/// How many classifications give numbers at the same time.
const IN_FLIGHT: usize = 32;

impl Drafting {
    /// The codes of new entries, in their order: one commit a classification, however many they are.
    pub(crate) async fn assign(
        &self,
        meta: &Meta,
        entries: impl IntoIterator<Item = (ResourceId, ClassificationCode)>,
    ) -> Result<HashMap<ResourceId, ResourceCode>, Error> {
        let mut by_classification = BTreeMap::<ClassificationCode, Vec<ResourceId>>::new();
        for (id, classification) in entries {
            by_classification.entry(classification).or_default().push(id);
        }
        let numbered = stream::iter(by_classification)
            .map(|(classification, ids)| self.number(meta, classification, ids));
        let numbered: Vec<Vec<_>> =
            numbered.boxed().buffer_unordered(IN_FLIGHT).try_collect().await?;
        Ok(numbered.into_iter().flatten().collect())
    }

    async fn number(
        &self,
        meta: &Meta,
        classification: ClassificationCode,
        ids: Vec<ResourceId>,
    ) -> Result<Vec<(ResourceId, ResourceCode)>, Error> {
        // The same entries are numbered by the same command, whatever else came with them the first time.
        let step = ids.iter().fold(String::from("serials"), |step, id| format!("{step} {id}"));
        let meta = Meta { command_id: meta.command_id.derive(&step), ..meta.clone() };
        let command = AssignCommand::AssignSerials { resources: ids.clone() };
        let done = self.classifications.execute(classification.as_str(), &meta, command).await?;
        ids.into_iter()
            .map(|id| match done.state.serial(&id) {
                Some(serial) => {
                    let classification = classification.clone();
                    Ok((id, ResourceCode { classification, serial }))
                }
                None => Err(Error::Internal("a classification gave no number".into())),
            })
            .collect()
    }

    /// Carries out a command, and leaves waiting for the views to whoever has many.
    pub(crate) async fn write(
        &self,
        id: &ResourceId,
        meta: &Meta,
        command: Command,
    ) -> Result<Executed<Aggregate>, Error> {
        Ok(self.aggregates.execute(&id.to_string(), meta, command).await?)
    }

    /// The command that hands in an entry of this place in the classification.
    pub(crate) async fn submit_command(
        &self,
        place: &ClassificationCode,
        by: &Actor,
    ) -> Result<Command, Error> {
        let leadership = self.leadership(place).await?;
        Ok(Command::Submit { leadership, by: by.clone() })
    }

    /// Whether an entry that exists can be drafted anew.
    pub(crate) async fn check_revision(
        &self,
        id: &ResourceId,
        command: Command,
    ) -> Result<(), Error> {
        let (state, _) = self.aggregates.get(&id.to_string()).await?;
        check(&state, command)
    }
}

/// Whether a new entry can be drafted, before it takes a number for good.
pub(crate) fn check_new(command: Command) -> Result<(), Error> {
    check(&Aggregate::Absent, command)
}

fn check(state: &Aggregate, command: Command) -> Result<(), Error> {
    match state.decide(command) {
        Ok(_) => Ok(()),
        Err(rejection) => Err(Error::Resource(rejection)),
    }
}
