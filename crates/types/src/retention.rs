//! How long records are kept: the one place that says so (R23.2).

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use crate::china_date;

/// How many years the regulation has records kept.
const YEARS_MIN: u16 = 5;

/// How many years something is kept: never fewer than the regulation says, whatever was configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptYears(u16);

/// Fewer years than the regulation has records kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{years} years are too few; records are kept {YEARS_MIN} years at least (R23.2)")]
pub struct KeptTooShort {
    /// How many were asked for.
    pub years: u16,
}

impl KeptYears {
    /// The fewest.
    pub const MIN: Self = Self(YEARS_MIN);

    /// So many years.
    ///
    /// # Errors
    /// They are too few.
    pub const fn new(years: u16) -> Result<Self, KeptTooShort> {
        match years >= YEARS_MIN {
            true => Ok(Self(years)),
            false => Err(KeptTooShort { years }),
        }
    }

    /// So many years, or the fewest, if that is more.
    #[must_use]
    pub fn at_least(years: u16) -> Self {
        Self(years.max(YEARS_MIN))
    }

    /// How many they are.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The first day, in China, at whose beginning what ended at this moment has been kept for so long. For good, if the calendar ends before.
    #[must_use]
    pub fn kept_until(self, ended: Timestamp) -> Date {
        let last = ended.checked_sub(Span::new().nanoseconds(1)).unwrap_or(ended);
        let kept = || -> Result<Date, jiff::Error> {
            let day = china_date(last).tomorrow()?;
            let kept = day.checked_add(Span::new().try_years(self.0)?)?;
            // The 29th of February comes but every four years.
            if kept.day() == day.day() { Ok(kept) } else { kept.tomorrow() }
        };
        kept().unwrap_or(Date::MAX)
    }
}

impl fmt::Display for KeptYears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
