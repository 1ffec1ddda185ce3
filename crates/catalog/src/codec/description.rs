//! What an entry says, in requests, answers and events alike.

use publicdata_catalog_domain::description::{Description, Item, Opening, Sharing};
use publicdata_proto::catalog::v1 as wire;
use publicdata_transfer::item::{self, ItemError};
use publicdata_types::{OrganisationCode, SharingType};

use super::words::{
    delivery_mode_from_wire, delivery_mode_to_wire, format_from_wire, format_to_wire,
    item_type_from_wire, item_type_to_wire, optional, required, sharing_type_from_wire,
    sharing_type_to_wire, update_cycle_from_wire, update_cycle_to_wire,
};
use super::{FieldError, parse};

pub(crate) fn description_to_wire(description: &Description) -> wire::ResourceDescription {
    let (open, open_condition) = match &description.opening {
        Opening::Open { condition } => (true, condition.clone()),
        Opening::NotOpen => (false, String::new()),
    };
    let sharing_condition = match &description.sharing {
        Sharing::Unconditional => String::new(),
        Sharing::Conditional { condition: text } | Sharing::NotShared { reason: text } => {
            text.clone()
        }
    };
    let modes = &description.delivery_modes;
    wire::ResourceDescription {
        name: description.name.clone(),
        r#abstract: description.abstract_.clone(),
        classification_code: description.classification.to_string(),
        provider_code: description.provider.to_string(),
        format: format_to_wire(description.format).into(),
        items: description.items.iter().map(item_to_wire).collect(),
        sharing_type: sharing_type_to_wire(description.sharing.kind()).into(),
        sharing_condition,
        delivery_modes: modes.iter().map(|mode| delivery_mode_to_wire(*mode).into()).collect(),
        open,
        open_condition,
        update_cycle: update_cycle_to_wire(description.update_cycle).into(),
        related_codes: description.related.iter().map(ToString::to_string).collect(),
        use_requirements: description.use_requirements.clone(),
        entity: description.entity.clone(),
        format_detail: description.format_detail.clone(),
    }
}

/// The words that an entry is narrowed and counted by.
pub(crate) const fn choices_to_wire(
    description: &Description,
) -> (wire::SharingType, wire::Format, wire::UpdateCycle) {
    (
        sharing_type_to_wire(description.sharing.kind()),
        format_to_wire(description.format),
        update_cycle_to_wire(description.update_cycle),
    )
}

pub(crate) fn description_from_wire(
    description: wire::ResourceDescription,
) -> Result<Description, FieldError> {
    let sharing = sharing_from_wire(&description)?;
    let opening = opening_from_wire(&description)?;
    let mut items = Vec::with_capacity(description.items.len());
    for (index, item) in description.items.into_iter().enumerate() {
        let item = item_from_wire(item);
        items.push(item.map_err(|error| error.within(&format!("items[{index}]")))?);
    }
    let mode = |number| required("delivery_modes", delivery_mode_from_wire(number));
    let related = |code: &String| parse("related_codes", code);

    Ok(Description {
        name: description.name,
        abstract_: description.r#abstract,
        classification: parse("classification_code", &description.classification_code)?,
        provider: provider_from_wire(&description.provider_code)?,
        format: required("format", format_from_wire(description.format))?,
        items,
        sharing,
        delivery_modes: description
            .delivery_modes
            .into_iter()
            .map(mode)
            .collect::<Result<_, _>>()?,
        opening,
        update_cycle: required("update_cycle", update_cycle_from_wire(description.update_cycle))?,
        related: description.related_codes.iter().map(related).collect::<Result<_, _>>()?,
        use_requirements: description.use_requirements,
        entity: description.entity,
        format_detail: description.format_detail,
    })
}

/// A mistake that real filings contain: the provider left empty.
fn provider_from_wire(code: &str) -> Result<OrganisationCode, FieldError> {
    match code.trim() {
        "" => {
            let text = "the provider is empty; name the unified social credit code of the \
                        organisation that provides the data";
            Err(FieldError::new("provider_code", text))
        }
        code => parse("provider_code", code),
    }
}

fn sharing_from_wire(description: &wire::ResourceDescription) -> Result<Sharing, FieldError> {
    let kind = required("sharing_type", sharing_type_from_wire(description.sharing_type))?;
    let text = description.sharing_condition.clone();
    match kind {
        SharingType::Unconditional if !text.is_empty() => {
            Err(FieldError::new("sharing_condition", "unconditional sharing has no condition"))
        }
        SharingType::Unconditional => Ok(Sharing::Unconditional),
        SharingType::Conditional => Ok(Sharing::Conditional { condition: text }),
        SharingType::NotShared => Ok(Sharing::NotShared { reason: text }),
    }
}

fn opening_from_wire(description: &wire::ResourceDescription) -> Result<Opening, FieldError> {
    match (description.open, description.open_condition.clone()) {
        (true, condition) => Ok(Opening::Open { condition }),
        (false, condition) if condition.is_empty() => Ok(Opening::NotOpen),
        (false, _) => {
            Err(FieldError::new("open_condition", "what is not open has no condition of opening"))
        }
    }
}

fn item_to_wire(item: &Item) -> wire::Item {
    let (mask, mask_parameters) = item::mask_to_wire(item.mask.as_ref());
    wire::Item {
        name: item.name.clone(),
        title: item.title.clone(),
        r#type: item_type_to_wire(item.kind).into(),
        length: item.length.unwrap_or_default(),
        required: item.required,
        mask: mask.into(),
        sharing_type: item.sharing.map(sharing_type_to_wire).unwrap_or_default().into(),
        open: item.open,
        mask_parameters,
        quality: item::quality_to_wire(&item.quality),
    }
}

fn item_from_wire(item: wire::Item) -> Result<Item, FieldError> {
    let sharing = sharing_type_from_wire(item.sharing_type);
    Ok(Item {
        name: item.name,
        title: item.title,
        kind: required("type", item_type_from_wire(item.r#type))?,
        length: (item.length > 0).then_some(item.length),
        required: item.required,
        mask: item::mask(item.mask, item.mask_parameters.as_ref()).map_err(field_error)?,
        sharing: optional("sharing_type", item.sharing_type, sharing)?,
        open: item.open,
        quality: item::quality(item.quality.as_ref()).map_err(field_error)?,
    })
}

fn field_error(error: ItemError) -> FieldError {
    FieldError::new(error.field, error.source)
}
