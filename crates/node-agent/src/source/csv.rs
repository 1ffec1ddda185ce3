//! CSV files: with a header, in UTF-8. An empty field is null; codes stay text, zeros and all.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;

use ::csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};
use async_trait::async_trait;

use super::batch::Rows;
use super::value::Value;
use super::{
    Batches, Cause, Connector, Origin, Reading, RowFilter, Sender, SourceError, check_columns,
    produce_blocking,
};

/// The byte order mark that spreadsheets put before UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A CSV file. Its own order of rows is the order of delivery.
#[derive(Clone, Debug)]
pub struct Csv {
    /// Which source.
    pub origin: Origin,
    /// The file.
    pub path: PathBuf,
}

#[async_trait]
impl Connector for Csv {
    fn origin(&self) -> &Origin {
        &self.origin
    }

    async fn columns(&self) -> Result<Vec<String>, SourceError> {
        let this = self.clone();
        let opened = tokio::task::spawn_blocking(move || this.open()).await;
        opened.map_err(|error| SourceError::broken(&self.origin, error))?.map(|(_, header)| header)
    }

    fn read(&self, readings: Vec<Reading>, _filter: Option<RowFilter>) -> Batches {
        let this = self.clone();
        produce_blocking(move |sender| this.send(&readings, sender))
    }
}

impl Csv {
    fn open(&self) -> Result<(Reader<BufReader<File>>, Vec<String>), SourceError> {
        let file = File::open(&self.path)
            .map_err(|error| SourceError::unavailable(&self.origin, error))?;
        let mut reader = ReaderBuilder::new().from_reader(BufReader::new(file));
        let header = reader.headers().map_err(|error| self.explain(error))?;
        let header =
            header.iter().map(|name| name.trim_start_matches(BYTE_ORDER_MARK).to_owned()).collect();
        Ok((reader, header))
    }

    fn send(&self, readings: &[Reading], sender: &Sender) -> Result<(), SourceError> {
        let (mut reader, header) = self.open()?;
        check_columns(&self.origin, readings, &header)?;
        let places: Vec<usize> = readings
            .iter()
            .filter_map(|reading| header.iter().position(|name| *name == reading.column))
            .collect();

        let mut rows = Rows::new(self.origin.clone(), readings);
        let mut record = StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| self.explain(error))? {
            for (column, &place) in places.iter().enumerate() {
                let value = match record.get(place) {
                    None | Some("") => Value::Null,
                    Some(text) => Value::Text(text),
                };
                rows.push(column, value)?;
            }
            if let Some(batch) = rows.end_row()?
                && sender.blocking_send(Ok(batch)).is_err()
            {
                return Ok(());
            }
        }
        if let Some(batch) = rows.finish()? {
            let _ = sender.blocking_send(Ok(batch));
        }
        Ok(())
    }

    fn explain(&self, error: ::csv::Error) -> SourceError {
        let origin = self.origin.clone();
        // Row 1 is the first below the header.
        let row = error.position().map(::csv::Position::record);
        match error.into_kind() {
            ErrorKind::Io(error) => SourceError::unavailable(&self.origin, error),
            ErrorKind::Utf8 { err, .. } => {
                SourceError::Broken { origin, row, source: Cause::new(err) }
            }
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let text = format!("the row has {len} fields, the header {expected_len}");
                let source = Cause::new(io::Error::new(io::ErrorKind::InvalidData, text));
                SourceError::Broken { origin, row, source }
            }
            ErrorKind::Seek | ErrorKind::Serialize(_) | ErrorKind::Deserialize { .. } | _ => {
                let source = io::Error::new(io::ErrorKind::InvalidData, "not a CSV file");
                SourceError::Broken { origin, row, source: Cause::new(source) }
            }
        }
    }
}
