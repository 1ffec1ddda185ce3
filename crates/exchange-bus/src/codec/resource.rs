//! What a decision needs of a catalogue entry.

use publicdata_exchange_domain::ResourceFacts;
use publicdata_exchange_domain::resource::Item;
use publicdata_proto::catalog::v1::{Item as WireItem, ResourceDescription};
use publicdata_transfer::item;
use publicdata_types::quality::Rules;
use publicdata_types::{RegionCode, ResourceCode, ResourceId};

use super::{FieldError, values};

/// What the catalogue says for people: the condition of sharing, or the reason for not sharing (R25.1).
pub type SharingConditions = String;

/// The facts of a published description.
///
/// # Errors
/// The description is not one that the catalogue would have published.
pub fn facts(
    id: ResourceId,
    code: ResourceCode,
    region: RegionCode,
    description: ResourceDescription,
) -> Result<(ResourceFacts, SharingConditions), FieldError> {
    let sharing = values::sharing(description.sharing_type)
        .ok_or_else(|| FieldError::missing("sharing_type"))?;
    let read = |wire: WireItem| -> Result<Item, FieldError> {
        let quality = item::quality(wire.quality.as_ref());
        Ok(Item {
            kind: item::kind(wire.r#type).ok_or_else(|| FieldError::missing("items.type"))?,
            mask: item::mask(wire.mask, wire.mask_parameters.as_ref())
                .map_err(FieldError::of_item("items"))?,
            rules: Rules {
                required: wire.required,
                length_max: Some(wire.length).filter(|&length| length > 0),
                quality: quality.map_err(FieldError::of_item("items"))?,
            },
            sharing: values::sharing(wire.sharing_type).unwrap_or(sharing),
            name: wire.name,
        })
    };
    let facts = ResourceFacts {
        id,
        code,
        provider: values::parse("provider_code", &description.provider_code)?,
        region,
        sharing,
        modes: values::modes(&description.delivery_modes)?,
        items: description.items.into_iter().map(read).collect::<Result<_, _>>()?,
    };
    Ok((facts, description.sharing_condition))
}
