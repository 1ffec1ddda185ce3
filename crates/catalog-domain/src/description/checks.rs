//! The mistakes that real filings contain, caught where they are entered.

use std::collections::{BTreeMap, BTreeSet};

use publicdata_types::classification::{Class, Depth};
use publicdata_types::{DeliveryMode, SharingType};

use super::words::{is_filler, system_ending};
use super::{Description, Facts, Format, Mistake, Opening, Sharing, Text};
use crate::classification::tree;
use crate::name::NameKey;

const ITEMS_MAX: usize = 1_000;
const ITEM_NAME_LENGTH_MAX: usize = 63;

impl Description {
    /// Everything that is wrong with this description by itself, in the order of its fields.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        self.mistakes_given(&Facts { group_named: true, ..Facts::default() })
    }

    /// Everything that is wrong with this description beside what else is known, in the order of its fields.
    #[must_use]
    pub fn mistakes_given(&self, facts: &Facts) -> Vec<Mistake> {
        let mut mistakes = Vec::new();

        self.check_name(facts, &mut mistakes);
        self.check_abstract(&mut mistakes);
        self.check_classification(facts, &mut mistakes);
        self.check_items(&mut mistakes);
        self.check_sharing(&mut mistakes);
        self.check_delivery(&mut mistakes);
        self.check_opening(&mut mistakes);
        limited(Text::UseRequirements, &self.use_requirements, 2_000, &mut mistakes);
        limited(Text::Entity, &self.entity, 100, &mut mistakes);
        limited(Text::FormatDetail, &self.format_detail, 100, &mut mistakes);

        mistakes
    }

    fn check_name(&self, facts: &Facts, mistakes: &mut Vec<Mistake>) {
        required(Text::Name, &self.name, 200, mistakes);
        if let Some(ending) = system_ending(&self.name) {
            mistakes.push(Mistake::SystemName { ending });
        } else if facts.system_named {
            mistakes.push(Mistake::NamedAsSystem);
        }
        if let Some(alike) = facts.alike.clone() {
            mistakes.push(Mistake::NameAlike { alike });
        }
    }

    fn check_abstract(&self, mistakes: &mut Vec<Mistake>) {
        required(Text::Abstract, &self.abstract_, 2_000, mistakes);
        let key = NameKey::of(&self.abstract_);
        if !key.is_empty() && key == NameKey::of(&self.name) {
            mistakes.push(Mistake::AbstractRepeatsName);
        }
    }

    /// A department's own classes are its own affair; base and theme classes are the regulation's, or were named.
    fn check_classification(&self, facts: &Facts, mistakes: &mut Vec<Mistake>) {
        let code = self.classification.clone();
        if code.depth() < Depth::Category {
            mistakes.push(Mistake::ClassificationTooGeneral { code });
            return;
        }
        let known = match code.class() {
            Class::Department => true,
            Class::Base | Class::Theme => facts.group_named || tree::has_group_of(&code),
        };
        if !known {
            mistakes.push(Mistake::ClassificationUnknown { code });
        }
    }

    fn check_items(&self, mistakes: &mut Vec<Mistake>) {
        match self.items.len() {
            0 => mistakes.push(Mistake::ItemsMissing),
            1..=ITEMS_MAX => {}
            found => mistakes.push(Mistake::TooManyItems { found, max: ITEMS_MAX }),
        }

        let mut names = BTreeSet::new();
        let mut titles = BTreeMap::new();
        for (position, item) in (1..).zip(&self.items) {
            if !is_identifier(&item.name) {
                mistakes.push(Mistake::ItemName { position });
                continue;
            }
            let name = item.name.clone();
            if !names.insert(name.to_ascii_lowercase()) {
                mistakes.push(Mistake::DuplicateItem { position, name });
                continue;
            }
            let title = NameKey::of(&item.title);
            if item.title.trim().is_empty() {
                mistakes.push(Mistake::ItemTitleMissing { position, name: name.clone() });
            } else if let Some(other) = titles.insert(title, name.clone()) {
                mistakes.push(Mistake::DuplicateItemTitle { position, name: name.clone(), other });
            }
            limited(Text::ItemTitle { position }, &item.title, 200, mistakes);
            if self.sharing_of(item) < self.sharing.kind() {
                mistakes.push(Mistake::ItemSharedWider { position, name });
            }
            item.check_values(position, mistakes);
        }
    }

    fn check_sharing(&self, mistakes: &mut Vec<Mistake>) {
        match &self.sharing {
            Sharing::Unconditional => {}
            Sharing::Conditional { condition } => {
                required(Text::SharingCondition, condition, 2_000, mistakes);
            }
            Sharing::NotShared { reason } => {
                required(Text::NotSharedReason, reason, 2_000, mistakes);
            }
        }
    }

    fn check_delivery(&self, mistakes: &mut Vec<Mistake>) {
        if self.sharing.kind() != SharingType::NotShared && self.delivery_modes.is_empty() {
            mistakes.push(Mistake::DeliveryModeMissing);
        }
        let format = self.format;
        for mode in self.delivery_modes.iter().copied().filter(|mode| !format.fits(*mode)) {
            mistakes.push(Mistake::DeliveryModeUnfit { format, mode });
        }
    }

    fn check_opening(&self, mistakes: &mut Vec<Mistake>) {
        let Opening::Open { condition } = &self.opening else { return };

        limited(Text::OpenCondition, condition, 2_000, mistakes);
        match self.sharing.kind() {
            SharingType::NotShared => {
                mistakes.push(Mistake::OpenNotShared);
                return;
            }
            SharingType::Conditional if condition.is_empty() || is_filler(condition) => {
                mistakes.push(Mistake::OpenWithoutCondition);
            }
            SharingType::Conditional | SharingType::Unconditional => {}
        }
        if !self.items.is_empty() && !self.items.iter().any(|item| item.open) {
            mistakes.push(Mistake::OpenItemsMissing);
        }
        for (position, item) in (1..).zip(&self.items).filter(|(_, item)| item.open) {
            let name = item.name.clone();
            if self.sharing_of(item) == SharingType::NotShared {
                mistakes.push(Mistake::OpenItemNotShared { position, name });
            } else if item.mask.is_some() {
                mistakes.push(Mistake::OpenItemSensitive { position, name });
            }
        }
    }
}

impl Format {
    /// Queries need rows, and a service interface holds no file to be sent.
    const fn fits(self, mode: DeliveryMode) -> bool {
        match (self, mode) {
            (
                Self::ElectronicFile | Self::Image | Self::StreamingMedia,
                DeliveryMode::Bulk | DeliveryMode::Push,
            )
            | (Self::Spreadsheet | Self::Database | Self::SelfDescribing, _)
            | (Self::ServiceInterface, DeliveryMode::Query) => true,
            (Self::ElectronicFile | Self::Image | Self::StreamingMedia, DeliveryMode::Query)
            | (Self::ServiceInterface, DeliveryMode::Bulk | DeliveryMode::Push) => false,
        }
    }
}

fn required(text: Text, content: &str, max: usize, mistakes: &mut Vec<Mistake>) {
    if content.trim().is_empty() {
        mistakes.push(Mistake::Empty { text });
    } else if is_filler(content) {
        mistakes.push(Mistake::Filler { text });
    }
    limited(text, content, max, mistakes);
}

fn limited(text: Text, content: &str, max: usize, mistakes: &mut Vec<Mistake>) {
    let found = content.chars().count();
    if found > max {
        mistakes.push(Mistake::TooLong { text, found, max });
    }
}

fn is_identifier(name: &str) -> bool {
    name.len() <= ITEM_NAME_LENGTH_MAX
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}
