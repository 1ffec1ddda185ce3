//! Writes a file, and reads back what was written.

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use parquet::arrow::async_writer::AsyncFileWriter;
use parquet::arrow::{AsyncArrowWriter, ParquetRecordBatchStreamBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use publicdata_types::Digest;
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::BufWriter;

use super::layout::{self, Row};
use super::{ArchiveError, Opened, Place};
use crate::error::Error;

/// How many rows are handed on at once.
const BATCH_ROWS: usize = 256;
/// How many bytes of a part of the file are gathered in memory.
const PART_BYTES_MAX: usize = 16 << 20;
/// How many rows a part of the file has at most: what the parts' filters are made for.
const PART_ROWS_MAX: usize = 65_536;

/// A file that was written, and is not sealed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name until then.
    pub path: String,
    /// How many rows it has.
    pub rows: u64,
    /// The digest of what was handed to the place.
    pub digest: Digest,
}

impl Place {
    /// Writes rows, the newest first, to a file that no seal names yet.
    pub(crate) async fn write(
        &self,
        rows: impl Stream<Item = Result<Row, Error>>,
    ) -> Result<Written, Error> {
        let failed = ArchiveError::place::<ParquetError>;
        let (path, file) = self.create().await?;
        let target = Hashed { target: BufWriter::new(file), hasher: Sha256::new() };
        let writer = AsyncArrowWriter::try_new(target, layout::schema(), Some(properties()));
        let mut writer = writer.map_err(failed("written"))?;
        let mut count = 0;
        let mut batches = std::pin::pin!(rows.try_chunks(BATCH_ROWS));
        while let Some(batch) = batches.next().await {
            let rows = batch.map_err(|error| error.1)?;
            let batch = layout::batch(&rows).map_err(Error::unreadable)?;
            writer.write(&batch).await.map_err(failed("written"))?;
            if writer.in_progress_size() > PART_BYTES_MAX {
                writer.flush().await.map_err(failed("written"))?;
            }
            count += rows.len() as u64;
        }
        writer.finish().await.map_err(failed("written"))?;
        let Hashed { target, hasher } = writer.into_inner();
        // A seal outlives a power failure, and so must its file.
        target.into_inner().sync_all().await.map_err(ArchiveError::place("written"))?;
        let digest = Digest::from_bytes(hasher.finalize().into());
        Ok(Written { path, rows: count, digest })
    }

    /// Opens what was written, if the place has kept it as it was handed over.
    pub(crate) async fn read_back(&self, written: &Written) -> Result<Opened, Error> {
        let opened = self.unsealed(&written.path).await?;
        match opened.digest == written.digest {
            true => Ok(opened),
            false => {
                let what = format!("{} was written, {} is there", written.digest, opened.digest);
                Err(ArchiveError::Differs { what }.into())
            }
        }
    }
}

impl Opened {
    /// Every row, in the order of the file.
    pub(crate) async fn rows(
        &self,
    ) -> Result<impl Stream<Item = Result<Row, Error>> + use<>, Error> {
        let read = ArchiveError::place::<ParquetError>;
        let file = self.file().await.map_err(ArchiveError::place("read back"))?;
        let file = ParquetRecordBatchStreamBuilder::new_with_metadata(file, self.metadata.clone());
        let batches = file.with_batch_size(BATCH_ROWS).build().map_err(read("read back"))?;
        let rows = batches.map(move |batch| {
            let rows = layout::rows(&batch.map_err(read("read back"))?);
            let rows = rows.map_err(Error::Unreadable)?;
            Ok::<_, Error>(futures::stream::iter(rows.into_iter().map(Ok)))
        });
        Ok(rows.try_flatten())
    }
}

/// Hashes what passes.
struct Hashed {
    target: BufWriter<File>,
    hasher: Sha256,
}

impl AsyncFileWriter for Hashed {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<(), ParquetError>> {
        self.hasher.update(&bytes);
        AsyncFileWriter::write(&mut self.target, bytes)
    }

    fn complete(&mut self) -> BoxFuture<'_, Result<(), ParquetError>> {
        AsyncFileWriter::complete(&mut self.target)
    }
}

fn properties() -> WriterProperties {
    let sequence = SortingColumn { column_idx: 0, descending: true, nulls_first: false };
    let commits =
        ColumnPath::new([layout::COMMITS, "list", "element", "commit"].map(str::to_owned).to_vec());
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(PART_ROWS_MAX))
        .set_sorting_columns(Some(vec![sequence]))
        // Nobody looks for a commit by its bytes, and no two are the same.
        .set_column_statistics_enabled(commits.clone(), EnabledStatistics::None)
        .set_column_dictionary_enabled(commits, false);
    for name in layout::FILTERED {
        properties = properties
            .set_column_bloom_filter_enabled(ColumnPath::from(name), true)
            .set_column_bloom_filter_max_ndv(ColumnPath::from(name), PART_ROWS_MAX as u64);
    }
    properties.build()
}
