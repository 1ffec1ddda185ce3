//! Events of other platforms' catalogues.

use prost_types::Any;
use publicdata_catalog_domain::foreign_resource::{self, Description, Distribution};
use publicdata_catalog_domain::harvest_source::{self, Advance, Kind, Reached, Registration};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::{FieldError, from_any, parse, to_any, unknown};

/// How harvest sources are stored, by their id.
#[derive(Debug)]
pub struct HarvestSource;

impl Codec for HarvestSource {
    type Aggregate = harvest_source::HarvestSource;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "harvest_source";

    fn encode(event: &harvest_source::Event) -> Any {
        match event {
            harvest_source::Event::Registered(registration) => {
                let Registration { name, kind, url, platform, region } = registration.clone();
                to_any(&wire::HarvestSourceRegistered {
                    name,
                    kind: harvest_kind_to_wire(kind).into(),
                    url,
                    platform,
                    region_code: region.to_string(),
                })
            }
            harvest_source::Event::Advanced(advance) => {
                let Advance { cursor, taken, gone, refused, reached } = advance.clone();
                let complete = reached == Reached::End;
                to_any(&wire::HarvestAdvanced { cursor, taken, gone, refused, complete })
            }
        }
    }

    fn decode(any: &Any) -> Result<Option<harvest_source::Event>, DecodeError> {
        if let Some(registered) = from_any::<wire::HarvestSourceRegistered>(any) {
            let registration = registration(registered?);
            let registration = registration.map_err(|error| DecodeError::new(any, error))?;
            return Ok(Some(harvest_source::Event::Registered(registration)));
        }
        let Some(advanced) = from_any::<wire::HarvestAdvanced>(any) else {
            return Err(unknown(any));
        };
        let wire::HarvestAdvanced { cursor, taken, gone, refused, complete } = advanced?;
        let reached = if complete { Reached::End } else { Reached::Part };
        let advance = Advance { cursor, taken, gone, refused, reached };
        Ok(Some(harvest_source::Event::Advanced(advance)))
    }
}

fn registration(registered: wire::HarvestSourceRegistered) -> Result<Registration, FieldError> {
    Ok(Registration {
        kind: harvest_kind_from_wire("kind", registered.kind)?,
        region: parse("region_code", &registered.region_code)?,
        name: registered.name,
        url: registered.url,
        platform: registered.platform,
    })
}

/// How other platforms' datasets are stored, by the id that follows from source and URI.
#[derive(Debug)]
pub struct ForeignResource;

impl Codec for ForeignResource {
    type Aggregate = foreign_resource::ForeignResource;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "foreign_resource";

    fn encode(event: &foreign_resource::Event) -> Any {
        match event {
            foreign_resource::Event::Seen { source, description } => {
                to_any(&wire::ForeignResourceSeen {
                    source_id: source.to_string(),
                    description: Some(foreign_to_wire(description.clone())),
                })
            }
            foreign_resource::Event::Gone => to_any(&wire::ForeignResourceGone {}),
        }
    }

    fn decode(any: &Any) -> Result<Option<foreign_resource::Event>, DecodeError> {
        if let Some(seen) = from_any::<wire::ForeignResourceSeen>(any) {
            let seen = seen?;
            let source = parse("source_id", &seen.source_id);
            let source = source.map_err(|error| DecodeError::new(any, error))?;
            let description = foreign_from_wire(seen.description.unwrap_or_default());
            return Ok(Some(foreign_resource::Event::Seen { source, description }));
        }
        match from_any::<wire::ForeignResourceGone>(any) {
            Some(gone) => gone.map(|_| Some(foreign_resource::Event::Gone)),
            None => Err(unknown(any)),
        }
    }
}

pub(crate) const fn harvest_kind_to_wire(kind: Kind) -> wire::HarvestKind {
    match kind {
        Kind::Dcat => wire::HarvestKind::Dcat,
        Kind::Ckan => wire::HarvestKind::Ckan,
    }
}

pub(crate) fn harvest_kind_from_wire(field: &str, number: i32) -> Result<Kind, FieldError> {
    match wire::HarvestKind::try_from(number) {
        Ok(wire::HarvestKind::Dcat) => Ok(Kind::Dcat),
        Ok(wire::HarvestKind::Ckan) => Ok(Kind::Ckan),
        Ok(wire::HarvestKind::Unspecified) | Err(_) => {
            Err(FieldError::new(field, "the value is missing or unknown"))
        }
    }
}

pub(crate) fn foreign_to_wire(description: Description) -> wire::ForeignDescription {
    let Description {
        uri,
        identifier,
        title,
        description,
        publisher,
        themes,
        keywords,
        license,
        modified,
        landing_page,
        distributions,
        version,
    } = description;
    let distributions = distributions
        .into_iter()
        .map(|Distribution { title, url, format }| wire::ForeignDistribution { title, url, format })
        .collect();
    wire::ForeignDescription {
        uri,
        identifier,
        title,
        description,
        publisher,
        themes,
        keywords,
        license,
        modified,
        landing_page,
        distributions,
        version,
    }
}

pub(crate) fn foreign_from_wire(description: wire::ForeignDescription) -> Description {
    let wire::ForeignDescription {
        uri,
        identifier,
        title,
        description,
        publisher,
        themes,
        keywords,
        license,
        modified,
        landing_page,
        distributions,
        version,
    } = description;
    let distributions = distributions
        .into_iter()
        .map(|wire::ForeignDistribution { title, url, format }| Distribution { title, url, format })
        .collect();
    Description {
        uri,
        identifier,
        title,
        description,
        publisher,
        themes,
        keywords,
        license,
        modified,
        landing_page,
        distributions,
        version,
    }
}
