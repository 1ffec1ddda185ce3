//! A published catalogue entry, as opening needs it.

use std::collections::BTreeMap;

use publicdata_open_data_domain::publication::ResourceFacts;
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::{ItemType, OrganisationCode, RegionCode, ResourceCode, ResourceId};

use crate::codec::FieldError;

/// What the catalogue says of a resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) id: ResourceId,
    pub(crate) code: ResourceCode,
    pub(crate) provider: OrganisationCode,
    /// The provider's division.
    pub(crate) region: RegionCode,
    pub(crate) description: wire::ResourceDescription,
    pub(crate) items: Vec<Item>,
}

/// 信息项: what a column of this name holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) kind: ItemType,
    /// In characters for texts, in digits for numbers; 0 if none is set.
    pub(crate) length_max: u32,
    /// Whether every row has a value.
    pub(crate) required: bool,
    pub(crate) openness: Openness,
}

/// Whether an item may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Openness {
    Open,
    Closed,
    /// It has a mask: whatever else is said of it, it is never opened.
    Sensitive,
}

impl Entry {
    /// What the rules of publications ask of it.
    pub(crate) fn facts(&self) -> ResourceFacts {
        let open = self
            .items
            .iter()
            .filter(|item| self.description.open && item.openness == Openness::Open);
        ResourceFacts {
            id: self.id,
            code: self.code.clone(),
            provider: self.provider,
            open_items: open.map(|item| item.name.clone()).collect(),
        }
    }

    /// The items of these columns, in their order; `None` if one of them is not open any more.
    pub(crate) fn open_items(&self, columns: &[String]) -> Option<Vec<Item>> {
        if !self.description.open {
            return None;
        }
        let open: BTreeMap<&str, &Item> = self
            .items
            .iter()
            .filter(|item| item.openness == Openness::Open)
            .map(|item| (item.name.as_str(), item))
            .collect();
        columns.iter().map(|column| open.get(column.as_str()).map(|item| (*item).clone())).collect()
    }
}

/// The items of a description.
///
/// # Errors
/// One has a type that this program does not know.
pub(crate) fn items(description: &wire::ResourceDescription) -> Result<Vec<Item>, FieldError> {
    description.items.iter().map(item).collect()
}

fn item(item: &wire::Item) -> Result<Item, FieldError> {
    // Also a mask that is newer than this program is one.
    let openness = match (item.mask, item.open) {
        (0, true) => Openness::Open,
        (0, false) => Openness::Closed,
        (_, _) => Openness::Sensitive,
    };
    Ok(Item {
        name: item.name.clone(),
        title: item.title.clone(),
        kind: kind(item.r#type)?,
        length_max: item.length,
        required: item.required,
        openness,
    })
}

fn kind(number: i32) -> Result<ItemType, FieldError> {
    use wire::ItemType as Wire;

    match Wire::try_from(number) {
        Ok(Wire::Text) => Ok(ItemType::Text),
        Ok(Wire::Number) => Ok(ItemType::Number),
        Ok(Wire::Money) => Ok(ItemType::Money),
        Ok(Wire::Date) => Ok(ItemType::Date),
        Ok(Wire::Timestamp) => Ok(ItemType::Timestamp),
        Ok(Wire::Logical) => Ok(ItemType::Logical),
        Ok(Wire::Memo) => Ok(ItemType::Memo),
        Ok(Wire::General) => Ok(ItemType::General),
        Ok(Wire::Double) => Ok(ItemType::Double),
        Ok(Wire::Integer) => Ok(ItemType::Integer),
        Ok(Wire::Float) => Ok(ItemType::Float),
        Ok(Wire::Unspecified) | Err(_) => {
            Err(FieldError::new("items.type", "its type is missing or unknown"))
        }
    }
}
