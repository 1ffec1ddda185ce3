//! A folder of CSV files, in UTF-8, with a header. No value is an empty field.

use std::fs::File;
use std::io::Write as _;
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

struct CsvWriter {
    file: File,
    has_header: bool,
    /// Of one batch: Arrow's writer tells of a failing file in words alone.
    lines: Vec<u8>,
}

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
        Ok(Box::new(CsvWriter { file, has_header: false, lines: Vec::new() }))
    }
}

impl Writer for CsvWriter {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Cause> {
        self.lines.clear();
        let mut writer = WriterBuilder::new().with_header(!self.has_header).build(&mut self.lines);
        writer.write(batch).map_err(Cause::new)?;
        drop(writer);
        self.has_header = true;
        self.file.write_all(&self.lines).map_err(Cause::new)
    }

    fn finish(self: Box<Self>) -> Result<File, Cause> {
        Ok(self.file)
    }
}
