//! What is searched for.

use publicdata_proto::catalog::v1::{
    Format, OpeningType, ResourceStatus, SharingType, UpdateCycle,
};
use publicdata_types::{ClassificationCode, OrganisationCode, RegionCode};

use super::facets::{Choice, Facet};

/// A search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// What somebody typed.
    pub text: String,
    /// What narrows it.
    pub filters: Filters,
    /// What is counted.
    pub facets: Vec<Facet>,
    /// `None` for relevance if there is text, for the code otherwise.
    pub order: Option<Order>,
    /// The token of the page before.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

/// What narrows a search. A value of each list that is not empty must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// With what lies below them.
    pub classifications: Vec<ClassificationCode>,
    /// Providers.
    pub providers: Vec<OrganisationCode>,
    /// With what lies in them.
    pub regions: Vec<RegionCode>,
    /// Sharing types.
    pub sharing: Vec<SharingType>,
    /// Opening types.
    pub openings: Vec<OpeningType>,
    /// Formats.
    pub formats: Vec<Format>,
    /// Update cycles.
    pub cycles: Vec<UpdateCycle>,
    /// Without any, all but suspended and withdrawn.
    pub statuses: Vec<ResourceStatus>,
}

/// The order of what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What fits best first.
    Relevance,
    /// By code.
    Code,
    /// By name, in the order of pinyin.
    Name,
    /// Last changed first.
    Updated,
    /// Last published first.
    Published,
}

// === impl Search ===

impl Search {
    pub(super) fn order(&self) -> Order {
        match (self.order, self.text.trim()) {
            (Some(order), _) => order,
            (None, "") => Order::Code,
            (None, _) => Order::Relevance,
        }
    }

    /// What must stay the same from page to page.
    pub(super) fn fingerprint(&self) -> u64 {
        const PRIME: u64 = 0x0100_0000_01b3;

        let same = format!("{:?}\n{:?}\n{:?}", self.text, self.filters, self.order());
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        same.bytes().fold(0xcbf2_9ce4_8422_2325, mix)
    }
}

// === impl Filters ===

impl Filters {
    /// The values of a choice that fit, one bit each.
    pub(super) fn mask(&self, choice: Choice) -> u16 {
        fn any<T: Copy + Into<i32>>(values: &[T]) -> u16 {
            match values {
                [] => u16::MAX,
                values => values.iter().fold(0, |mask, value| mask | 1 << ((*value).into() & 0xf)),
            }
        }
        match choice {
            Choice::Sharing => any(&self.sharing),
            Choice::Opening => any(&self.openings),
            Choice::Format => any(&self.formats),
            Choice::Cycle => any(&self.cycles),
            Choice::Status if self.statuses.is_empty() => {
                !(1 << (ResourceStatus::Suspended as i32) | 1 << (ResourceStatus::Withdrawn as i32))
            }
            Choice::Status => any(&self.statuses),
        }
    }
}
