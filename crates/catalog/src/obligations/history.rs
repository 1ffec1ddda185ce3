//! What happened to resources and libraries, as far as obligations follow from it. It is read from the events' wire form: the
//! rest of an entry is none of its business.

use jiff::civil::Date;
use prost_types::Any;
use publicdata_catalog_domain::obligation::Named;
use publicdata_catalog_domain::schedule::{
    Action, LibrarySchedule, LibraryStep, Occasion, ResourceSchedule, ResourceStep, Written,
};
use publicdata_event_store::{BoxError, Recorded, Store, Subject};
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::{CommandId, ObligationId, OrganisationCode, ResourceId, china_date};

use crate::codec::{FieldError, from_any, parse, required, time_from_wire, update_cycle_from_wire};
use crate::error::Error;

/// The aggregate of libraries, as in the subject.
pub(crate) const LIBRARY: &str = "library";
/// The aggregate of resources, as in the subject.
pub(crate) const RESOURCE: &str = "resource";
const SERVICE: &str = "catalog";

/// A commit, in terms of what happened.
struct Told {
    sequence: u64,
    command_id: CommandId,
    on: Date,
    events: Vec<Any>,
}

/// What follows from a commit to a resource: nothing is read of resources to which nothing happened but drafts and reviews.
pub(crate) async fn resource_actions(
    store: &Store,
    recorded: &Recorded,
) -> Result<Vec<Action>, Error> {
    if !told(recorded)?.events.iter().any(concerns) {
        return Ok(vec![]);
    }
    let mut schedule = ResourceSchedule::new(parse("resource_id", recorded.subject.id())?);
    let mut actions = Vec::new();
    for commit in until(store, recorded).await? {
        for (event, at) in commit.events.iter().zip(commit.occasions()) {
            let followed = match resource_step(event)? {
                Some(step) => schedule.follow(step, at),
                None => vec![],
            };
            if commit.sequence == recorded.sequence {
                actions.extend(followed);
            }
        }
    }
    Ok(actions)
}

/// What follows from a commit to a library.
pub(crate) async fn library_actions(
    store: &Store,
    recorded: &Recorded,
) -> Result<Vec<Action>, Error> {
    if !told(recorded)?
        .events
        .iter()
        .any(|event| library_step(event).is_ok_and(|step| step.is_some()))
    {
        return Ok(vec![]);
    }
    let mut schedule = LibrarySchedule::new(parse("library", recorded.subject.id())?);
    let mut actions = Vec::new();
    for commit in until(store, recorded).await? {
        for (event, at) in commit.events.iter().zip(commit.occasions()) {
            let followed = match library_step(event)? {
                Some(step) => schedule.follow(step, at),
                None => vec![],
            };
            if commit.sequence == recorded.sequence {
                actions.extend(followed);
            }
        }
    }
    Ok(actions)
}

/// What is known of an entry that `owner` names.
pub(crate) async fn named(
    store: &Store,
    resource: ResourceId,
    owner: &OrganisationCode,
) -> Result<Named, Error> {
    let subject = Subject::new(SERVICE, RESOURCE, &resource.to_string());
    let subject = subject.map_err(|error| Error::Internal(error.into()))?;
    let (mut provider, mut changed_on) = (None, None);
    for recorded in tail(store, &subject).await? {
        let commit = told(&recorded)?;
        for event in &commit.events {
            if let Some(drafted) = message::<wire::ResourceDrafted>(event)? {
                let code = drafted.description.unwrap_or_default().provider_code;
                provider = Some(parse::<OrganisationCode>("provider_code", &code)?);
                changed_on = Some(commit.on);
            }
            if is::<wire::ResourceSubmitted>(event) || is::<wire::ResourcePublished>(event) {
                changed_on = Some(commit.on);
            }
        }
    }
    let own = provider.as_ref() == Some(owner);
    Ok(Named { resource, changed_on: changed_on.filter(|_| own) })
}

impl Told {
    /// When each event happened, and which obligation would follow from it.
    fn occasions(&self) -> impl Iterator<Item = Occasion> {
        (0..).map(|index: usize| Occasion {
            id: obligation_id(self.command_id, &index.to_string()),
            on: self.on,
        })
    }
}

