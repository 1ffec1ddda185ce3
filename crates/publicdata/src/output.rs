//! What the command line prints: tables and sentences for people, JSON for machines.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use publicdata_proto::DESCRIPTORS;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON value, for machines: messages in protobuf's JSON form.
    Json,
}

/// Where a command's results go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    format: Format,
}

/// A message could not be turned into JSON, or back.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The JSON does not fit the message.
    #[error("JSON does not fit {message}")]
    Json {
        /// Full name of the message.
        message: String,
        /// What is wrong, and where.
        #[source]
        source: serde_json::Error,
    },
    /// The compiled descriptors lack the message: a fault of the build.
    #[error("no descriptor of {0}")]
    NoDescriptor(String),
    /// Bytes of the message do not decode.
    #[error("{message} does not decode")]
    Decode {
        /// Full name of the message.
        message: String,
        /// Why.
        #[source]
        source: prost::DecodeError,
    },
}

// === impl Output ===

impl Output {
    /// Prints in this form.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether machines read it.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Prints a message: as JSON, or as lines of `label  value` for people, empty values left out.
    pub fn record<M: Message + Name>(
        self,
        message: &M,
        lines: &[(&str, String)],
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Json => print_json(&to_json(message)?),
            Format::Text => {
                for (label, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
                    print_line(format_args!("{label:<18} {value}"))?;
                }
                Ok(())
            }
        }
    }

    /// Prints a message that holds a list: as JSON, or as a table.
    pub fn table<M: Message + Name>(
        self,
        message: &M,
        header: &[&str],
        rows: Vec<Vec<String>>,
    ) -> anyhow::Result<()> {
        match self.format {
            Format::Json => print_json(&to_json(message)?),
            Format::Text if rows.is_empty() => print_line("none"),
            Format::Text => print_line(plain_table(header, rows)),
        }
    }

    /// Prints a value that is no message: as JSON, or as text.
    pub fn value<T: Serialize>(self, value: &T, text: impl Display) -> anyhow::Result<()> {
        match self.format {
            Format::Json => print_json(&serde_json::to_value(value)?),
            Format::Text => print_line(text),
        }
    }
}

fn plain_table(header: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(match io::stdout().is_terminal() {
            true => ContentArrangement::Dynamic,
            false => ContentArrangement::Disabled,
        })
        .set_header(header)
        .add_rows(rows);
    table
}

fn print_json(value: &serde_json::Value) -> anyhow::Result<()> {
    print_line(format_args!("{value:#}"))
}

/// Writes one line to standard output. A reader that went away (`| head`) ends the program without noise.
pub fn print_line(line: impl Display) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => Ok(result?),
    }
}

/// A message in protobuf's JSON form.
///
/// # Errors
/// The descriptors lack the message.
pub fn to_json<M: Message + Name>(message: &M) -> Result<serde_json::Value, JsonError> {
    let name = M::full_name();
    let mut dynamic = DynamicMessage::new(descriptor(&name)?);
    dynamic
        .transcode_from(message)
        .map_err(|source| JsonError::Decode { message: name.clone(), source })?;
    let options = SerializeOptions::new().skip_default_fields(false);
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|source| JsonError::Json { message: name, source })
}

/// Reads a message from protobuf's JSON form; unknown fields are refused, by name.
///
/// # Errors
/// The JSON does not fit the message.
pub fn from_json<M: Message + Name + Default>(json: &str) -> Result<M, JsonError> {
    let name = M::full_name();
    let unfit = |source| JsonError::Json { message: name.clone(), source };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let dynamic =
        DynamicMessage::deserialize(descriptor(&name)?, &mut deserializer).map_err(unfit)?;
    deserializer.end().map_err(unfit)?;
    dynamic.transcode_to().map_err(|source| JsonError::Decode { message: name.clone(), source })
}

fn descriptor(name: &str) -> Result<prost_reflect::MessageDescriptor, JsonError> {
    DescriptorPool::decode(DESCRIPTORS)
        .ok()
        .and_then(|pool| pool.get_message_by_name(name))
        .ok_or_else(|| JsonError::NoDescriptor(name.to_owned()))
}

/// Reads a JSON file into a plain value.
///
/// # Errors
/// The file cannot be read, or its content does not fit.
pub fn read_json_file<T: DeserializeOwned>(path: &std::path::Path) -> anyhow::Result<T> {
    use anyhow::Context as _;

    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} does not fit", path.display()))
}

#[cfg(test)]
mod tests;
