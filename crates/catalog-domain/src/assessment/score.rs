//! From marks to points: pure arithmetic in whole micropoints, so that the same marks give the same points everywhere.

use std::collections::BTreeMap;
use std::fmt;

/// What an organisation is assessed by (R12.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criterion {
    /// 完整性: entries that say everything, pass review at once, and follow changes of law and functions in time.
    Completeness,
    /// 及时性: data that are updated in their cycle.
    Timeliness,
    /// 响应: applications that are taken up in time.
    Response,
    /// 使用: shared resources that somebody uses.
    Use,
}

/// How much each criterion counts, in proportion to their sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights(BTreeMap<Criterion, u32>);

/// Why numbers are no weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Nothing would count.
    #[error("all weights are 0; give at least one criterion a weight")]
    AllZero,
    /// Larger than anybody needs, and the arithmetic is exact only up to here.
    #[error("weight of {criterion} is {found}; at most {WEIGHT_MAX} is allowed")]
    TooLarge {
        /// The criterion.
        criterion: Criterion,
        /// Its weight.
        found: u32,
    },
}

/// The marks of one criterion, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many marks there were.
    pub marks: u64,
    /// What they earned, in thousandths of a mark: at most 1,000 times their number.
    pub earned_permille: u64,
}

/// The marks of an organisation or a district in a period. A criterion without a mark does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies(BTreeMap<Criterion, Tally>);

/// Millionths of a point; 100 points are the most that can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Points(u64);

/// What marks come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// Over all criteria that have marks, weighed.
    pub total: Points,
    /// Of each criterion that has marks, by itself: 100 points if nothing was lost.
    pub criteria: BTreeMap<Criterion, Points>,
}

const WEIGHT_MAX: u32 = 1_000;
const PERMILLE: u64 = 1_000;
const MICROPOINTS_MAX: u64 = 100_000_000;

impl Weights {
    /// Weights by criterion; one that is not named counts nothing.
    ///
    /// # Errors
    /// All are 0, or one is too large.
    pub fn new(weights: impl IntoIterator<Item = (Criterion, u32)>) -> Result<Self, WeightsError> {
        let weights: BTreeMap<_, _> =
            weights.into_iter().filter(|(_, weight)| *weight > 0).collect();
        match weights.iter().find(|(_, weight)| **weight > WEIGHT_MAX) {
            Some((&criterion, &found)) => Err(WeightsError::TooLarge { criterion, found }),
            None if weights.is_empty() => Err(WeightsError::AllZero),
            None => Ok(Self(weights)),
        }
    }

    /// The weight of a criterion.
    #[must_use]
    pub fn of(&self, criterion: Criterion) -> u32 {
        self.0.get(&criterion).copied().unwrap_or_default()
    }
}

impl Default for Weights {
    /// The regulation names the criteria and no weights: completeness and timeliness count a little more, for they are
    /// the organisation's own doing.
    fn default() -> Self {
        let weights = [
            (Criterion::Completeness, 30),
            (Criterion::Timeliness, 30),
            (Criterion::Response, 20),
            (Criterion::Use, 20),
        ];
        Self(weights.into())
    }
}

impl Tallies {
    /// Adds marks of a criterion.
    pub fn add(&mut self, criterion: Criterion, tally: Tally) {
        let sum = self.0.entry(criterion).or_default();
        sum.marks += tally.marks;
        sum.earned_permille += tally.earned_permille.min(tally.marks * PERMILLE);
    }

    /// Each criterion that has marks.
    pub fn iter(&self) -> impl Iterator<Item = (Criterion, Tally)> + '_ {
        self.0
            .iter()
            .filter(|(_, tally)| tally.marks > 0)
            .map(|(criterion, tally)| (*criterion, *tally))
    }

    /// What the marks come to. Without any mark that counts, nothing was lost.
    #[must_use]
    pub fn score(&self, weights: &Weights) -> Score {
        let lost: u64 = self
            .iter()
            .map(|(criterion, tally)| self.lost(weights, criterion, tally.lost_permille()).0)
            .sum();
        let criteria = self.iter().map(|(criterion, tally)| {
            let lost = share(MICROPOINTS_MAX, tally.lost_permille(), tally.marks * PERMILLE);
            (criterion, Points(MICROPOINTS_MAX - lost))
        });
        Score { total: Points(MICROPOINTS_MAX - lost), criteria: criteria.collect() }
    }

    /// What marks of a criterion cost that lost so many thousandths: rounded down to a whole micropoint.
    #[must_use]
    pub fn lost(&self, weights: &Weights, criterion: Criterion, lost_permille: u64) -> Points {
        let counted: u64 = self.iter().map(|(criterion, _)| u64::from(weights.of(criterion))).sum();
        let marks = self.0.get(&criterion).map_or(0, |tally| tally.marks);
        let of = counted * marks * PERMILLE;
        Points(share(MICROPOINTS_MAX, u64::from(weights.of(criterion)) * lost_permille, of))
    }
}

impl Tally {
    /// What the marks lost, in thousandths of a mark.
    #[must_use]
    pub const fn lost_permille(&self) -> u64 {
        (self.marks * PERMILLE).saturating_sub(self.earned_permille)
    }
}

impl Points {
    /// So many millionths of a point.
    #[must_use]
    pub const fn from_micropoints(micropoints: u64) -> Self {
        Self(micropoints)
    }

    /// In millionths of a point.
    #[must_use]
    pub const fn micropoints(&self) -> u64 {
        self.0
    }
}

impl Criterion {
    /// Every criterion, in declared order.
    pub const ALL: [Self; 4] = [Self::Completeness, Self::Timeliness, Self::Response, Self::Use];

    /// The criterion as text, e.g. `timeliness`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Completeness => "completeness",
            Self::Timeliness => "timeliness",
            Self::Response => "response",
            Self::Use => "use",
        }
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `whole` × `part` / `of`, rounded down; 0 of nothing.
fn share(whole: u64, part: u64, of: u64) -> u64 {
    let share = u128::from(whole) * u128::from(part);
    match share.checked_div(u128::from(of)) {
        Some(share) => u64::try_from(share).unwrap_or(u64::MAX),
        None => 0,
    }
}

#[cfg(test)]
mod tests;
