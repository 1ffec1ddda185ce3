//! Answers about the log's archives.

use publicdata_service_kit::Problem;
use publicdata_service_kit::problem::{Code, chain};

use crate::archive::ArchiveError;

/// Whoever searches is told which file is at fault, and gets no shorter answer instead.
pub(super) fn archive(error: ArchiveError) -> Problem {
    let text = error.to_string();
    let (reason, archive) = match error {
        ArchiveError::NoPlace { archive } => ("ARCHIVE_PLACE_UNKNOWN", archive),
        ArchiveError::Missing { archive } => ("ARCHIVE_MISSING", archive),
        ArchiveError::Altered { archive, .. } => ("ARCHIVE_ALTERED", archive),
        ArchiveError::Unreadable { archive, source } => {
            tracing::error!(error = chain(&*source), archive = archive.number, "{text}");
            ("ARCHIVE_UNREADABLE", archive)
        }
        ArchiveError::Place { .. } => return Problem::unavailable("archive", error),
        ArchiveError::Differs { .. } => return Problem::internal(error),
    };
    Problem::new(Code::DataLoss, reason, text)
        .with("archive", archive.number)
        .with("file", archive.path)
        .with("digest", archive.digest)
}
