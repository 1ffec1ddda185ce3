//! The pass over one segment.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use tantivy::collector::SegmentCollector;
use tantivy::columnar::{ColumnValues, StrColumn};
use tantivy::termdict::TermOrdinal;
use tantivy::{DocAddress, DocId, Score, SegmentReader, TantivyError};

use super::{Gather, Part, Placed, Tally, group_units, region_units};
use crate::search::facets::{Choice, Facet, Packed};
use crate::search::page::{Key, Place};
use crate::search::request::Order;
use crate::search::schema::{
    CODE_KEY, NAME_KEY, NUMBER, PACKED, PROVIDER, PUBLISHED_AT, UPDATED_AT,
};

type Numbers = Arc<dyn ColumnValues<u64>>;

/// Texts are ranked against the order, by their ordinals: the greatest is far above every ordinal, and far below overflowing.
const TEXT_RANK_MAX: u64 = 1 << 62;
const BLOCK_LENGTH: usize = 64;

/// Gathers from one segment.
pub(in crate::search) struct Segment {
    ordinal: u32,
    limit: usize,
    packed: Numbers,
    number: Numbers,
    order: Ranks,
    /// What a document must rank behind: the rank and the tie of the place that the page before ended at.
    behind: Option<(u64, u64)>,
    checks: Checks,
    counted: Counted,
    provider: Option<Providers>,
    waiting: Block,
    total: u64,
    tally: Tally,
    /// The worst on top.
    best: BinaryHeap<Reverse<(u64, u64, DocId)>>,
}

/// Documents that wait to be taken together: a column gives many values at once faster than one by one.
struct Block {
    docs: Vec<DocId>,
    scores: Vec<Score>,
    packed: [u64; BLOCK_LENGTH],
    providers: [TermOrdinal; BLOCK_LENGTH],
}

/// What a document is ranked by; the greater comes first.
enum Ranks {
    Relevance,
    Number(Numbers),
    Text(Numbers, StrColumn),
}

/// What a document must be.
struct Checks {
    masks: [u16; Choice::ALL.len()],
    regions: Vec<(u64, u64)>,
    groups: Vec<(u64, u64)>,
}

/// What is counted.
struct Counted {
    choices: [bool; Choice::ALL.len()],
    region: bool,
    group: bool,
}

/// Providers, by the segment's own numbers for them.
struct Providers {
    ordinals: Numbers,
    column: StrColumn,
    counts: Vec<u64>,
    /// Which fit; empty if all do.
    fitting: Vec<bool>,
}

/// A check that a document fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failed {
    Nothing,
    Choice(Choice),
    Region,
    Group,
    Provider,
}

// === impl Segment ===

impl Segment {
    pub(super) fn open(
        gather: &Gather,
        ordinal: u32,
        reader: &SegmentReader,
    ) -> tantivy::Result<Self> {
        let numbers = |name: &str| reader.fast_fields().column_first_or_default::<u64>(name);
        let order = match gather.order {
            Order::Relevance => Ranks::Relevance,
            Order::Updated => Ranks::Number(numbers(UPDATED_AT)?),
            Order::Published => Ranks::Number(numbers(PUBLISHED_AT)?),
            Order::Name => Ranks::text(reader, NAME_KEY)?,
            Order::Code => Ranks::text(reader, CODE_KEY)?,
        };
        let after = gather.after.as_ref();
        let behind = after.map(|place| order.behind(place)).transpose()?;
        let provider = match gather.counts(Facet::Provider) {
            true => Some(Providers::open(gather, reader)?),
            false => None,
        };
        Ok(Self {
            ordinal,
            limit: gather.limit,
            packed: numbers(PACKED)?,
            number: numbers(NUMBER)?,
            order,
            behind,
            checks: Checks {
                masks: gather.masks,
                regions: region_units(&gather.regions),
                groups: group_units(&gather.classifications),
            },
            counted: Counted {
                choices: Choice::ALL.map(|choice| gather.counts(choice.facet())),
                region: gather.counts(Facet::Region),
                group: gather.counts(Facet::Class) || gather.counts(Facet::Group),
            },
            provider,
            waiting: Block {
                docs: Vec::with_capacity(BLOCK_LENGTH),
                scores: Vec::with_capacity(BLOCK_LENGTH),
                packed: [0; BLOCK_LENGTH],
                providers: [0; BLOCK_LENGTH],
            },
            total: 0,
            tally: Tally::default(),
            best: BinaryHeap::with_capacity(gather.limit + 1),
        })
    }

