//! Counting values: in arrays where there are few, because every document that matches is counted.

use super::Named;
use crate::search::facets::{Choice, Facet, Packed};

const CHOICE_VALUES: usize = 16;
const GROUPS: usize = 1_024;
/// Divisions within one city.
const CITY: u64 = 100;

/// Counts of every facet.
#[derive(Debug)]
pub(super) struct Tally {
    choices: [[u64; CHOICE_VALUES]; Choice::ALL.len()],
    groups: Box<[u64]>,
    /// As if classifications were not narrowed: what the facets of classes count.
    cities: Vec<(u64, [u64; CITY as usize])>,
    pub(super) providers: Named,
}

// === impl Tally ===

impl Default for Tally {
    fn default() -> Self {
        Self {
            choices: [[0; CHOICE_VALUES]; Choice::ALL.len()],
            groups: vec![0; GROUPS].into_boxed_slice(),
            cities: Vec::new(),
            providers: Named::new(),
        }
    }
}

impl Tally {
    pub(super) fn choice(&mut self, choice: Choice, packed: Packed) {
        self.choices[choice as usize][packed.choice(choice)] += 1;
    }

    pub(super) fn group(&mut self, packed: Packed) {
        self.groups[packed.group()] += 1;
    }

    pub(super) fn region(&mut self, packed: Packed) {
        self.division(packed.region(), 1);
    }

    fn division(&mut self, region: u64, count: u64) {
        let (city, within) = (region / CITY, (region % CITY) as usize);
        // The last one first: neighbours come together.
        match self.cities.iter_mut().rev().find(|(known, _)| *known == city) {
            Some((_, counts)) => counts[within] += count,
            None => {
                let mut counts = [0; CITY as usize];
                counts[within] = count;
                self.cities.push((city, counts));
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, other) in self.choices.iter_mut().zip(&other.choices) {
            mine.iter_mut().zip(other).for_each(|(mine, other)| *mine += other);
        }
        self.groups.iter_mut().zip(&other.groups).for_each(|(mine, other)| *mine += other);
        for (city, counts) in &other.cities {
            for (within, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                self.division(city * CITY + within as u64, *count);
            }
        }
        for (provider, count) in &other.providers {
            *self.providers.entry(provider.clone()).or_default() += count;
        }
    }

    /// The values that occur.
    pub(super) fn of(&self, facet: Facet) -> Named {
        let choice = |choice: Choice| {
            let counts = self.choices[choice as usize].iter().copied().enumerate();
            let occurs = counts.filter(|(_, count)| *count > 0);
            occurs.map(|(number, count)| (choice.value(number), count)).collect()
        };
        let groups = self.groups.iter().copied().enumerate().filter(|(_, count)| *count > 0);
        match facet {
            Facet::Unspecified => Named::new(),
            Facet::Class => {
                let mut classes = Named::new();
                for (group, count) in groups {
                    *classes.entry((group / 100).to_string()).or_default() += count;
                }
                classes
            }
            Facet::Group => groups.map(|(group, count)| (format!("{group:03}"), count)).collect(),
            Facet::Provider => self.providers.clone(),
            Facet::Region => {
                let mut regions = Named::new();
                for (city, counts) in &self.cities {
                    for (within, count) in
                        counts.iter().enumerate().filter(|(_, count)| **count > 0)
                    {
                        regions.insert(format!("{:06}", city * CITY + within as u64), *count);
                    }
                }
                regions
            }
            Facet::SharingType => choice(Choice::Sharing),
            Facet::OpeningType => choice(Choice::Opening),
            Facet::Format => choice(Choice::Format),
            Facet::UpdateCycle => choice(Choice::Cycle),
            Facet::Status => choice(Choice::Status),
        }
    }
}
