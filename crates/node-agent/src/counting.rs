//! Rows counted and hashed, to be compared with those elsewhere (R10.1).

use arrow::array::RecordBatch;
use publicdata_transfer::RowsDigest;
use publicdata_transfer::rows::RowTypeError;

/// Counts the rows of a batch, on a thread that may be busy for a while.
///
/// # Errors
/// A column is of none of the catalogue's types.
pub async fn record(digest: RowsDigest, batch: RecordBatch) -> Result<RowsDigest, RowTypeError> {
    let counted = tokio::task::spawn_blocking(move || {
        let mut digest = digest;
        digest.record(&batch).map(|()| digest)
    });
    match counted.await {
        Ok(digest) => digest,
        // It is not aborted; if it panicked, so does whoever waits for it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
