//! What entries are counted and filtered by.
//!
//! Most of it is packed into one number a document, so that filtering and counting read one column.

use std::collections::BTreeMap;

use publicdata_catalog_domain::description::{Description, Opening};
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::RegionCode;

use crate::codec::choices_to_wire;
use crate::entry::Entry;

/// What can be counted.
pub use publicdata_proto::catalog::v1::ResourceFacet as Facet;

/// How many entries have each value of the facets that were asked for: by code, or by an enum's number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub(super) Vec<FacetCounts>);

/// The counts of one facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCounts {
    /// Which.
    pub facet: Facet,
    /// How many entries have each value.
    pub counts: BTreeMap<String, u64>,
}

/// The facets that are few words of an enum each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Sharing,
    Opening,
    Format,
    Cycle,
    Status,
}

/// Everything about a document that is filtered or counted, but for its provider.
///
/// From the lowest bit: the length of the name (8), the five choices (4 each), the 项 (10), the division (20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packed(pub(super) u64);

const NAME_LENGTH_MAX: usize = 255;
const CHOICES_AT: u32 = 8;
const CHOICE_BITS: u32 = 4;
const GROUP_AT: u32 = CHOICES_AT + 5 * CHOICE_BITS;
const REGION_AT: u32 = GROUP_AT + 10;

impl Counts {
    /// The facets in the order in which they were asked for.
    #[must_use]
    pub fn facets(&self) -> &[FacetCounts] {
        &self.0
    }
}

impl Choice {
    pub(super) const ALL: [Self; 5] =
        [Self::Sharing, Self::Opening, Self::Format, Self::Cycle, Self::Status];

    pub(super) const fn facet(self) -> Facet {
        match self {
            Self::Sharing => Facet::SharingType,
            Self::Opening => Facet::OpeningType,
            Self::Format => Facet::Format,
            Self::Cycle => Facet::UpdateCycle,
            Self::Status => Facet::Status,
        }
    }

    /// The name of a value.
    pub(super) fn value(self, number: usize) -> String {
        let number = i32::try_from(number).unwrap_or_default();
        let name = match self {
            Self::Sharing => wire::SharingType::try_from(number).map(|word| word.as_str_name()),
            Self::Opening => wire::OpeningType::try_from(number).map(|word| word.as_str_name()),
            Self::Format => wire::Format::try_from(number).map(|word| word.as_str_name()),
            Self::Cycle => wire::UpdateCycle::try_from(number).map(|word| word.as_str_name()),
            Self::Status => wire::ResourceStatus::try_from(number).map(|word| word.as_str_name()),
        };
        name.map_or_else(|_| number.to_string(), ToOwned::to_owned)
    }
}

impl Packed {
    pub(super) fn of(entry: &Entry, status: wire::ResourceStatus) -> Self {
        let (sharing, format, cycle) = choices_to_wire(&entry.description);
        let length = entry.description.name.chars().count().min(NAME_LENGTH_MAX);
        let choices = [
            sharing as i32,
            opening(&entry.description) as i32,
            format as i32,
            cycle as i32,
            status as i32,
        ];
        let mut packed = length as u64;
        for (index, choice) in choices.into_iter().enumerate() {
            let choice = u64::try_from(choice).unwrap_or_default();
            packed |= choice << (CHOICES_AT + CHOICE_BITS * index as u32);
        }
        let group =
            entry.code.classification.as_str().get(..3).and_then(|group| group.parse().ok());
        packed |= group.unwrap_or(0_u64) << GROUP_AT;
        packed |= number_of(&entry.region) << REGION_AT;
        Self(packed)
    }

    pub(super) fn name_length(self) -> u64 {
        self.0 & NAME_LENGTH_MAX as u64
    }

    pub(super) fn choice(self, choice: Choice) -> usize {
        (self.0 >> (CHOICES_AT + CHOICE_BITS * choice as u32)) as usize & 0xf
    }

    /// The first three digits of the classification.
    pub(super) fn group(self) -> usize {
        (self.0 >> GROUP_AT) as usize & 0x3ff
    }

    pub(super) fn region(self) -> u64 {
        self.0 >> REGION_AT
    }
}

/// 无条件开放, 有条件开放 or 不予开放.
fn opening(description: &Description) -> wire::OpeningType {
    match &description.opening {
        Opening::Open { condition } if condition.trim().is_empty() => {
            wire::OpeningType::Unconditional
        }
        Opening::Open { .. } => wire::OpeningType::Conditional,
        Opening::NotOpen => wire::OpeningType::NotOpen,
    }
}

/// Six digits as a number.
pub(super) fn number_of(region: &RegionCode) -> u64 {
    region.to_string().parse().unwrap_or_default()
}
