//! The calendar that limits are counted by: the announced holidays, from the file that `deploy/data/README.md` describes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::civil::Date;
use publicdata_types::Digest;
use publicdata_types::calendar::{Calendar, CalendarError, Year};
use serde::Deserialize;

/// Holidays as announced when this was built; the configuration may name a newer file.
const BUILT_IN: &str = include_str!("../../../deploy/data/cn-holidays.json");

/// How many hexadecimal digits of the file's digest name the calendar's version.
const VERSION_DIGITS: usize = 12;

/// Why a holidays file makes no calendar.
#[derive(Debug, thiserror::Error)]
pub enum HolidaysError {
    /// The file cannot be opened.
    #[error("holidays file {} cannot be opened", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not the JSON that is expected.
    #[error("holidays file cannot be read")]
    Format(#[from] serde_json::Error),
    /// Its dates contradict each other.
    #[error("holidays file is wrong")]
    Calendar(#[from] CalendarError),
}

/// The calendar of a file that may be replaced while the service runs, when the next year is announced.
#[derive(Debug)]
pub struct Holidays {
    path: Option<PathBuf>,
    current: RwLock<Arc<Calendar>>,
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

// === impl Holidays ===

impl Holidays {
    /// The calendar of this file; of what was announced when this was built, if none is named.
    ///
    /// # Errors
    /// Says what cannot be read, or which date cannot be right.
    pub fn open(path: Option<PathBuf>) -> Result<Self, HolidaysError> {
        let calendar = load(path.as_deref())?;
        Ok(Self { path, current: RwLock::new(Arc::new(calendar)) })
    }

    /// The calendar as it was read last.
    #[must_use]
    pub fn calendar(&self) -> Arc<Calendar> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again. What cannot be used leaves the calendar as it was.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn reload(&self) -> Result<(), HolidaysError> {
        // What was built in stays what it is.
        let Some(path) = &self.path else { return Ok(()) };
        let calendar = load(Some(path))?;
        if calendar.version() != self.calendar().version() {
            tracing::info!(calendar.version = calendar.version(), "the holidays have changed");
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::new(calendar);
        }
        Ok(())
    }
}

/// The calendar of a holidays file, or of what was announced when this was built.
///
/// # Errors
/// Says what cannot be read, or which date cannot be right.
pub fn load(path: Option<&Path>) -> Result<Calendar, HolidaysError> {
    match path {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| HolidaysError::File { path: path.to_owned(), source })?;
            parse(&text)
        }
        None => parse(BUILT_IN),
    }
}

/// The calendar that a holidays file describes. Its version follows from the file's content, so that equal versions count
/// alike.
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
