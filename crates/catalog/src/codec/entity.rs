//! Events of entities' registers: sources, contests, plans.

use prost_types::Any;
use publicdata_catalog_domain::entity::{self, Contest, Event, Plan, Source, SourceKey, Winner};
use publicdata_catalog_domain::likeness::Datum;
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::words::required;
use super::{FieldError, from_any, parse, to_any, unknown};

/// How entities' registers are stored, by an id that follows from the entity's name.
#[derive(Debug)]
pub struct Entity;

impl Codec for Entity {
    type Aggregate = entity::Entity;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "entity";

    fn encode(event: &Event) -> Any {
        match event {
            Event::SourceClaimed { source, difference } => to_any(&wire::SourceClaimed {
                source: Some(source_to_wire(source)),
                difference: difference.clone(),
            }),
            Event::SourceReleased { key, reason } => to_any(&wire::SourceReleased {
                resource_id: key.resource.to_string(),
                item_name: key.item.clone(),
                reason: reason.clone(),
            }),
            Event::SourceContested { contest, dispute } => to_any(&wire::SourceContested {
                contest_id: contest.to_string(),
                challenger: Some(source_to_wire(&dispute.challenger)),
                holder_resource_id: dispute.holder.resource.to_string(),
                holder_item_name: dispute.holder.item.clone(),
                grounds: dispute.grounds.clone(),
            }),
            Event::SourceSettled { contest, winner, reason } => to_any(&wire::SourceSettled {
                contest_id: contest.to_string(),
                winner: winner_to_wire(*winner).into(),
                reason: reason.clone(),
            }),
            Event::CollectionPlanned { id, plan, difference } => to_any(&wire::CollectionPlanned {
                plan_id: id.to_string(),
                plan: Some(plan_to_wire(plan)),
                difference: difference.clone(),
            }),
            Event::CollectionEnded { id, reason } => {
                to_any(&wire::CollectionEnded { plan_id: id.to_string(), reason: reason.clone() })
            }
            Event::CollectionExcepted { organisation, region, items, reason } => {
                to_any(&wire::CollectionExcepted {
                    organisation_code: organisation.to_string(),
                    region_code: region.to_string(),
                    entity: entity_of(items),
                    items: items.iter().map(item_to_wire).collect(),
                    reason: reason.clone(),
                })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let event = if let Some(claimed) = from_any::<wire::SourceClaimed>(any) {
            let wire::SourceClaimed { source, difference } = claimed?;
            let source = source_from_wire(source.unwrap_or_default());
            source.map(|source| Event::SourceClaimed { source, difference })
        } else if let Some(released) = from_any::<wire::SourceReleased>(any) {
            let wire::SourceReleased { resource_id, item_name, reason } = released?;
            let resource = parse("resource_id", &resource_id);
            resource.map(|resource| Event::SourceReleased {
                key: SourceKey { resource, item: item_name },
                reason,
            })
        } else if let Some(contested) = from_any::<wire::SourceContested>(any) {
            contested_from_wire(contested?)
        } else if let Some(settled) = from_any::<wire::SourceSettled>(any) {
            settled_from_wire(settled?)
        } else if let Some(planned) = from_any::<wire::CollectionPlanned>(any) {
            planned_from_wire(planned?)
        } else if let Some(ended) = from_any::<wire::CollectionEnded>(any) {
            let wire::CollectionEnded { plan_id, reason } = ended?;
            parse("plan_id", &plan_id).map(|id| Event::CollectionEnded { id, reason })
        } else if let Some(excepted) = from_any::<wire::CollectionExcepted>(any) {
            excepted_from_wire(excepted?)
        } else {
            return Err(unknown(any));
        };
        event.map(Some).map_err(|error| DecodeError::new(any, error))
    }
}

pub(crate) fn source_to_wire(source: &Source) -> wire::DataSource {
    wire::DataSource {
        resource_id: source.key.resource.to_string(),
        item_name: source.key.item.clone(),
        resource_code: source.code.to_string(),
        provider_code: source.provider.to_string(),
        region_code: source.region.to_string(),
        entity: source.datum.entity.clone(),
        item_title: source.datum.title.clone(),
    }
}

pub(crate) fn source_from_wire(source: wire::DataSource) -> Result<Source, FieldError> {
    Ok(Source {
        key: SourceKey {
            resource: parse("resource_id", &source.resource_id)?,
            item: source.item_name.clone(),
        },
        code: parse("resource_code", &source.resource_code)?,
        provider: parse("provider_code", &source.provider_code)?,
        region: parse("region_code", &source.region_code)?,
        datum: Datum { entity: source.entity, name: source.item_name, title: source.item_title },
    })
}

pub(crate) fn plan_to_wire(plan: &Plan) -> wire::CollectionPlan {
    wire::CollectionPlan {
        organisation_code: plan.organisation.to_string(),
        region_code: plan.region.to_string(),
        entity: entity_of(&plan.items),
        items: plan.items.iter().map(item_to_wire).collect(),
        purpose: plan.purpose.clone(),
        legal_basis: plan.legal_basis.clone(),
        method: plan.method.clone(),
        from: plan.from.to_string(),
        until: plan.until.to_string(),
    }
}

pub(crate) fn plan_from_wire(plan: wire::CollectionPlan) -> Result<Plan, FieldError> {
    Ok(Plan {
        organisation: parse("organisation_code", &plan.organisation_code)?,
        region: parse("region_code", &plan.region_code)?,
        items: items_from_wire(&plan.entity, plan.items),
        purpose: plan.purpose,
        legal_basis: plan.legal_basis,
        method: plan.method,
        from: parse("from", &plan.from)?,
        until: parse("until", &plan.until)?,
    })
}

pub(crate) fn items_from_wire(entity: &str, items: Vec<wire::CollectedItem>) -> Vec<Datum> {
    let datum = |item: wire::CollectedItem| Datum {
        entity: entity.to_owned(),
        name: item.name,
        title: item.title,
    };
    items.into_iter().map(datum).collect()
}

pub(crate) const fn winner_to_wire(winner: Winner) -> wire::ContestWinner {
    match winner {
        Winner::Holder => wire::ContestWinner::Holder,
        Winner::Challenger => wire::ContestWinner::Challenger,
    }
}

pub(crate) fn winner_from_wire(field: &str, number: i32) -> Result<Winner, FieldError> {
    let winner = match wire::ContestWinner::try_from(number) {
        Ok(wire::ContestWinner::Holder) => Some(Winner::Holder),
        Ok(wire::ContestWinner::Challenger) => Some(Winner::Challenger),
        Ok(wire::ContestWinner::Unspecified) | Err(_) => None,
    };
    required(field, winner)
}

fn item_to_wire(item: &Datum) -> wire::CollectedItem {
    wire::CollectedItem { title: item.title.clone(), name: item.name.clone() }
}

/// Items of one plan are all of one entity.
fn entity_of(items: &[Datum]) -> String {
    items.first().map(|item| item.entity.clone()).unwrap_or_default()
}

fn contested_from_wire(contested: wire::SourceContested) -> Result<Event, FieldError> {
    let challenger = source_from_wire(contested.challenger.unwrap_or_default());
    Ok(Event::SourceContested {
        contest: parse("contest_id", &contested.contest_id)?,
        dispute: Contest {
            challenger: challenger.map_err(|error| error.within("challenger"))?,
            holder: SourceKey {
                resource: parse("holder_resource_id", &contested.holder_resource_id)?,
                item: contested.holder_item_name,
            },
            grounds: contested.grounds,
        },
    })
}

fn settled_from_wire(settled: wire::SourceSettled) -> Result<Event, FieldError> {
    Ok(Event::SourceSettled {
        contest: parse("contest_id", &settled.contest_id)?,
        winner: winner_from_wire("winner", settled.winner)?,
        reason: settled.reason,
    })
}

fn planned_from_wire(planned: wire::CollectionPlanned) -> Result<Event, FieldError> {
    let plan = plan_from_wire(planned.plan.unwrap_or_default());
    Ok(Event::CollectionPlanned {
        id: parse("plan_id", &planned.plan_id)?,
        plan: plan.map_err(|error| error.within("plan"))?,
        difference: planned.difference,
    })
}

fn excepted_from_wire(excepted: wire::CollectionExcepted) -> Result<Event, FieldError> {
    Ok(Event::CollectionExcepted {
        organisation: parse("organisation_code", &excepted.organisation_code)?,
        region: parse("region_code", &excepted.region_code)?,
        items: items_from_wire(&excepted.entity, excepted.items),
        reason: excepted.reason,
    })
}
