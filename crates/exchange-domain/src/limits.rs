//! How often and how much a grant may be used (R26.2).

use std::fmt;
use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};

/// A span of time that transfers are counted over. It ends at the moment of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RatePeriod {
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

/// How often a grant may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The most transfers that begin within any such span.
    pub transfers: NonZeroU32,
    /// The span.
    pub period: RatePeriod,
}

/// What counts against a grant when somebody asks for data. A transfer that goes on has begun already: then no beginning counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// When transfers began, in any order; those that were refused are not among them.
    pub begun: Vec<Timestamp>,
    /// How many rows they delivered in all.
    pub rows: u64,
}

// === impl RatePeriod ===

impl RatePeriod {
    /// Every period, the shortest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// How long it is.
    #[must_use]
    pub const fn length(self) -> SignedDuration {
        match self {
            Self::Hour => SignedDuration::from_hours(1),
            Self::Day => SignedDuration::from_hours(24),
            Self::Week => SignedDuration::from_hours(7 * 24),
            Self::Month => SignedDuration::from_hours(30 * 24),
        }
    }
}

impl fmt::Display for RatePeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "30 days",
        })
    }
}

// === impl Rate ===

impl Rate {
    /// When another transfer may begin, if none may at `at`.
    #[must_use]
    pub fn exhausted_until(&self, usage: &Usage, at: Timestamp) -> Option<Timestamp> {
        let length = self.period.length();
        // Saturating, as no span reaches back to the beginning of time.
        let since = at.checked_sub(length).unwrap_or(Timestamp::MIN);
        let mut within: Vec<Timestamp> =
            usage.begun.iter().copied().filter(|begun| *begun > since).collect();
        within.sort_unstable();
        let allowed = usize::try_from(self.transfers.get()).unwrap_or(usize::MAX);
        // It ends when so many of them are left as leave room for one.
        let last = within.len().checked_sub(allowed)?;
        Some(within[last].checked_add(length).unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests;
