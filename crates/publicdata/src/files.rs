//! Tables on disk: Parquet and CSV, written beside their place and moved there when complete.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;

/// A table that is being written. Dropped before [`TableFile::finish`], it leaves nothing behind.
pub struct TableFile {
    path: PathBuf,
    fresh: tempfile::TempPath,
    writer: Writer,
}

enum Writer {
    Parquet { file: File, writer: Option<Box<ArrowWriter<File>>> },
    Csv(Box<arrow::csv::Writer<File>>),
}

// === impl TableFile ===

impl TableFile {
    /// Begins a table; its form follows from the file's ending.
    ///
    /// # Errors
    /// The ending is neither `.parquet` nor `.csv`, or the folder cannot be written to.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let (file, fresh) = tempfile::Builder::new()
            .prefix(".publicdata-")
            .tempfile_in(folder)
            .with_context(|| format!("cannot write to {}", folder.display()))?
            .into_parts();
        let writer = match ending {
            "parquet" => Writer::Parquet { file, writer: None },
            "csv" => Writer::Csv(Box::new(arrow::csv::Writer::new(file))),
            _ => bail!("{} must end in .parquet or .csv", path.display()),
        };
        Ok(Self { path: path.to_owned(), fresh, writer })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The disk is full, or the rows do not fit the first ones' schema.
    pub fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        match &mut self.writer {
            Writer::Csv(writer) => writer.write(batch)?,
            Writer::Parquet { writer: Some(writer), .. } => writer.write(batch)?,
            Writer::Parquet { file, writer } => {
                let mut begun = ArrowWriter::try_new(file.try_clone()?, batch.schema(), None)?;
                begun.write(batch)?;
                *writer = Some(Box::new(begun));
            }
        }
        Ok(())
    }

    /// Puts the table in its place; says where.
    ///
    /// # Errors
    /// The disk is full, or the place cannot be written to.
    pub fn finish(self) -> anyhow::Result<PathBuf> {
        match self.writer {
            Writer::Csv(writer) => writer.into_inner().sync_all()?,
            Writer::Parquet { file, writer } => {
                if let Some(writer) = writer {
                    writer.close()?;
                }
                file.sync_all()?;
            }
        }
        self.fresh
            .persist(&self.path)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(self.path)
    }
}
