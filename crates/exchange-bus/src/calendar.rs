//! Reads the announced holidays, the file that `deploy/data/README.md` describes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use publicdata_types::Digest;
use publicdata_types::calendar::{Calendar, CalendarError, Year};
use serde::Deserialize;

/// Holidays as announced when this was built; the configuration may name a newer file.
pub const BUILT_IN: &str = include_str!("../../../deploy/data/cn-holidays.json");

/// How many hexadecimal digits of the file's digest name the calendar's version.
const VERSION_DIGITS: usize = 12;

/// Why a holidays file makes no calendar.
#[derive(Debug, thiserror::Error)]
pub enum HolidaysError {
    /// It is not the JSON that is expected.
    #[error("holidays file cannot be read")]
    Format(#[from] serde_json::Error),
    /// Its dates contradict each other.
    #[error("holidays file is wrong")]
    Calendar(#[from] CalendarError),
}

#[derive(Deserialize)]
struct File {
    years: BTreeMap<i16, Announced>,
}

#[derive(Deserialize)]
struct Announced {
    holidays: BTreeSet<Date>,
    workdays: BTreeSet<Date>,
}

/// The calendar of a holidays file. Its version follows from the file's content, so that equal versions count alike.
///
/// # Errors
/// Says what cannot be read, or which date cannot be right.
pub fn parse(json: &str) -> Result<Calendar, HolidaysError> {
    let file: File = serde_json::from_str(json)?;
    let years = file.years.into_iter().map(|(year, Announced { holidays, workdays })| {
        (year, Year { holidays, make_up_days: workdays })
    });
    let digest = Digest::of(json).to_string();
    let version = digest.trim_start_matches("sha256:").get(..VERSION_DIGITS).unwrap_or_default();
    Ok(Calendar::new(format!("cn-{version}"), years.collect())?)
}

#[cfg(test)]
mod tests;
