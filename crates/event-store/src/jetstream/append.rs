//! Appending once, however often it takes.

use std::error::Error as _;

use async_nats::jetstream;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use publicdata_types::CommandId;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::{Connection, headers};
use crate::{AppendError, Appended, Error, NewCommit, Subject};

const OPERATION: &str = "append";

/// Another write to the subject is on its way through the replicas. `ErrorCode` has no name for it.
const SUBJECT_BUSY: ErrorCode = ErrorCode(10164);

/// One commit as a message, to be sent as often as needed.
struct Outgoing<'a> {
    subject: &'a Subject,
    expected_last: u64,
    command_id: CommandId,
    message: PublishMessage,
}

/// What one attempt came to.
enum Attempt {
    Acknowledged(PublishAck),
    Conflict,
    /// It may have been stored or not.
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
            match self.attempt(&outgoing).await {
                Attempt::Acknowledged(ack) if !ack.duplicate => {
                    return Ok(Appended { sequence: ack.sequence, repeated: false });
                }
                Attempt::Acknowledged(ack) => return self.duplicate(&outgoing, ack.sequence).await,
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

        let mut message = PublishMessage::build().payload(payload);
        for (name, value) in lines {
            message = message.header(name, value);
        }
        Ok(Outgoing { subject, expected_last, command_id, message })
    }

    async fn attempt(&self, outgoing: &Outgoing<'_>) -> Attempt {
        let sent = self
            .jetstream
            .send_publish(outgoing.subject.as_str().to_owned(), outgoing.message.clone())
            .await;
        let answer = match sent {
            Ok(acknowledgement) => acknowledgement.await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(ack) => Attempt::Acknowledged(ack),
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

fn is_conflict(error: &PublishError) -> bool {
    let refusal = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    refusal.is_some_and(|refusal| {
        let code = refusal.error_code();
        code == ErrorCode::STREAM_WRONG_LAST_SEQUENCE || code == SUBJECT_BUSY
    })
}

fn give_up(subject: &Subject, error: PublishError) -> Error {
    if error.kind() == PublishErrorKind::StreamNotFound {
        return Error::UnknownStream { stream: subject.stream() };
    }
    Error::unavailable(OPERATION, error)
}

#[cfg(test)]
mod tests;
