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

use super::api::Failure;
use super::streams::losses;
use super::{Connection, JetStreamStore};
use crate::{BoxError, Error, Recorded};

const HOUR_S: i64 = 3_600;
/// Five years, with the most leap days that they have: no commit is dropped that is younger (R23.2), whatever was released.
const AGE_MIN: SignedDuration = SignedDuration::from_secs((5 * 365 + 2) * 24 * HOUR_S);
/// What is left of what may be dropped: that which came so long before the last of it.
const LEFT: SignedDuration = SignedDuration::from_secs(30 * 24 * HOUR_S);
/// How long the server may take to drop it.
const DROP_TIMEOUT: Duration = Duration::from_secs(600);

/// What a stream is to drop.
#[derive(Clone, Debug)]
pub struct Droppable {
    /// The last commit of it, as archives hold it.
    pub last: Recorded,
    /// Until when it stays, by the event store's clock: those who read have to know by then that it is in archives.
    pub not_before: Timestamp,
}

/// Why commits were not dropped, or not all of them. It may be tried again.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// Those who read may not know yet.
    #[error(
        "commits of stream {stream} stay until {not_before}, and it is {now} by the event store's clock"
    )]
    TooEarly {
        /// The stream.
        stream: String,
        /// Until when they stay.
        not_before: Timestamp,
        /// What time it is.
        now: Timestamp,
    },
    /// It is another stream than the one that was archived.
    #[error(
        "commit {sequence} of stream {stream} is not the one that is archived: is this the event store of that platform?"
    )]
    Other {
        /// The stream.
        stream: String,
        /// The last commit that was to be dropped.
        sequence: u64,
    },
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
    /// Has a stream drop commits that archives hold: of those up to the last, the ones that were received more than 30 days before it.
    /// Whoever calls it has verified the archives, and seen the release in the audit log. Answers the sequence of the first commit that is
    /// left. May be repeated, and is to be, if it was interrupted: until then the audit service says that the stream could lose events, and
    /// no service starts that writes to it. Needs leave to change streams.
    ///
    /// # Errors
    /// It is too early, they are too young or others, or the stream or the server do not allow it.
    #[tracing::instrument(
        level = "debug",
        skip_all,
        fields(stream = what.last.stream, last = what.last.sequence),
        err(level = "debug")
    )]
    pub async fn drop_released(&self, what: &Droppable) -> Result<u64, DropError> {
        let (connection, stream) = (&self.connection, what.last.stream.as_str());
        let told = connection.told(stream).await?;
        let unlimited = Config { max_age: Duration::ZERO, ..told.config.clone() };
        let reasons = losses(&unlimited, 1);
        if !reasons.is_empty() {
            return Err(DropError::Unsafe { stream: stream.to_owned(), reasons });
        }
        let dropped = match what.last.sequence >= told.first_sequence {
            true => connection.expire(what, &unlimited, told.now).await,
            false => Ok(()),
        };
        // Whatever came of it: from now on the stream keeps all that it has.
        let kept = connection.set(&unlimited, |_| true).await;
        dropped?;
        Ok(kept?.first_sequence)
    }
}

impl Connection {
    /// Has the server drop what is older than a month before the last commit, and waits until it has.
    async fn expire(
        &self,
        what: &Droppable,
        config: &Config,
        now: Timestamp,
    ) -> Result<(), DropError> {
        let Droppable { last, not_before } = what;
        let (stream, sequence, recorded_at) =
            (last.stream.clone(), last.sequence, last.recorded_at);
        if now < *not_before {
            return Err(DropError::TooEarly { stream, not_before: *not_before, now });
        }
        let stored = self.load(&last.subject, sequence - 1).await?;
        if stored.first() != Some(last) {
            return Err(DropError::Other { stream, sequence });
        }
        let age = now.duration_since(recorded_at);
        if age < AGE_MIN {
            return Err(DropError::TooYoung { stream, sequence, recorded_at });
        }
        let max_age = Duration::try_from(age + LEFT).unwrap_or(Duration::MAX);
        let is_done = |told: &Told| {
            told.first_recorded_at >= recorded_at - LEFT || told.first_sequence >= sequence
        };
        self.set(&Config { max_age, ..config.clone() }, is_done).await.map(|_| ())
    }

    /// Sets the stream's age, and waits until that has had its effect. The server answers an update once it has dropped everything, which may
    /// take longer than any answer: it is not sent again while it is under way.
    async fn set(
        &self,
        config: &Config,
        is_done: impl Fn(&Told) -> bool,
    ) -> Result<Told, DropError> {
        let stream = &config.name;
        let (begun, mut backoff) = (Instant::now(), self.backoff());
        loop {
            match self.told(stream).await {
                Ok(told) if told.config.max_age == config.max_age && is_done(&told) => {
                    return Ok(told);
                }
                Ok(told) if told.config.max_age == config.max_age => {}
                Ok(_) => match self.api::<Info>(format!("STREAM.UPDATE.{stream}"), config).await {
                    Ok(_) | Err(Failure::Lost(_)) => {}
                    Err(refused) => {
                        return Err(refused.about(stream, "change the stream").into());
                    }
                },
                Err(Error::Unavailable { .. }) if begun.elapsed() < DROP_TIMEOUT => {}
                Err(error) => return Err(error.into()),
            }
            if begun.elapsed() > DROP_TIMEOUT {
                return Err(DropError::Unfinished { stream: stream.clone() });
            }
            backoff.wait().await;
        }
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
}

fn time(operation: &'static str, text: &str) -> Result<Timestamp, Error> {
    text.parse().map_err(|source: jiff::Error| {
        let source: BoxError = source.into();
        Error::Unavailable { operation, source }
    })
}
