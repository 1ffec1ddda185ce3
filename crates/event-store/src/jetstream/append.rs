//! Appending once, however often it takes.

use std::error::Error as _;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use publicdata_types::CommandId;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::group::{Message, Turn};
use super::{Connection, headers};
use crate::{AppendError, Appended, Error, NewCommit, Subject};

const OPERATION: &str = "append";

/// One commit as a message, to be sent as often as needed.
struct Outgoing<'a> {
    subject: &'a Subject,
    expected_last: u64,
    command_id: CommandId,
    message: Message,
}

/// What one attempt came to.
enum Attempt {
    /// Stored at this sequence, by this attempt.
    Stored(u64),
    /// The server knows the message id from this sequence.
    Duplicate(u64),
    Conflict,
    /// It may have been stored or not, or is being stored.
    Uncertain(PublishError),
}

impl Connection {
    pub(super) async fn append(
        &self,
        subject: &Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<Appended, AppendError> {
        let outgoing = self.outgoing(subject, expected_last, commit)?;
        let deadline = Instant::now() + self.options.call_timeout;
        let mut backoff = self.backoff();
        loop {
            match self.attempt(&outgoing.message, deadline).await {
                Attempt::Stored(sequence) => return Ok(Appended { sequence, repeated: false }),
                Attempt::Duplicate(sequence) => return self.duplicate(&outgoing, sequence).await,
                Attempt::Conflict => return self.conflict(&outgoing).await,
                Attempt::Uncertain(error) if Instant::now() < deadline => {
                    tracing::debug!(%error, %subject, "append was not acknowledged");
                    backoff.wait().await;
                }
                Attempt::Uncertain(error) => return Err(give_up(subject, error).into()),
            }
        }
    }

    fn outgoing<'a>(
        &self,
        subject: &'a Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<Outgoing<'a>, AppendError> {
        let command_id = commit.command_id;
        let mut lines = commit.headers(subject);
        lines.extend([
            (headers::MESSAGE_ID, command_id.to_string()),
            (headers::EXPECTED_STREAM, subject.stream()),
            (headers::EXPECTED_LAST, expected_last.to_string()),
        ]);
        let payload: Bytes = commit.encode();

        let header_bytes: usize =
            lines.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let bytes = "NATS/1.0\r\n\r\n".len() + header_bytes + payload.len();
        let bytes_max = self.client.max_payload();
        if bytes > bytes_max {
            return Err(AppendError::TooLarge { subject: subject.clone(), bytes, bytes_max });
        }

        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(name, value);
        }
        let (stream, to) = (subject.stream(), subject.to_string());
        let message = Message { stream, subject: to, headers, payload, bytes };
        Ok(Outgoing { subject, expected_last, command_id, message })
    }

    /// Publishes the message, or has it published with others. What comes before it goes out alone ends at the deadline of the call.
    async fn attempt(&self, message: &Message, deadline: Instant) -> Attempt {
        let attempt_timeout = self.options.attempt_timeout;
        let turn = self.group.turn(message, patience(attempt_timeout, deadline)).await;
        let _permit = match turn {
            Turn::Stored(sequence) => return Attempt::Stored(sequence),
            Turn::Lead(batch) => {
                let patience = patience(attempt_timeout, deadline);
                match self.publish_together(message, batch, patience).await {
                    Some(sequence) => return Attempt::Stored(sequence),
                    None => self.group.alone(),
                }
            }
            Turn::Alone(permit) => permit,
        };
        let Message { subject, headers, payload, .. } = message.clone();
        let sent = self.jetstream.publish_with_headers(subject, headers, payload).await;
        let answer = match sent {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(ack) if ack.duplicate => Attempt::Duplicate(ack.sequence),
            Ok(ack) => Attempt::Stored(ack.sequence),
            Err(error) if is_conflict(&error) => Attempt::Conflict,
            Err(error) => Attempt::Uncertain(error),
        }
    }

    /// The message id was seen within the duplicate window. The server compares ids across the whole stream, so it has to be
    /// checked that the commit stands in this aggregate.
    async fn duplicate(
        &self,
        outgoing: &Outgoing<'_>,
        sequence: u64,
    ) -> Result<Appended, AppendError> {
        let found = self.retrying(|| self.subject_of(outgoing.subject, sequence)).await?;
        if found == outgoing.subject.as_str() {
            return Ok(Appended { sequence, repeated: true });
        }
        Err(AppendError::CommandIdTaken {
            subject: outgoing.subject.clone(),
            command_id: outgoing.command_id,
            sequence,
        })
    }

    /// Somebody has written to the aggregate: perhaps an earlier attempt at this very commit, whose acknowledgement was lost.
    async fn conflict(&self, outgoing: &Outgoing<'_>) -> Result<Appended, AppendError> {
        let Outgoing { subject, expected_last, command_id, .. } = *outgoing;
        let own = command_id.to_string();
        let tail = self.tail(subject, expected_last).await?;
        match tail.iter().find(|recorded| recorded.message_id == own) {
            Some(recorded) => Ok(Appended { sequence: recorded.sequence, repeated: true }),
            None => Err(AppendError::Conflict { subject: subject.clone(), expected_last }),
        }
    }

    async fn subject_of(&self, subject: &Subject, sequence: u64) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Answer {
            message: Message,
        }
        #[derive(Deserialize)]
        struct Message {
            subject: String,
        }

        let call = format!("STREAM.MSG.GET.{}", subject.stream());
        match self.api::<Answer>(call, &json!({ "seq": sequence })).await {
            Ok(answer) => Ok(answer.message.subject),
            Err(failure) => Err(failure.into_error(OPERATION)),
        }
    }
}

/// How long a part of an attempt may take: no longer than its call goes on.
fn patience(attempt_timeout: Duration, deadline: Instant) -> Duration {
    attempt_timeout.min(deadline.saturating_duration_since(Instant::now()))
}

/// Not 10164, with which several replicas answer while another write to the subject is on its way: it may be our own, of an
/// attempt whose acknowledgement was lost, and the tail does not show it yet. Once it has arrived, the answer is another one.
fn is_conflict(error: &PublishError) -> bool {
    let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    refusal.is_some_and(|refusal| refusal.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE)
}

fn give_up(subject: &Subject, error: PublishError) -> Error {
    if error.kind() == PublishErrorKind::StreamNotFound {
        return Error::UnknownStream { stream: subject.stream() };
    }
    Error::unavailable(OPERATION, error)
}

#[cfg(test)]
mod tests;
