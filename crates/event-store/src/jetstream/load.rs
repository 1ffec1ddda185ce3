//! Reading one aggregate: direct get in batches (ADR-31), so that no consumer is made for it.

use std::str::FromStr;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::{HeaderMap, Message, StatusCode, Subscriber};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{Connection, headers};
use crate::commit::Unreadable;
use crate::{BoxError, Error, Recorded, Subject};

const OPERATION: &str = "load";
const BATCH_COMMITS: u64 = 1_000;
const END_OF_BATCH: u16 = 204;

/// Commits in one answer.
struct Batch {
    commits: Vec<Recorded>,
    complete: bool,
}

impl Connection {
    pub(super) async fn load(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        let mut commits: Vec<Recorded> = Vec::new();
        loop {
            let last = commits.last().map_or(after, |recorded| recorded.sequence);
            let batch = self.retrying(|| self.batch(subject, last)).await?;
            commits.extend(batch.commits);
            if batch.complete {
                return Ok(commits);
            }
        }
    }

    /// Asks the leader for the aggregate's last sequence, then any replica for the commits up to there.
    pub(super) async fn tail(&self, subject: &Subject, after: u64) -> Result<Vec<Recorded>, Error> {
        let last = self.retrying(|| self.last_of(subject)).await?;
        if last <= after {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + self.options.call_timeout;
        let mut backoff = self.backoff();
        loop {
            let commits = self.load(subject, after).await?;
            if commits.last().is_some_and(|recorded| recorded.sequence >= last) {
                return Ok(commits);
            }
            if Instant::now() > deadline {
                return Err(Error::unavailable(OPERATION, "replica lags behind its leader"));
            }
            backoff.wait().await;
        }
    }

    /// The leader's last sequence of `subject`, 0 if there is none.
    async fn last_of(&self, subject: &Subject) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Answer {
            message: Last,
        }
        #[derive(Deserialize)]
        struct Last {
            seq: u64,
        }

        let stream = subject.stream();
        let call = format!("STREAM.MSG.GET.{stream}");
        match self.api::<Answer>(call, &json!({ "last_by_subj": subject.as_str() })).await {
            Ok(answer) => Ok(answer.message.seq),
            Err(failure) if failure.is(ErrorCode::NO_MESSAGE_FOUND) => Ok(0),
            Err(failure) => Err(failure.about(&stream, OPERATION)),
        }
    }

    /// Up to [`BATCH_COMMITS`] commits after sequence `after`, in one round trip.
    async fn batch(&self, subject: &Subject, after: u64) -> Result<Batch, Error> {
        let request = json!({
            "seq": after + 1,
            "next_by_subj": subject.as_str(),
            "batch": BATCH_COMMITS,
        });
        let inbox = self.client.new_inbox();
        let replies = self
            .client
            .subscribe(inbox.clone())
            .await
            .map_err(|source| Error::unavailable(OPERATION, source))?;
        let call = format!("$JS.API.DIRECT.GET.{}", subject.stream());
        self.client
            .publish_with_reply(call, inbox, request.to_string().into())
            .await
            .map_err(|source| Error::unavailable(OPERATION, source))?;
        collect(replies, &subject.stream(), self.options.attempt_timeout).await
    }
}

/// Takes messages up to the end of the batch, and makes sure that none was lost on the way.
async fn collect(mut replies: Subscriber, stream: &str, timeout: Duration) -> Result<Batch, Error> {
    let deadline = Instant::now() + timeout;
    let mut commits: Vec<Recorded> = Vec::new();
    let mut last = 0;
    loop {
        let reply = match timeout_at(deadline, replies.next()).await {
            Ok(Some(reply)) => reply,
            Ok(None) => return Err(Error::unavailable(OPERATION, "connection is closed")),
            Err(elapsed) => return Err(Error::unavailable(OPERATION, elapsed)),
        };
        match reply.status.map(|status| status.as_u16()) {
            None => {
                follows(&reply, last)?;
                let recorded = recorded(reply, stream)?;
                last = recorded.sequence;
                commits.push(recorded);
            }
            Some(END_OF_BATCH) => {
                follows(&reply, last)?;
                let complete =
                    header(&reply, headers::PENDING).is_none_or(|pending| pending == "0");
                return Ok(Batch { commits, complete });
            }
            Some(status) if status == StatusCode::NOT_FOUND.as_u16() => {
                return Ok(Batch { commits, complete: true });
            }
            Some(status) => {
                let answer = format!("answer {status} {}", reply.description.unwrap_or_default());
                return Err(Error::unavailable(OPERATION, answer));
            }
        }
    }
}

/// Each message of a batch names the one before it.
fn follows(reply: &Message, last: u64) -> Result<(), Error> {
    let before = header(reply, headers::LAST_SEQUENCE);
    if before == Some(&last.to_string()) {
        return Ok(());
    }
    Err(Error::unavailable(OPERATION, Unreadable::new("previous message of the batch", last)))
}

fn recorded(reply: Message, stream: &str) -> Result<Recorded, Error> {
    let map = reply.headers.unwrap_or_default();
    let sequence =
        parse(&map, headers::SEQUENCE).map_err(|source| Error::unavailable(OPERATION, source))?;
    let malformed =
        |source: BoxError| Error::Malformed { stream: stream.to_owned(), sequence, source };
    Ok(Recorded {
        stream: stream.to_owned(),
        sequence,
        subject: parse(&map, headers::SUBJECT).map_err(malformed)?,
        recorded_at: parse(&map, headers::TIME).map_err(malformed)?,
        message_id: text(&map, headers::MESSAGE_ID).unwrap_or_default().to_owned(),
        traceparent: text(&map, headers::TRACE).map(str::to_owned),
        payload: reply.payload,
    })
}

fn parse<T: FromStr<Err: Into<BoxError>>>(
    map: &HeaderMap,
    name: &'static str,
) -> Result<T, BoxError> {
    match text(map, name) {
        Some(text) => text.parse().map_err(Into::into),
        None => Err(Unreadable::new(name, "nothing").into()),
    }
}

fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    text(message.headers.as_ref()?, name)
}

/// The last value: a publisher cannot pass its own off as the server's, which are added at the end.
pub(super) fn text<'a>(map: &'a HeaderMap, name: &str) -> Option<&'a str> {
    map.get_last(name).map(async_nats::HeaderValue::as_str)
}
