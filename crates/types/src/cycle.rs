//! How often an update comes due, and on which day the next one does (R12.4, R20.1).

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use crate::{Calendar, Deadline};

/// 更新周期.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateCycle {
    /// 实时.
    RealTime,
    /// 每日.
    Daily,
    /// 每周.
    Weekly,
    /// 每月.
    Monthly,
    /// 每季度.
    Quarterly,
    /// 每半年.
    HalfYearly,
    /// 每年.
    Yearly,
    /// 不定期.
    Irregular,
}

/// An update cycle (更新周期) that ends on a day. Real time and irregular updates have none: nobody can say on which day they
/// are late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// 每日: the next working day, as departments work on no other.
    Daily,
    /// 每周: the same weekday of the next week.
    Weekly,
    /// 每月: the same day of the next month.
    Monthly,
    /// 每季度: the same day three months on.
    Quarterly,
    /// 每半年: the same day six months on.
    HalfYearly,
    /// 每年: the same day of the next year.
    Yearly,
}

impl Period {
    /// Every period, the shortest first.
    pub const ALL: [Self; 6] =
        [Self::Daily, Self::Weekly, Self::Monthly, Self::Quarterly, Self::HalfYearly, Self::Yearly];

    /// The period of a cycle, if it ends on a day.
    #[must_use]
    pub const fn of(cycle: UpdateCycle) -> Option<Self> {
        match cycle {
            UpdateCycle::Daily => Some(Self::Daily),
            UpdateCycle::Weekly => Some(Self::Weekly),
            UpdateCycle::Monthly => Some(Self::Monthly),
            UpdateCycle::Quarterly => Some(Self::Quarterly),
            UpdateCycle::HalfYearly => Some(Self::HalfYearly),
            UpdateCycle::Yearly => Some(Self::Yearly),
            UpdateCycle::RealTime | UpdateCycle::Irregular => None,
        }
    }

    /// The cycle that it is the period of.
    #[must_use]
    pub const fn cycle(self) -> UpdateCycle {
        match self {
            Self::Daily => UpdateCycle::Daily,
            Self::Weekly => UpdateCycle::Weekly,
            Self::Monthly => UpdateCycle::Monthly,
            Self::Quarterly => UpdateCycle::Quarterly,
            Self::HalfYearly => UpdateCycle::HalfYearly,
            Self::Yearly => UpdateCycle::Yearly,
        }
    }

    /// The last day for the next update, after one on `from`.
    ///
    /// A daily update is due on the next working day. Every other period ends on a civil date, whether offices work on it or
    /// not; a month that has no such day ends on its own last one: 31 January and a month is 28 February, or 29.
    #[must_use]
    pub fn due(self, calendar: &Calendar, from: Date) -> Deadline {
        let later = |span: Span| calendar.due_on(from.saturating_add(span));
        match self {
            Self::Daily => calendar.due(from, 1),
            Self::Weekly => later(1.week()),
            Self::Monthly => later(1.month()),
            Self::Quarterly => later(3.months()),
            Self::HalfYearly => later(6.months()),
            Self::Yearly => later(1.year()),
        }
    }
}

impl fmt::Display for UpdateCycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RealTime => "real time",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::HalfYearly => "half-yearly",
            Self::Yearly => "yearly",
            Self::Irregular => "irregular",
        })
    }
}

#[cfg(test)]
mod tests;
