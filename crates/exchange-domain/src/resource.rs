//! What a decision about an exchange needs to know of a catalogue entry.

use std::collections::BTreeSet;

use publicdata_types::quality::Rules;
use publicdata_types::{
    DeliveryMode, ItemType, Mask, OrganisationCode, RegionCode, ResourceCode, ResourceId,
    SharingType,
};

use crate::Mistake;
use crate::filter::{Columns, Filter};

/// A published catalogue entry as the exchange knows it, at the moment of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceFacts {
    /// Its id.
    pub id: ResourceId,
    /// Its code.
    pub code: ResourceCode,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// The provider's division.
    pub region: RegionCode,
    /// How it is shared.
    pub sharing: SharingType,
    /// How it can be delivered.
    pub modes: BTreeSet<DeliveryMode>,
    /// Its items.
    pub items: Vec<Item>,
}

/// An item of a catalogue entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its identifier.
    pub name: String,
    /// Its type.
    pub kind: ItemType,
    /// Its mask, if it is sensitive.
    pub mask: Option<Mask>,
    /// What its values have to be (R17.2).
    pub rules: Rules,
    /// How it is shared: as it says itself, else as the resource is.
    pub sharing: SharingType,
}

impl ResourceFacts {
    /// The item of this name.
    #[must_use]
    pub fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }

    /// The items that a row filter may name.
    #[must_use]
    pub fn columns(&self) -> Columns {
        self.items.iter().map(|item| (item.name.clone(), item.kind)).collect()
    }

    /// Checks that fields are items that can be had, each named once.
    pub(crate) fn check_fields<'a>(
        &self,
        fields: impl IntoIterator<Item = &'a str>,
        mistakes: &mut Vec<Mistake>,
    ) {
        let mut seen = BTreeSet::new();
        for name in fields {
            let field = name.to_owned();
            match self.item(name) {
                _ if !seen.insert(name) => mistakes.push(Mistake::FieldRepeated { field }),
                None => mistakes.push(Mistake::FieldUnknown { field }),
                Some(item) if item.sharing == SharingType::NotShared => {
                    mistakes.push(Mistake::FieldNotShared { field });
                }
                Some(_) => {}
            }
        }
        if seen.is_empty() {
            mistakes.push(Mistake::FieldsMissing);
        }
    }

    /// Reads a row filter that names none but items which are not sensitive.
    pub(crate) fn check_filter(&self, text: &str, mistakes: &mut Vec<Mistake>) -> Option<Filter> {
        let filter = match Filter::parse(text, &self.columns()) {
            Ok(filter) => filter,
            Err(error) => {
                mistakes.push(Mistake::Filter(error));
                return None;
            }
        };
        for name in filter.columns() {
            let item = self.item(name);
            if item.is_some_and(|item| item.mask.is_some()) {
                mistakes.push(Mistake::FilterOnSensitive { item: name.to_owned() });
            }
        }
        Some(filter)
    }

    /// Checks that there is a delivery mode and that the resource offers all of them.
    pub(crate) fn check_modes(&self, modes: &BTreeSet<DeliveryMode>, mistakes: &mut Vec<Mistake>) {
        if modes.is_empty() {
            mistakes.push(Mistake::ModesMissing);
        }
        for &mode in modes.difference(&self.modes) {
            mistakes.push(Mistake::ModeNotOffered { mode });
        }
    }
}
