//! A copy of a stream of another JetStream domain, which a leaf node keeps: it can be read while the other is out of reach.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, External, Info, Source};
use serde::Deserialize;

use super::streams::{lasting, losses};
use super::{JetStreamStore, Permissions, SetupError, StreamOptions};
use crate::Error;

const DESCRIBE: &str = "describe the stream";

/// A stream of another domain that this one mirrors, under the same name and with the same sequences.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorConfig {
    /// The stream, such as `CATALOG`.
    pub stream: String,
    /// The domain that it is written in, such as `city`.
    pub domain: String,
}

/// How it stands with the copy of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorStatus {
    /// The last sequence that it has.
    pub last_sequence: u64,
    /// How many servers hold it.
    pub replicas: usize,
    /// Where the original is; none if this is an original itself.
    pub original: Option<Original>,
}

/// Where a copy comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The original's domain; empty if it is in the same one.
    pub domain: String,
    /// How many commits were still on their way when the original was last heard of.
    pub lag: u64,
    /// How long ago that was; none if it never was.
    pub heard: Option<Duration>,
}

/// What a leaf node needs at the server of the domain whose streams it mirrors. It may publish no event there, and hear none but those
/// that it mirrors.
#[must_use]
pub fn mirror_permissions(streams: &[&str], domain: &str) -> Permissions {
    let mut publish: Vec<String> = streams
        .iter()
        .map(|stream| format!("{}.CONSUMER.CREATE.{stream}", api_of(domain)))
        .collect();
    // How fast a copy is sent.
    publish.push("$JS.FC.>".to_owned());
    Permissions { publish, subscribe: vec!["$JS.M.>".to_owned(), "$JSC.R.>".to_owned()] }
}

impl JetStreamStore {
    /// Creates the mirror, unless it exists, and verifies that it is one that keeps what it has.
    ///
    /// # Errors
    /// [`SetupError::Stream`] names everything that is wrong with a stream that exists.
    #[tracing::instrument(level = "debug", skip_all, fields(stream = mirror.stream), err(level = "debug"))]
    pub async fn ensure_mirror(
        &self,
        mirror: &MirrorConfig,
        replicas: usize,
    ) -> Result<(), SetupError> {
        let info =
            self.connection.retrying(|| self.create_or_describe(mirror.config(replicas))).await?;
        let reasons = broken_promises(&info.config, mirror, replicas);
        if reasons.is_empty() {
            return Ok(());
        }
        Err(SetupError::Stream { stream: mirror.stream.clone(), reasons })
    }
}

impl JetStreamStore {
    /// Makes a mirror the stream itself, which is written to: a standby takes over (R11.1). Whoever calls it sees to it that the original is
    /// lost, or written to no more: else there are two. What the mirror had not received yet is not in it: the answer, its last sequence,
    /// says how far it reaches, and the audit log's checkpoints whether that is all. It keeps as many replicas as it has. May be repeated.
    /// Needs leave to change streams.
    ///
    /// # Errors
    /// [`SetupError::Stream`] if the stream mirrors something else, or cannot be what a stream has to be.
    #[tracing::instrument(level = "debug", skip_all, fields(stream = mirror.stream), err(level = "debug"))]
    pub async fn promote(&self, mirror: &MirrorConfig) -> Result<u64, SetupError> {
        let stream = &mirror.stream;
        let info = self.connection.info(stream).await;
        let info = info.map_err(|failure| failure.about(stream, DESCRIBE))?;
        let replicas = info.config.num_replicas;
        if info.config.mirror.is_some() {
            let reasons = broken_promises(&info.config, mirror, replicas);
            if !reasons.is_empty() {
                return Err(SetupError::Stream { stream: stream.clone(), reasons });
            }
            let call = format!("STREAM.UPDATE.{stream}");
            let config = StreamOptions::new(stream, replicas).config();
            let updated = self.connection.api::<Info>(call, &config).await;
            updated.map_err(|failure| failure.about(stream, "promote the mirror"))?;
        }
        self.ensure_stream_with(StreamOptions::new(stream, replicas)).await?;
        Ok(self.connection.retrying(|| self.connection.last_sequence(stream)).await?)
    }
}

impl JetStreamStore {
    /// How it stands with the copy of `stream`.
    ///
    /// # Errors
    /// If the stream does not exist, or the store cannot be reached.
    pub async fn mirror_status(&self, stream: &str) -> Result<MirrorStatus, Error> {
        let info = self.connection.info(stream).await;
        let info = info.map_err(|failure| failure.about(stream, DESCRIBE))?;
        let replicas = info.config.num_replicas;
        let original = info.config.mirror.map(|source| {
            let prefix = source.external.map(|external| external.api_prefix).unwrap_or_default();
            let domain = prefix.strip_prefix("$JS.").and_then(|rest| rest.strip_suffix(".API"));
            let seen = info.mirror.as_ref();
            Original {
                domain: domain.map_or_else(|| prefix.clone(), ToOwned::to_owned),
                lag: seen.map_or(0, |seen| seen.lag),
                heard: seen.and_then(|seen| seen.active),
            }
        });
        Ok(MirrorStatus { last_sequence: info.state.last_sequence, replicas, original })
    }
}

impl MirrorConfig {
    fn config(&self, replicas: usize) -> Config {
        let external = External { api_prefix: api_of(&self.domain), delivery_prefix: None };
        let source =
            Source { name: self.stream.clone(), external: Some(external), ..Source::default() };
        Config { mirror: Some(source), ..lasting(&self.stream, replicas) }
    }
}

/// Everything in `config` by which the copy could lose what it has, or that is not what was asked for.
fn broken_promises(config: &Config, wanted: &MirrorConfig, replicas: usize) -> Vec<String> {
    let is_mirror = config.mirror.as_ref().is_some_and(|source| {
        let api = source.external.as_ref().map(|external| external.api_prefix.as_str());
        source.name == wanted.stream && api == Some(api_of(&wanted.domain).as_str())
    });
    let mut reasons = losses(config, replicas);
    if !is_mirror {
        reasons.push(format!("it must mirror {} of domain {}", wanted.stream, wanted.domain));
    }
    reasons
}

/// Where the API of another domain is reached.
fn api_of(domain: &str) -> String {
    format!("$JS.{domain}.API")
}

#[cfg(test)]
mod tests;
