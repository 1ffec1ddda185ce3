//! What is set about the archives of the exchange log (R23.2).

use jiff::civil::Date;
use jiff::{Span, Timestamp, tz};
use publicdata_exchange_domain::RatePeriod;
use publicdata_types::{KeptYears, china_date};
use serde::Deserialize;

use crate::archive::{Place, PlaceError};

/// A quarter more than the longest that anybody looks back.
const NEAR_DAYS: u32 = 120;
const HOURS_A_DAY: i64 = 24;

/// How finished parts of the log are archived.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// The place: `file:///<folder>`.
    pub url: String,
    /// How much goes into one archive.
    #[serde(default)]
    pub period: Period,
    /// How many days the transfers of an archived period stay near before they are read from the archive.
    #[serde(default = "near_days")]
    pub near_days: u32,
    /// How many years archives are kept; for good, if nothing is said.
    #[serde(default)]
    pub keep_years: Option<u16>,
}

/// How much goes into one archive. Periods begin at midnight in China.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// A calendar month.
    #[default]
    Month,
    /// January to March, and so on.
    Quarter,
    /// A calendar year.
    Year,
}

/// A value about archives that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveConfigError {
    /// The law has the log kept for longer.
    #[error(
        "`archive.keep_years` is {years}; the exchange log is kept {least} years at least (R23.2): write {least} or more, or nothing to \
         keep it for good",
        least = KeptYears::MIN
    )]
    KeptTooShort {
        /// How many years were asked for.
        years: u16,
    },
    /// Something near is still needed then.
    #[error(
        "`archive.near_days` is {days}; write more than {least}: grants' rates look back as far"
    )]
    NearTooShort {
        /// How many days were asked for.
        days: u32,
        /// How far back is looked.
        least: i64,
    },
    /// The place cannot be used.
    #[error("`archive.url` cannot be used")]
    Place(#[from] PlaceError),
}

impl ArchiveConfig {
    /// Archives at this place, each of a month.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), period: Period::default(), near_days: NEAR_DAYS, keep_years: None }
    }

    /// Checks what the types don't.
    ///
    /// # Errors
    /// The first value that cannot be.
    pub fn validate(&self) -> Result<(), ArchiveConfigError> {
        if let Some(Err(short)) = self.keep_years.map(KeptYears::new) {
            return Err(ArchiveConfigError::KeptTooShort { years: short.years });
        }
        let least = RatePeriod::Month.length().as_hours() / HOURS_A_DAY;
        match i64::from(self.near_days) > least {
            true => Ok(()),
            false => Err(ArchiveConfigError::NearTooShort { days: self.near_days, least }),
        }
    }

    /// How long archives are kept; for good, if nothing is said.
    pub(crate) fn kept(&self) -> Option<KeptYears> {
        self.keep_years.map(KeptYears::at_least)
    }

    /// Where archives are kept.
    pub(crate) fn place(&self) -> Result<Place, ArchiveConfigError> {
        Ok(Place::open(&self.url)?)
    }
}

impl Period {
    /// The period that a moment is in: its beginning, and the first moment after it.
    #[must_use]
    pub fn around(self, at: Timestamp) -> (Timestamp, Timestamp) {
        let date = china_date(at);
        let (first_month, months) = match self {
            Self::Month => (date.month(), 1),
            Self::Quarter => (date.month() - (date.month() - 1) % 3, 3),
            Self::Year => (1, 12),
        };
        let first = Date::new(date.year(), first_month, 1).unwrap_or(date);
        let next = first.checked_add(Span::new().months(months)).unwrap_or(Date::MAX);
        (midnight(first), midnight(next))
    }
}

/// The beginning of a day in China.
fn midnight(date: Date) -> Timestamp {
    tz::offset(8).to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX)
}

const fn near_days() -> u32 {
    NEAR_DAYS
}
