//! One pass over what matches: the total, the counts of every facet, and the first entries behind a place.
//!
//! A facet that is narrowed by the search is counted as if it were not. So what a facet's own filter leaves out is left out here,
//! and not in the query: a document that fails that filter alone counts in that facet alone.

mod segment;
mod tally;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use publicdata_types::{ClassificationCode, OrganisationCode, RegionCode};
use tantivy::collector::Collector;
use tantivy::{DocAddress, SegmentOrdinal, SegmentReader};

use super::facets::{Choice, Counts, Facet, FacetCounts};
use super::page::{Key, Place};
use super::request::{Filters, Order, Search};
use segment::Segment;
use tally::Tally;

/// What is to be gathered.
#[derive(Clone, Debug)]
pub(super) struct Gather {
    order: Order,
    after: Option<Place>,
    limit: usize,
    facets: Vec<Facet>,
    masks: [u16; Choice::ALL.len()],
    /// Where their facet is counted; else the query has them.
    providers: Vec<OrganisationCode>,
    regions: Vec<RegionCode>,
    classifications: Vec<ClassificationCode>,
}

/// What was gathered.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) total: u64,
    pub(super) counts: Counts,
    /// In order.
    pub(super) hits: Vec<Placed>,
}

/// A document, and its place in the order.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) place: Place,
    pub(super) address: DocAddress,
}

/// What one segment gave.
pub(super) struct Part {
    total: u64,
    tally: Tally,
    hits: Vec<Placed>,
}

// === impl Gather ===

impl Gather {
    /// For a search; one entry more than its limit tells whether there is another page.
    pub(super) fn new(search: &Search, after: Option<Place>) -> Self {
        let filters = &search.filters;
        let mut gather = Self {
            order: search.order(),
            after,
            limit: search.limit + 1,
            facets: search.facets.clone(),
            masks: Choice::ALL.map(|choice| filters.mask(choice)),
            providers: Vec::new(),
            regions: Vec::new(),
            classifications: Vec::new(),
        };
        if gather.counts(Facet::Provider) {
            gather.providers.clone_from(&filters.providers);
        }
        if gather.counts(Facet::Region) {
            gather.regions.clone_from(&filters.regions);
        }
        if gather.takes_classifications(filters) {
            gather.classifications.clone_from(&filters.classifications);
        }
        gather
    }

    /// The filters that are left to the query.
    pub(super) fn rest(&self, filters: &Filters) -> Filters {
        let mut rest = filters.clone();
        if self.counts(Facet::Provider) {
            rest.providers.clear();
        }
        if self.counts(Facet::Region) {
            rest.regions.clear();
        }
        if self.takes_classifications(filters) {
            rest.classifications.clear();
        }
        rest
    }

    fn counts(&self, facet: Facet) -> bool {
        self.facets.contains(&facet)
    }

    /// Three digits of the classification are at hand here. What is narrowed further is left to the query.
    fn takes_classifications(&self, filters: &Filters) -> bool {
        let at_hand = |code: &ClassificationCode| code.as_str().len() <= 3;
        (self.counts(Facet::Class) || self.counts(Facet::Group))
            && filters.classifications.iter().all(at_hand)
    }

    fn facet_counts(&self, tally: &Tally) -> Counts {
        let counted = |facet| FacetCounts { facet, counts: tally.of(facet) };
        Counts(self.facets.iter().copied().map(counted).collect())
    }
}

impl Collector for Gather {
    type Fruit = Gathered;
    type Child = Segment;

    fn for_segment(
        &self,
        ordinal: SegmentOrdinal,
        reader: &SegmentReader,
    ) -> tantivy::Result<Segment> {
        Segment::open(self, ordinal, reader)
    }

    fn requires_scoring(&self) -> bool {
        self.order == Order::Relevance
    }

    fn merge_fruits(&self, parts: Vec<tantivy::Result<Part>>) -> tantivy::Result<Gathered> {
        let mut total = 0;
        let mut tally = Tally::default();
        let mut hits = Vec::new();
        for part in parts {
            let part = part?;
            total += part.total;
            tally.add(&part.tally);
            hits.extend(part.hits);
        }
        let place = |hit: &Placed| (hit.place.key.clone(), hit.place.number);
        hits.sort_by_cached_key(place);
        hits.truncate(self.limit);
        Ok(Gathered { total, counts: self.facet_counts(&tally), hits })
    }
}

/// The digits that the codes begin with, as numbers, and what to divide six digits by to compare with them.
fn region_units(regions: &[RegionCode]) -> Vec<(u64, u64)> {
    let unit = |region: &RegionCode| {
        let digits = region.leading();
        let divisor = 10_u64.pow(6 - digits.len() as u32);
        (divisor, digits.parse().unwrap_or_default())
    };
    regions.iter().map(unit).collect()
}

/// The same for the three digits of 项.
fn group_units(classifications: &[ClassificationCode]) -> Vec<(u64, u64)> {
    let unit = |code: &ClassificationCode| {
        let divisor = 10_u64.pow(3_u32.saturating_sub(code.as_str().len() as u32));
        (divisor, code.as_str().parse().unwrap_or_default())
    };
    classifications.iter().map(unit).collect()
}

fn rank(key: u64) -> Key {
    Key::Rank(Reverse(key))
}

type Named = BTreeMap<String, u64>;
