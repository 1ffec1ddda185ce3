//! A place in a stream from which it goes on, whatever happens to consumers, connections and servers.

use std::sync::Arc;

use async_nats::jetstream::ErrorCode;
use futures::{StreamExt, stream};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::Instant;

use super::Connection;
use super::pull::{Delivered, Pull};
use crate::retry::Backoff;
use crate::{Commits, Error, Recorded};

/// A stream that is missing, or too short, may be one that a server is still reading from its disk: wait for so many deadlines.
const PATIENCE_CALLS: u32 = 3;

/// The commits from `cursor` on, up to where `until` says, or to where the cursor ends.
pub(super) fn commits(
    cursor: Cursor,
    until: impl Fn(&Recorded) -> Until + Send + 'static,
) -> Commits {
    let commits = stream::unfold((Some(cursor), until), |(cursor, until)| async move {
        let mut cursor = cursor?;
        let item = cursor.next().await.transpose()?;
        let rest = match &item {
            Ok(recorded) => match until(recorded) {
                Until::Before => return None,
                Until::Here => None,
                Until::Later => Some(cursor),
            },
            Err(Error::Malformed { .. }) => Some(cursor),
            Err(_) => None,
        };
        Some((item, (rest, until)))
    });
    commits.boxed()
}

/// Where a stream of commits ends, seen from one of them.
pub(super) enum Until {
    /// Before this commit.
    Before,
    /// With this commit.
    Here,
    /// Later or never.
    Later,
}

/// Reads a stream in order, without gaps or doubles.
pub(super) struct Cursor {
    connection: Arc<Connection>,
    stream: String,
    /// The sequence that was read last.
    last: u64,
    pull: Option<Pull>,
    /// Whether it ends where nothing is left, though the stream's last sequence was never seen: its last commits may be lost.
    ends: bool,
    backoff: Backoff,
    /// Since when the stream has been missing or too short.
    damaged_since: Option<Instant>,
}

impl Cursor {
    /// Begins at sequence `from`; 0 and 1 both mean the first.
    pub(super) async fn open(
        connection: Arc<Connection>,
        stream: &str,
        from: u64,
    ) -> Result<Self, Error> {
        let last = from.saturating_sub(1);
        let pull = connection.retrying(|| Pull::open(&connection, stream, last + 1)).await?;
        let backoff = connection.backoff();
        let stream = stream.to_owned();
        Ok(Self {
            connection,
            stream,
            last,
            pull: Some(pull),
            ends: false,
            backoff,
            damaged_since: None,
        })
    }

    /// Does not wait for what is yet to come.
    pub(super) fn ending(self) -> Self {
        Self { ends: true, ..self }
    }

    /// Waits for the next commit; none is left only for one that [ends](Self::ending).
    ///
    /// # Errors
    /// [`Error::Malformed`] for a message that is no commit: what comes after it may be asked for. Nothing can follow any
    /// other error.
    pub(super) async fn next(&mut self) -> Result<Option<Recorded>, Error> {
        loop {
            let is_at_end = self.pull.as_ref().is_some_and(Pull::is_at_end);
            if self.ends && is_at_end && self.is_last().await? {
                return Ok(None);
            }
            let Some(pull) = &mut self.pull else {
                self.reopen().await?;
                continue;
            };
            match pull.next(&self.connection).await {
                Ok(Delivered { sequence, commit }) if sequence == self.last + 1 => {
                    self.last = sequence;
                    self.backoff.reset();
                    return commit.map(Some);
                }
                // The consumer left nothing out, so the stream has a hole.
                Ok(Delivered { sequence: found, .. }) => {
                    let (stream, expected) = (self.stream.clone(), self.last + 1);
                    return Err(Error::Gap { stream, expected, found });
                }
                Err(reason) => {
                    tracing::debug!(stream = self.stream, last = self.last, %reason, "subscribing again");
                    self.pull = None;
                }
            }
        }
    }

    /// Whether the stream's leader has nothing after what was read last.
    async fn is_last(&self) -> Result<bool, Error> {
        let call = || format!("STREAM.MSG.GET.{}", self.stream);
        let request = json!({ "seq": self.last + 1, "next_by_subj": ">" });
        let ask = || async {
            match self.connection.api::<IgnoredAny>(call(), &request).await {
                Ok(_) => Ok(false),
                Err(failure) if failure.is(ErrorCode::NO_MESSAGE_FOUND) => Ok(true),
                Err(failure) => Err(failure.about(&self.stream, "look for the next commit")),
            }
        };
        self.connection.retrying(ask).await
    }

    async fn reopen(&mut self) -> Result<(), Error> {
        let error = match self.consumer_after_last().await {
            Ok(pull) => {
                self.pull = Some(pull);
                self.damaged_since = None;
                return Ok(());
            }
            Err(error) => error,
        };
        match error {
            Error::Unavailable { .. } => {}
            Error::UnknownStream { .. }
            | Error::Gap { .. }
            | Error::Truncated { .. }
            | Error::Malformed { .. } => {
                let since = *self.damaged_since.get_or_insert_with(Instant::now);
                if since.elapsed() > self.connection.options.call_timeout * PATIENCE_CALLS {
                    return Err(error);
                }
            }
        }
        tracing::debug!(stream = self.stream, last = self.last, %error, "cannot subscribe yet");
        self.backoff.wait().await;
        Ok(())
    }

    /// A consumer that would begin beyond the stream's end waits there without a word: so the end is asked for first.
    async fn consumer_after_last(&self) -> Result<Pull, Error> {
        let last = self.connection.last_sequence(&self.stream).await?;
        if last < self.last {
            return Err(Error::Truncated { stream: self.stream.clone(), seen: self.last, last });
        }
        Pull::open(&self.connection, &self.stream, self.last + 1).await
    }
}
