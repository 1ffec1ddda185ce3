//! Dropping the oldest commits of a stream, once archives hold them.
//!
//! A stream denies that commits are deleted or purged, for good. What the server goes on to do is to drop what is older than the stream's
//! `max_age`, from the oldest on, up to the first commit that is not. So an age is set for as long as that takes, such that the last commit
//! that may go stays by itself, and what came in the month before it: what comes after it could not be dropped for a month, even if whoever
//! sets the age is killed before the end.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, Info};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::streams::losses;
use super::{Connection, JetStreamStore};
use crate::{BoxError, Error};

const HOUR_S: i64 = 3_600;
/// Five years, with the most leap days that they have: no commit is dropped that is younger (R23.2), whatever was released.
const AGE_MIN: SignedDuration = SignedDuration::from_secs((5 * 365 + 2) * 24 * HOUR_S);
/// What is left of what may be dropped: that which came so long before the last of it.
const LEFT: SignedDuration = SignedDuration::from_secs(30 * 24 * HOUR_S);
/// How long the server may take to drop it.
const DROP_TIMEOUT: Duration = Duration::from_secs(600);

/// Why commits were not dropped, or not all of them. It may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// They have to be kept.
    #[error(
        "commit {sequence} of stream {stream} was received at {recorded_at}: it is kept for five years (R23.2)"
    )]
    TooYoung {
        /// The stream.
        stream: String,
        /// The last commit that was to be dropped.
        sequence: u64,
        /// When it was received.
        recorded_at: Timestamp,
    },
    /// The stream could lose others.
    #[error("stream {stream} is not set up to keep events: {}; set that right first", reasons.join("; "))]
    Unsafe {
        /// The stream.
        stream: String,
        /// What is wrong with it.
        reasons: Vec<String>,
    },
    /// The server still has them.
    #[error("nats-server did not drop the oldest commits of stream {stream} in {} s; try again", DROP_TIMEOUT.as_secs())]
    Unfinished {
        /// The stream.
        stream: String,
    },
    /// Nobody answered, or not as expected.
    #[error(transparent)]
    Store(#[from] Error),
}

/// What the server says of a stream, by its clock.
struct Told {
    config: Config,
    first_sequence: u64,
    first_recorded_at: Timestamp,
    now: Timestamp,
}

impl JetStreamStore {
    /// Has `stream` drop commits, of which archives hold those up to `released`: of these, the ones that were received more than 30 days
    /// before the last. Whoever calls it has seen the release in the audit log, an hour ago at least. Answers the sequence of the first commit
    /// that is left. May be repeated, and is to be, if it was interrupted: until then the audit service says that the stream could lose
    /// events. Needs leave to change streams.
    ///
    /// # Errors
    /// They are too young, or the stream or the server do not allow it.
    #[tracing::instrument(level = "debug", skip(self), err(level = "debug"))]
    pub async fn drop_released(&self, stream: &str, released: u64) -> Result<u64, DropError> {
        let connection = &self.connection;
        let told = connection.told(stream).await?;
        let unlimited = Config { max_age: Duration::ZERO, ..told.config.clone() };
        let reasons = losses(&unlimited, 1);
        if !reasons.is_empty() {
            return Err(DropError::Unsafe { stream: stream.to_owned(), reasons });
        }
        let dropped = match released >= told.first_sequence {
            true => connection.expire(stream, released, &unlimited, told.now).await,
            false => Ok(()),
        };
        // Whatever came of it: from now on the stream keeps all that it has.
        connection.update(&unlimited).await?;
        dropped?;
        Ok(connection.told(stream).await?.first_sequence)
    }
}

impl Connection {
    /// Has the server drop what is older than a month before commit `last`, and waits until it has.
    async fn expire(
        &self,
        stream: &str,
        last: u64,
        config: &Config,
        now: Timestamp,
    ) -> Result<(), DropError> {
        let recorded_at = self.recorded_at(stream, last).await?;
        let age = now.duration_since(recorded_at);
        if age < AGE_MIN {
            let (stream, sequence) = (stream.to_owned(), last);
            return Err(DropError::TooYoung { stream, sequence, recorded_at });
        }
        let max_age = Duration::try_from(age + LEFT).unwrap_or(Duration::MAX);
        self.update(&Config { max_age, ..config.clone() }).await?;
        let (begun, mut backoff) = (Instant::now(), self.backoff());
        loop {
            let told = self.told(stream).await?;
            if told.first_recorded_at >= recorded_at - LEFT || told.first_sequence >= last {
                return Ok(());
            }
            if begun.elapsed() > DROP_TIMEOUT {
                return Err(DropError::Unfinished { stream: stream.to_owned() });
            }
            backoff.wait().await;
        }
    }

    async fn update(&self, config: &Config) -> Result<(), Error> {
        let call = || format!("STREAM.UPDATE.{}", config.name);
        let update = || async {
            let updated = self.api::<Info>(call(), config).await;
            updated.map_err(|failure| failure.about(&config.name, "change the stream"))
        };
        self.retrying(update).await.map(|_| ())
    }

    async fn told(&self, stream: &str) -> Result<Told, Error> {
        const OPERATION: &str = "describe the stream";

        #[derive(Deserialize)]
        struct Answer {
            ts: String,
            config: Config,
            state: State,
        }
        #[derive(Deserialize)]
        struct State {
            first_seq: u64,
            first_ts: String,
        }

        let ask = || async {
            let answer = self.api(format!("STREAM.INFO.{stream}"), &json!({})).await;
            answer.map_err(|failure| failure.about(stream, OPERATION))
        };
        let Answer { ts, config, state } = self.retrying(ask).await?;
        Ok(Told {
            config,
            first_sequence: state.first_seq.max(1),
            first_recorded_at: time(OPERATION, &state.first_ts)?,
            now: time(OPERATION, &ts)?,
        })
    }

    async fn recorded_at(&self, stream: &str, sequence: u64) -> Result<Timestamp, Error> {
        const OPERATION: &str = "look for the last commit to drop";

        #[derive(Deserialize)]
        struct Answer {
            message: Message,
        }
        #[derive(Deserialize)]
        struct Message {
            time: String,
        }

        let call = || format!("STREAM.MSG.GET.{stream}");
        let ask = || async {
            let answer = self.api::<Answer>(call(), &json!({ "seq": sequence })).await;
            answer.map_err(|failure| failure.about(stream, OPERATION))
        };
        time(OPERATION, &self.retrying(ask).await?.message.time)
    }
}

fn time(operation: &'static str, text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|source: jiff::Error| {
        let source: BoxError = source.into();
        Error::Unavailable { operation, source }
    })
}