    fn take_waiting(&mut self) {
        let count = self.waiting.docs.len();
        self.packed.get_vals(&self.waiting.docs, &mut self.waiting.packed[..count]);
        if let Some(provider) = &self.provider {
            let ordinals = &mut self.waiting.providers[..count];
            provider.ordinals.get_vals(&self.waiting.docs, ordinals);
        }
        for index in 0..count {
            let (doc, score) = (self.waiting.docs[index], self.waiting.scores[index]);
            let provider = self.provider.is_some().then(|| self.waiting.providers[index]);
            self.take(doc, score, Packed(self.waiting.packed[index]), provider);
        }
        self.waiting.docs.clear();
        self.waiting.scores.clear();
    }

    fn take(&mut self, doc: DocId, score: Score, packed: Packed, provider: Option<TermOrdinal>) {
        let Some(failed) = self.failed(packed, provider) else { return };

        self.count(failed, packed, provider);
        if failed == Failed::Nothing {
            self.total += 1;
            self.offer(doc, score, packed);
        }
    }

    /// The one check that fails, if any does; `None` if more than one does.
    fn failed(&self, packed: Packed, provider: Option<TermOrdinal>) -> Option<Failed> {
        let mut failed = Failed::Nothing;
        let mut fail = |check| {
            let is_first = failed == Failed::Nothing;
            failed = check;
            is_first
        };
        for choice in Choice::ALL {
            let fits = self.checks.masks[choice as usize] >> packed.choice(choice) & 1 == 1;
            if !fits && !fail(Failed::Choice(choice)) {
                return None;
            }
        }
        if !fits(&self.checks.regions, packed.region()) && !fail(Failed::Region) {
            return None;
        }
        if !fits(&self.checks.groups, packed.group() as u64) && !fail(Failed::Group) {
            return None;
        }
        if let (Some(providers), Some(provider)) = (&self.provider, provider) {
            let fits = providers.fitting.is_empty() || providers.fitting[provider as usize];
            if !fits && !fail(Failed::Provider) {
                return None;
            }
        }
        Some(failed)
    }

    fn count(&mut self, failed: Failed, packed: Packed, provider: Option<TermOrdinal>) {
        let counts = |facet: Failed| failed == Failed::Nothing || failed == facet;
        for choice in Choice::ALL {
            if self.counted.choices[choice as usize] && counts(Failed::Choice(choice)) {
                self.tally.choice(choice, packed);
            }
        }
        if self.counted.region && counts(Failed::Region) {
            self.tally.region(packed);
        }
        if self.counted.group && counts(Failed::Group) {
            self.tally.group(packed);
        }
        if let (Some(providers), Some(provider)) = (&mut self.provider, provider)
            && counts(Failed::Provider)
        {
            providers.counts[provider as usize] += 1;
        }
    }

    fn offer(&mut self, doc: DocId, score: Score, packed: Packed) {
        let rank = self.order.rank(doc, score, packed);
        if self.behind.is_some_and(|(behind, _)| rank > behind) {
            return;
        }
        let is_full = self.best.len() >= self.limit;
        if is_full && self.best.peek().is_some_and(|Reverse((worst, ..))| rank < *worst) {
            return;
        }
        let tie = u64::MAX - self.number.get_val(doc);
        if self.behind.is_some_and(|behind| (rank, tie) >= behind) {
            return;
        }
        self.best.push(Reverse((rank, tie, doc)));
        if self.best.len() > self.limit {
            self.best.pop();
        }
    }

    fn finish(self) -> tantivy::Result<Part> {
        let Self { ordinal, order, mut tally, total, best, provider, .. } = self;
        if let Some(providers) = provider {
            providers.name(&mut tally)?;
        }
        let mut hits = Vec::with_capacity(best.len());
        for Reverse((rank, tie, doc)) in best {
            let place = Place { key: order.key(rank)?, number: u64::MAX - tie };
            hits.push(Placed { place, address: DocAddress::new(ordinal, doc) });
        }
        Ok(Part { total, tally, hits })
    }
}