/// The id of the obligation that follows from a command: whoever follows the same events opens the same obligations.
pub(crate) fn obligation_id(cause: CommandId, which: &str) -> ObligationId {
    ObligationId::from_uuid(*cause.derive(&format!("obligation {which}")).as_uuid())
}

/// The commits to the same aggregate, up to this one.
async fn until(store: &Store, recorded: &Recorded) -> Result<Vec<Told>, Error> {
    let history = tail(store, &recorded.subject).await?;
    let history = history.iter().take_while(|commit| commit.sequence <= recorded.sequence);
    history.map(told).collect()
}

async fn tail(store: &Store, subject: &Subject) -> Result<Vec<Recorded>, Error> {
    store.tail(subject, 0).await.map_err(|error| Error::Load(error.into()))
}

fn told(recorded: &Recorded) -> Result<Told, Error> {
    let commit = recorded.commit().map_err(|error| Error::Load(error.into()))?;
    let at = time_from_wire("occurred_at", commit.occurred_at)?;
    Ok(Told {
        sequence: recorded.sequence,
        command_id: parse("command_id", &commit.command_id)?,
        on: china_date(at),
        events: commit.events,
    })
}

/// Whether an obligation may follow from an event of a resource.
fn concerns(event: &Any) -> bool {
    is::<wire::ResourcePublished>(event)
        || is::<wire::ResourceUpdated>(event)
        || is::<wire::ResourceSuspended>(event)
        || is::<wire::ResourceResumed>(event)
        || is::<wire::ResourceWithdrawn>(event)
}

fn resource_step(event: &Any) -> Result<Option<ResourceStep>, Error> {
    if let Some(drafted) = message::<wire::ResourceDrafted>(event)? {
        let description = drafted.description.unwrap_or_default();
        return Ok(Some(ResourceStep::Drafted(Written {
            provider: parse("provider_code", &description.provider_code)?,
            cycle: required("update_cycle", update_cycle_from_wire(description.update_cycle))?,
            name: description.name,
        })));
    }
    if let Some(published) = message::<wire::ResourcePublished>(event)? {
        let on = parse("published_on", &published.published_on)?;
        return Ok(Some(ResourceStep::Published { on }));
    }
    if let Some(updated) = message::<wire::ResourceUpdated>(event)? {
        let current_on = parse("current_on", &updated.current_on)?;
        return Ok(Some(ResourceStep::Updated { current_on }));
    }
    if let Some(suspended) = message::<wire::ResourceSuspended>(event)? {
        return Ok(Some(ResourceStep::Suspended { reason: suspended.reason }));
    }
    if let Some(withdrawn) = message::<wire::ResourceWithdrawn>(event)? {
        return Ok(Some(ResourceStep::Withdrawn { reason: withdrawn.reason }));
    }
    Ok(is::<wire::ResourceResumed>(event).then_some(ResourceStep::Resumed))
}

fn library_step(event: &Any) -> Result<Option<LibraryStep>, Error> {
    if let Some(assigned) = message::<wire::LibraryItemAssigned>(event)? {
        return Ok(Some(LibraryStep::Assigned {
            item: assigned.item,
            organisation: parse("organisation_code", &assigned.organisation_code)?,
            cycle: required("update_cycle", update_cycle_from_wire(assigned.update_cycle))?,
            from: parse("from", &assigned.from)?,
        }));
    }
    if let Some(updated) = message::<wire::LibraryItemUpdated>(event)? {
        let current_on = parse("current_on", &updated.current_on)?;
        return Ok(Some(LibraryStep::Updated { item: updated.item, current_on }));
    }
    let released = message::<wire::LibraryItemReleased>(event)?;
    Ok(released
        .map(|released| LibraryStep::Released { item: released.item, reason: released.reason }))
}

fn is<M: prost::Name>(event: &Any) -> bool {
    event.type_url == M::type_url()
}

fn message<M: prost::Message + prost::Name + Default>(event: &Any) -> Result<Option<M>, Error> {
    let read = from_any::<M>(event).transpose();
    read.map_err(|error| FieldError::new("events", BoxError::from(error)).into())
}
