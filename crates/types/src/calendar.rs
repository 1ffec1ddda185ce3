//! Working days (工作日), calendar days (日), and the limits that are counted in them.
//!
//! The day of the event itself is not counted: the first day is the next one. Holidays and make-up
//! days (调休) are announced year by year; a limit that reaches beyond what is announced counts
//! plain weekends and says that it is provisional.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use jiff::civil::date;
//! use publicdata_types::calendar::{Calendar, Year};
//!
//! let year = Year {
//!     holidays: (1..=7).map(|day| date(2026, 10, day)).collect(),
//!     make_up_days: [date(2026, 9, 20), date(2026, 10, 10)].into(),
//! };
//! let calendar = Calendar::new("notice-2026", BTreeMap::from([(2026, year)]))?;
//!
//! // Friday 25 September is not counted; 28 to 30 September, 8 and 9 October, and Saturday 10 October are.
//! assert_eq!(calendar.due(date(2026, 9, 25), 6).on, date(2026, 10, 10));
//! assert_eq!(calendar.working_days_before(date(2026, 10, 10), 3), date(2026, 9, 30));
//! assert_eq!(calendar.working_days_between(date(2026, 9, 25), date(2026, 10, 10)), 6);
//! # Ok::<(), publicdata_types::calendar::CalendarError>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::{Span, Timestamp, tz};

/// What the State Council announced for one year.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Year {
    /// Days off; weekends inside a holiday may be included.
    pub holidays: BTreeSet<Date>,
    /// Saturdays and Sundays that are worked in exchange.
    pub make_up_days: BTreeSet<Date>,
}

/// The announced years, under a version that every deadline counted by them names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    version: String,
    years: BTreeMap<i16, Year>,
}

/// The last day of a limit, and what it was counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The last day on which the act is in time.
    pub on: Date,
    /// Whether the limit reaches into a year that is not announced yet, so that it has to be
    /// counted anew when it is.
    pub provisional: bool,
    /// The version of the calendar that it was counted by.
    pub calendar_version: String,
}

/// Why years make no calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The version is empty, so deadlines could not name it.
    #[error("calendar has no version; deadlines name the version that they were counted by")]
    Version,
    /// A date stands under another year.
    #[error("calendar lists {date} under {year}; list it under its own year")]
    OtherYear {
        /// The date.
        date: Date,
        /// The year under which it stands.
        year: i16,
    },
    /// A date is a holiday and a make-up day at once.
    #[error("calendar lists {date} both as a holiday and as a make-up day; remove one")]
    Both {
        /// The date.
        date: Date,
    },
    /// A make-up day that is no Saturday or Sunday.
    #[error("calendar lists {date} as a make-up day, and it is no Saturday or Sunday")]
    MakeUpOnWeekday {
        /// The date.
        date: Date,
    },
}

impl Calendar {
    /// A calendar of these years.
    ///
    /// # Errors
    /// Names the first date that cannot be right.
    pub fn new(
        version: impl Into<String>,
        years: BTreeMap<i16, Year>,
    ) -> Result<Self, CalendarError> {
        let version = version.into();
        if version.is_empty() {
            return Err(CalendarError::Version);
        }
        for (&year, announced) in &years {
            check_year(year, announced)?;
        }
        Ok(Self { version, years })
    }

    /// The version that deadlines name.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether the holidays of this year are known.
    #[must_use]
    pub fn is_announced(&self, year: i16) -> bool {
        self.years.contains_key(&year)
    }

    /// What was announced for this year, if it is known.
    #[must_use]
    pub fn announced(&self, year: i16) -> Option<&Year> {
        self.years.get(&year)
    }

    /// Whether offices work on this day; in a year not announced, on Mondays to Fridays.
    #[must_use]
    pub fn is_working_day(&self, date: Date) -> bool {
        match self.years.get(&date.year()) {
            Some(year) if year.holidays.contains(&date) => false,
            Some(year) if year.make_up_days.contains(&date) => true,
            Some(_) | None => !is_weekend(date),
        }
    }

    /// The last day of a limit of so many working days after something happened on `from`.
    ///
    /// A limit beyond the last date that can be written ends on that date.
    #[must_use]
    pub fn due(&self, from: Date, working_days: u32) -> Deadline {
        let mut on = from;
        let mut provisional = false;
        let mut left = working_days;
        while left > 0 {
            let Ok(next) = on.tomorrow() else { break };
            on = next;
            provisional |= !self.is_announced(on.year());
            if self.is_working_day(on) {
                left -= 1;
            }
        }
        self.deadline(on, provisional)
    }

    /// The last day of a limit of so many calendar days after something happened on `from`. Holidays
    /// do not move it, so it is never provisional.
    #[must_use]
    pub fn due_in_days(&self, from: Date, days: u32) -> Deadline {
        // A span holds fewer days than a `u32`, and more than there are dates.
        let on = Span::new().try_days(days).map_or(Date::MAX, |span| from.saturating_add(span));
        self.due_on(on)
    }

    /// A limit that ends on a civil date, whatever the holidays are.
    #[must_use]
    pub fn due_on(&self, on: Date) -> Deadline {
        self.deadline(on, false)
    }

    /// Counting back: the day so many working days before `date`, which is not counted itself.
    ///
    /// Counting beyond the first date that can be written ends on that date.
    #[must_use]
    pub fn working_days_before(&self, date: Date, working_days: u32) -> Date {
        let mut on = date;
        let mut left = working_days;
        while left > 0 {
            let Ok(previous) = on.yesterday() else { break };
            on = previous;
            if self.is_working_day(on) {
                left -= 1;
            }
        }
        on
    }

    /// How many working days come after `from`, up to and with `until`: 0 if `until` is not later.
    #[must_use]
    pub fn working_days_between(&self, from: Date, until: Date) -> u32 {
        let mut count = 0;
        let mut day = from;
        while day < until
            && let Ok(next) = day.tomorrow()
        {
            day = next;
            count += u32::from(self.is_working_day(day));
        }
        count
    }

    fn deadline(&self, on: Date, provisional: bool) -> Deadline {
        Deadline { on, provisional, calendar_version: self.version.clone() }
    }
}

impl Deadline {
    /// Whether `other` means the same day, and as surely; by which calendar does not matter.
    #[must_use]
    pub fn is_same_limit(&self, other: &Self) -> bool {
        (self.on, self.provisional) == (other.on, other.provisional)
    }

    /// Whether the limit has passed on `today`; on its last day it has not.
    #[must_use]
    pub fn has_passed(&self, today: Date) -> bool {
        today > self.on
    }
}

/// The civil date in China at this moment.
#[must_use]
pub fn china_date(at: Timestamp) -> Date {
    tz::offset(8).to_datetime(at).date()
}

/// The last second of a civil date in China; of the last date that can be written, the last moment there is.
#[must_use]
pub fn china_day_end(date: Date) -> Timestamp {
    tz::offset(8).to_timestamp(date.at(23, 59, 59, 0)).unwrap_or(Timestamp::MAX)
}

fn check_year(year: i16, announced: &Year) -> Result<(), CalendarError> {
    for &date in announced.holidays.union(&announced.make_up_days) {
        if date.year() != year {
            return Err(CalendarError::OtherYear { date, year });
        }
    }
    for &date in &announced.make_up_days {
        if announced.holidays.contains(&date) {
            return Err(CalendarError::Both { date });
        }
        if !is_weekend(date) {
            return Err(CalendarError::MakeUpOnWeekday { date });
        }
    }
    Ok(())
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests;
