//! A folder of Parquet files.

use std::fs::File;
use std::path::Path;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use publicdata_types::SubscriptionId;

use super::Sink;
use super::files::{Folder, Format, Writer};
use super::steps::Steps;
use crate::source::Cause;

struct Parquet;

struct ParquetWriter(ArrowWriter<File>);

/// A sink of Parquet files in this folder.
pub fn sink(
    folder: &Path,
    named: (&str, &[String]),
    subscription: SubscriptionId,
    steps: Steps,
) -> impl Sink + 'static {
    Folder::<Parquet>::new(folder, named, subscription, steps)
}

impl Format for Parquet {
    const KIND: &'static str = "parquet";

    fn writer(file: File, schema: &SchemaRef) -> Result<Box<dyn Writer>, Cause> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties));
        Ok(Box::new(ParquetWriter(writer.map_err(Cause::new)?)))
    }
}

impl Writer for ParquetWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Cause> {
        self.0.write(batch).map_err(Cause::new)
    }

    fn finish(self: Box<Self>) -> Result<File, Cause> {
        self.0.into_inner().map_err(Cause::new)
    }
}
