//! The far part of the exchange log: Parquet files, each sealed by its digest (R23.2).
//!
//! A file is written under a name of its own, read back and compared with the log, and only then sealed. Who reads from it later has
//! its digest verified before: over the whole file once, and again whenever the place says that the file has changed.

mod layout;
mod place;
mod search;
mod write;

use jiff::civil::Date;
use publicdata_event_store::BoxError;
use publicdata_proto::exchange::v1::LogArchive;
use publicdata_types::{Digest, china_date};

use crate::codec::{self, values};

pub use layout::{LAYOUT, Row};
pub use place::{Opened, Place, PlaceError};
pub use search::{Visible, Wanted};
pub use write::Written;

/// An archive as errors name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its number.
    pub number: u32,
    /// The first day of its period, in China.
    pub first: Date,
    /// The last day of its period.
    pub last: Date,
    /// Its file, below the place.
    pub path: String,
    /// What the file was sealed by.
    pub digest: Digest,
}

/// Why an archive cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bus was told of no place.
    #[error(
        "{archive} is needed, and `archive` is not configured; name the place that it was sealed at"
    )]
    NoPlace {
        /// The archive.
        archive: Box<Named>,
    },
    /// The file is not there.
    #[error("the file of {archive} is missing; put it back, and try again")]
    Missing {
        /// The archive.
        archive: Box<Named>,
    },
    /// The file is not the one that was sealed.
    #[error("the file of {archive} was altered: its digest is {found}; put the sealed one back")]
    Altered {
        /// The archive.
        archive: Box<Named>,
        /// The file's digest now.
        found: Digest,
    },
    /// The file is as it was sealed, and cannot be read.
    #[error("the file of {archive} cannot be read")]
    Unreadable {
        /// The archive.
        archive: Box<Named>,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The place failed.
    #[error("archives cannot be {doing} at the place that `archive.url` names")]
    Place {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// What was read back is not what the log says.
    #[error("the file that was read back differs from the log: {what}")]
    Differs {
        /// What.
        what: String,
    },
}

impl Named {
    /// What a seal says of its archive.
    ///
    /// # Errors
    /// A field is missing.
    pub fn of(archive: &LogArchive) -> Result<Self, codec::FieldError> {
        let from = values::time("archive.from", archive.from)?;
        let until = values::time("archive.until", archive.until)?;
        Ok(Self {
            number: archive.number,
            first: china_date(from),
            last: china_date(until).yesterday().unwrap_or(Date::MIN),
            path: archive.path.clone(),
            digest: codec::archive::digest(archive)?,
        })
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, first, last, path, digest } = self;
        write!(f, "archive {number} of the exchange log ({first} to {last}, {path}, {digest})")
    }
}

impl ArchiveError {
    /// For `map_err`: the place failed.
    fn place<E: Into<BoxError>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Place { doing, source: source.into() }
    }
}
