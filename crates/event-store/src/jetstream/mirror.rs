//! A copy of a stream of another JetStream domain, which a leaf node keeps: it can be read while the other is out of reach.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{Config, DiscardPolicy, External, Info, Source, StorageType};
use serde::Deserialize;

use super::{JetStreamStore, Permissions, SetupError};
use crate::Error;

/// A stream of another domain that this one mirrors, under the same name and with the same sequences.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorConfig {
    /// The stream, such as `CATALOG`.
    pub stream: String,
    /// The domain that it is written in, such as `city`.
    pub domain: String,
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
        let info = self.connection.retrying(|| self.mirror_or_describe(mirror, replicas)).await?;
        let reasons = broken_promises(&info.config, mirror);
        if reasons.is_empty() {
            return Ok(());
        }
        Err(SetupError::Stream { stream: mirror.stream.clone(), reasons })
    }

    async fn mirror_or_describe(
        &self,
        mirror: &MirrorConfig,
        replicas: usize,
    ) -> Result<Info, Error> {
        const OPERATION: &str = "create the mirror";

        match self.connection.info(&mirror.stream).await {
            Ok(info) => return Ok(info),
            Err(failure) if failure.is(ErrorCode::STREAM_NOT_FOUND) => {}
            Err(failure) => return Err(failure.into_error(OPERATION)),
        }
        let call = format!("STREAM.CREATE.{}", mirror.stream);
        let created = self.connection.api(call, &mirror.config(replicas)).await;
        created.map_err(|failure| failure.into_error(OPERATION))
    }
}

impl MirrorConfig {
    fn config(&self, replicas: usize) -> Config {
        let external = External { api_prefix: api_of(&self.domain), delivery_prefix: None };
        Config {
            name: self.stream.clone(),
            mirror: Some(Source {
                name: self.stream.clone(),
                external: Some(external),
                ..Source::default()
            }),
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            num_replicas: replicas,
            max_bytes: -1,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_message_size: -1,
            max_consumers: -1,
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            ..Config::default()
        }
    }
}

/// Everything in `config` by which the copy could lose what it has, or that is not what was asked for.
fn broken_promises(config: &Config, wanted: &MirrorConfig) -> Vec<String> {
    let is_mirror = config.mirror.as_ref().is_some_and(|source| {
        let api = source.external.as_ref().map(|external| external.api_prefix.as_str());
        source.name == wanted.stream && api == Some(api_of(&wanted.domain).as_str())
    });
    let mut reasons = Vec::new();
    if !is_mirror {
        reasons.push(format!("it must mirror {} of domain {}", wanted.stream, wanted.domain));
    }
    let rules = [
        (config.storage != StorageType::File, "storage must be file"),
        (!config.max_age.is_zero(), "max_age must be 0"),
        (config.max_messages > 0, "max_msgs must be -1"),
        (config.max_bytes > 0, "max_bytes must be -1"),
        (!config.deny_delete, "deny_delete must be true"),
        (!config.deny_purge, "deny_purge must be true"),
        (!config.allow_direct, "allow_direct must be true"),
    ];
    let broken = rules.iter().filter(|(broken, _)| *broken);
    reasons.extend(broken.map(|(_, reason)| (*reason).to_owned()));
    reasons
}

/// Where the API of another domain is reached.
fn api_of(domain: &str) -> String {
    format!("$JS.{domain}.API")
}

#[cfg(test)]
mod tests;