impl SegmentCollector for Segment {
    type Fruit = tantivy::Result<Part>;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.waiting.docs.push(doc);
        self.waiting.scores.push(score);
        if self.waiting.docs.len() == BLOCK_LENGTH {
            self.take_waiting();
        }
    }

    fn harvest(mut self) -> tantivy::Result<Part> {
        self.take_waiting();
        self.finish()
    }
}

// === impl Ranks ===

impl Ranks {
    fn text(reader: &SegmentReader, name: &str) -> tantivy::Result<Self> {
        let column = text_column(reader, name)?;
        Ok(Self::Text(column.ords().clone().first_or_default_col(0), column))
    }

    fn rank(&self, doc: DocId, score: Score, packed: Packed) -> u64 {
        match self {
            // Scores are small whole numbers; among equals, the shorter name is the closer one.
            Self::Relevance => (score as u64) << 8 | (0xff - packed.name_length()),
            Self::Number(numbers) => numbers.get_val(doc),
            Self::Text(ordinals, _) => TEXT_RANK_MAX - ordinals.get_val(doc),
        }
    }

    fn behind(&self, place: &Place) -> tantivy::Result<(u64, u64)> {
        let tie = u64::MAX - place.number;
        match (self, &place.key) {
            (Self::Text(_, column), Key::Text(text)) => {
                use tantivy::columnar::TermOrdHit;

                Ok(match column.dictionary().term_ord_or_next(text)? {
                    TermOrdHit::Exact(ordinal) => (TEXT_RANK_MAX - ordinal, tie),
                    // The next text and all behind it: ranks below one more than its own.
                    TermOrdHit::Next(ordinal) => (TEXT_RANK_MAX.saturating_sub(ordinal) + 1, 0),
                })
            }
            (Self::Relevance | Self::Number(_), Key::Rank(Reverse(rank))) => Ok((*rank, tie)),
            (_, Key::Text(_) | Key::Rank(_)) => {
                Err(TantivyError::InvalidArgument("a place of another order".to_owned()))
            }
        }
    }

    fn key(&self, rank: u64) -> tantivy::Result<Key> {
        match self {
            Self::Relevance | Self::Number(_) => Ok(super::rank(rank)),
            Self::Text(_, column) => {
                let mut text = String::new();
                column.ord_to_str(TEXT_RANK_MAX - rank, &mut text)?;
                Ok(Key::Text(text))
            }
        }
    }
}

// === impl Providers ===

impl Providers {
    fn open(gather: &Gather, reader: &SegmentReader) -> tantivy::Result<Self> {
        let column = text_column(reader, PROVIDER)?;
        let count = column.num_terms();
        let mut fitting = Vec::new();
        if !gather.providers.is_empty() {
            fitting = vec![false; count];
            for provider in &gather.providers {
                if let Some(ordinal) = column.dictionary().term_ord(provider.as_str())? {
                    fitting[ordinal as usize] = true;
                }
            }
        }
        let ordinals = column.ords().clone().first_or_default_col(0);
        Ok(Self { ordinals, column, counts: vec![0; count], fitting })
    }

    fn name(self, tally: &mut Tally) -> tantivy::Result<()> {
        // All in one go through the dictionary: each by itself would be unpacked anew.
        let occurs = self.counts.into_iter().zip(0..).filter(|(count, _)| *count > 0);
        let (counts, ordinals): (Vec<u64>, Vec<TermOrdinal>) = occurs.unzip();
        let mut counts = counts.into_iter();
        self.column.dictionary().sorted_ords_to_term_cb(&ordinals, |provider| {
            let provider = String::from_utf8_lossy(provider).into_owned();
            tally.providers.insert(provider, counts.next().unwrap_or_default());
        })?;
        Ok(())
    }
}

fn text_column(reader: &SegmentReader, name: &str) -> tantivy::Result<StrColumn> {
    let column = reader.fast_fields().str(name)?;
    Ok(column.unwrap_or_else(|| {
        StrColumn::wrap(tantivy::columnar::BytesColumn::empty(reader.max_doc()))
    }))
}

fn fits(units: &[(u64, u64)], value: u64) -> bool {
    units.is_empty() || units.iter().any(|(divisor, wanted)| value / divisor == *wanted)
}
