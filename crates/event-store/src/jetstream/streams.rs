//! Making streams that cannot lose commits, and refusing those that can.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, PersistenceMode, RetentionPolicy, StorageType,
};

use super::{JetStreamStore, SetupError};
use crate::Error;
use crate::subject::all_of;

/// The server's own duplicate window, two minutes.
pub const DUPLICATE_WINDOW_OF_SERVER: Duration = Duration::ZERO;

/// What can be chosen about a stream. All else follows from what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// The stream, such as `CATALOG`: the service in capitals.
    pub name: String,
    /// The subjects that it holds.
    pub subjects: Vec<String>,
    /// How many servers hold it: 1, or 3 in production.
    pub replicas: usize,
    /// How long the server recognises a message id. Nothing rests on it, so tests may make it tiny.
    pub duplicate_window: Duration,
}

impl StreamOptions {
    /// The stream that holds all aggregates of the service of the same name.
    #[must_use]
    pub fn new(name: impl Into<String>, replicas: usize) -> Self {
        let name = name.into();
        let subjects = vec![all_of(&name)];
        Self { name, subjects, replicas, duplicate_window: DUPLICATE_WINDOW_OF_SERVER }
    }

    pub(crate) fn config(&self) -> Config {
        Config {
            subjects: self.subjects.clone(),
            duplicate_window: self.duplicate_window,
            allow_atomic_publish: true,
            ..lasting(&self.name, self.replicas)
        }
    }
}

/// A stream that keeps what it has, with what is in it left open.
pub(super) fn lasting(name: &str, replicas: usize) -> Config {
    Config {
        name: name.to_owned(),
        retention: RetentionPolicy::Limits,
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

impl JetStreamStore {
    /// Creates the stream `name` for the service of that name, unless it exists, and verifies that it keeps the promise.
    ///
    /// # Errors
    /// [`SetupError::Stream`] names everything that is wrong with a stream that exists.
    pub async fn ensure_stream(
        &self,
        name: &str,
        subjects: &[String],
        replicas: usize,
    ) -> Result<(), SetupError> {
        let subjects = subjects.to_vec();
        self.ensure_stream_with(StreamOptions { subjects, ..StreamOptions::new(name, replicas) })
            .await
    }

    /// As [`ensure_stream`](Self::ensure_stream), with every choice there is.
    ///
    /// # Errors
    /// As for [`ensure_stream`](Self::ensure_stream).
    #[tracing::instrument(level = "debug", skip_all, fields(stream = options.name), err(level = "debug"))]
    pub async fn ensure_stream_with(&self, options: StreamOptions) -> Result<(), SetupError> {
        let info = self.connection.retrying(|| self.create_or_describe(options.config())).await?;
        let reasons = broken_promises(&info.config, &options);
        if reasons.is_empty() {
            return Ok(());
        }
        Err(SetupError::Stream { stream: options.name, reasons })
    }

    /// The stream as it is, which is made if there is none.
    pub(super) async fn create_or_describe(&self, config: Config) -> Result<Info, Error> {
        const OPERATION: &str = "create the stream";

        match self.connection.info(&config.name).await {
            Ok(info) => return Ok(info),
            Err(failure) if failure.is(ErrorCode::STREAM_NOT_FOUND) => {}
            Err(failure) => return Err(failure.into_error(OPERATION)),
        }
        let call = format!("STREAM.CREATE.{}", config.name);
        match self.connection.api(call, &config).await {
            Ok(info) => Ok(info),
            // Several processes start at once, and another one was faster.
            Err(failure) if failure.is(ErrorCode::STREAM_NAME_EXIST) => self
                .connection
                .info(&config.name)
                .await
                .map_err(|failure| failure.into_error(OPERATION)),
            Err(failure) => Err(failure.into_error(OPERATION)),
        }
    }
}

/// Everything in `config` by which commits could be lost, or that is not what was asked for.
fn broken_promises(config: &Config, wanted: &StreamOptions) -> Vec<String> {
    let copies = config.mirror.is_some() || config.sources.as_ref().is_some_and(|s| !s.is_empty());
    let mut reasons = losses(config, wanted.replicas);
    let rules = [
        (!config.allow_atomic_publish, "allow_atomic must be true"),
        (copies, "mirror and sources must be absent"),
    ];
    reasons.extend(named(&rules));
    if config.subjects != wanted.subjects {
        reasons.push(format!("subjects must be {}", wanted.subjects.join(", ")));
    }
    reasons
}

/// Everything in `config` by which a stream could lose what it has.
pub(super) fn losses(config: &Config, replicas: usize) -> Vec<String> {
    let limited = |limit: i64| limit > 0;
    let transforms = config.subject_transform.is_some();
    let rules = [
        (config.storage != StorageType::File, "storage must be file"),
        (config.retention != RetentionPolicy::Limits, "retention must be limits"),
        (config.discard != DiscardPolicy::New, "discard must be new"),
        (!config.max_age.is_zero(), "max_age must be 0"),
        (limited(config.max_messages), "max_msgs must be -1"),
        (limited(config.max_bytes), "max_bytes must be -1"),
        (limited(config.max_messages_per_subject), "max_msgs_per_subject must be -1"),
        (limited(config.max_message_size.into()), "max_msg_size must be -1"),
        (!config.deny_delete, "deny_delete must be true"),
        (!config.deny_purge, "deny_purge must be true"),
        (!config.allow_direct, "allow_direct must be true"),
        (config.allow_rollup, "allow_rollup_hdrs must be false"),
        (config.allow_message_ttl, "allow_msg_ttl must be false"),
        (config.subject_delete_marker_ttl.is_some(), "subject_delete_marker_ttl must be absent"),
        (config.allow_message_counter, "allow_msg_counter must be false"),
        (config.allow_message_schedules, "allow_msg_schedules must be false"),
        (config.persist_mode == Some(PersistenceMode::Async), "persist_mode must not be async"),
        (config.no_ack, "no_ack must be false"),
        (config.sealed, "sealed must be false"),
        (transforms, "subject_transform must be absent"),
    ];
    let mut reasons: Vec<String> = named(&rules).collect();
    if config.num_replicas < replicas {
        reasons.push(format!("num_replicas must be {replicas}"));
    }
    reasons
}

fn named(rules: &[(bool, &str)]) -> impl Iterator<Item = String> {
    rules.iter().filter(|(broken, _)| *broken).map(|(_, reason)| (*reason).to_owned())
}

#[cfg(test)]
mod tests;
