//! A folder of CSV files, in UTF-8, with a header. No value is an empty field.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder;
use arrow::datatypes::SchemaRef;
use publicdata_types::SubscriptionId;

use super::Sink;
use super::files::{Folder, Format, Writer};
use super::steps::Steps;
use crate::source::Cause;

struct Csv;

struct CsvWriter(arrow::csv::Writer<BufWriter<File>>);

/// A sink of CSV files in this folder.
pub fn sink(
    folder: &Path,
    named: (&str, &[String]),
    subscription: SubscriptionId,
    steps: Steps,
) -> impl Sink + 'static {
    Folder::<Csv>::new(folder, named, subscription, steps)
}

impl Format for Csv {
    const KIND: &'static str = "csv";

    fn writer(file: File, _schema: &SchemaRef) -> Result<Box<dyn Writer>, Cause> {
        let writer = WriterBuilder::new().with_header(true).build(BufWriter::new(file));
        Ok(Box::new(CsvWriter(writer)))
    }
}

impl Writer for CsvWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Cause> {
        self.0.write(batch).map_err(Cause::new)
    }

    fn finish(self: Box<Self>) -> Result<File, Cause> {
        self.0.into_inner().into_inner().map_err(|error| Cause::new(error.into_error()))
    }
}
