//! A pull consumer without acknowledgements, which tells when messages were lost on their way.

use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use futures::StreamExt;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::load::text;
use super::{Connection, headers, permissions};
use crate::commit::Unreadable;
use crate::{BoxError, Error, Recorded};

/// More in one request replay no faster; see the measurements in the architecture.
const BATCH_COMMITS: u64 = 1_000;
/// Bounds the memory that commits on their way take, together with [`BATCH_COMMITS`].
const BATCH_BYTES: u64 = 16 << 20;
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Without so much as a heartbeat for this long, the consumer is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(3);
const BATCH_COMPLETED: &str = "Batch Completed";
const EXPIRES: Duration = Duration::from_secs(30);
/// The server forgets a consumer that nobody has asked for so long.
const INACTIVE_MAX: Duration = Duration::from_secs(60);

/// A consumer that hands out every message of a stream, from one sequence on, exactly once. When it cannot promise that any
/// more, it says so, and another one takes its place.
pub(super) struct Pull {
    stream: String,
    requests: String,
    inbox: String,
    replies: Subscriber,
    epoch: watch::Receiver<u64>,
    /// Messages that were asked for and neither came nor expired.
    outstanding: u64,
    /// Messages that came: the consumer numbers them.
    received: u64,
    /// Messages that the stream had left, after the last one that came.
    pending: u64,
}

/// A message of the stream.
pub(super) struct Delivered {
    pub(super) sequence: u64,
    /// The message, unless it is no commit.
    pub(super) commit: Result<Recorded, Error>,
}

impl Pull {
    /// Makes a consumer of `stream` that begins at sequence `from`.
    pub(super) async fn open(
        connection: &Connection,
        stream: &str,
        from: u64,
    ) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Created {
            num_pending: u64,
        }
        const OPERATION: &str = "subscribe";

        let mut epoch = connection.epoch.clone();
        epoch.mark_unchanged();
        let name = permissions::consumer(&connection.options.service);
        let config = json!({
            "name": name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": from,
            "ack_policy": "none",
            "replay_policy": "instant",
            "inactive_threshold": INACTIVE_MAX.as_nanos(),
            "mem_storage": true,
            "num_replicas": 1,
        });
        let inbox = connection.client.new_inbox();
        let replies = connection
            .client
            .subscribe(inbox.clone())
            .await
            .map_err(|source| Error::unavailable(OPERATION, source))?;
        let request = json!({ "stream_name": stream, "config": config, "action": "create" });
        let call = format!("CONSUMER.CREATE.{stream}.{name}");
        let Created { num_pending } = connection
            .api(call, &request)
            .await
            .map_err(|failure| failure.about(stream, OPERATION))?;
        Ok(Self {
            stream: stream.to_owned(),
            requests: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
            inbox,
            replies,
            epoch,
            outstanding: 0,
            received: 0,
            pending: num_pending,
        })
    }

    /// Whether nothing was left to come when the last message came. The consumer's server may lag behind the stream's leader.
    pub(super) const fn is_at_end(&self) -> bool {
        self.pending == 0
    }

    /// The next message.
    ///
    /// # Errors
    /// If it cannot be told any more whether messages were lost. The pull is of no use from then on.
    pub(super) async fn next(&mut self, connection: &Connection) -> Result<Delivered, BoxError> {
        loop {
            self.request(connection).await?;
            let reply = tokio::select! {
                biased;
                changed = self.epoch.changed() => {
                    return Err(changed.map_or("connection is closed", |()| "connection was lost").into());
                }
                reply = timeout(SILENCE_MAX, self.replies.next()) => reply,
            };
            let reply = match reply {
                Ok(Some(reply)) => reply,
                Ok(None) => return Err("connection is closed".into()),
                Err(_) => return Err("consumer is silent".into()),
            };
            match reply.status {
                None => return self.delivered(reply),
                Some(status) => self.noted(status, &reply)?,
            }
        }
    }

    /// Keeps between half a batch and one and a half on the way.
    async fn request(&mut self, connection: &Connection) -> Result<(), BoxError> {
        if self.outstanding > BATCH_COMMITS / 2 {
            return Ok(());
        }
        let request = json!({
            "batch": BATCH_COMMITS,
            "max_bytes": BATCH_BYTES,
            "expires": EXPIRES.as_nanos(),
            "idle_heartbeat": HEARTBEAT.as_nanos(),
        });
        let (requests, inbox) = (self.requests.clone(), self.inbox.clone());
        connection.client.publish_with_reply(requests, inbox, request.to_string().into()).await?;
        self.outstanding += BATCH_COMMITS;
        Ok(())
    }

    fn delivered(&mut self, reply: Message) -> Result<Delivered, BoxError> {
        let place = Place::parse(reply.reply.as_deref().unwrap_or_default())?;
        if place.consumer_sequence != self.received + 1 {
            return Err(Unreadable::new("message of the consumer", self.received + 1).into());
        }
        self.received += 1;
        self.pending = place.pending;
        self.outstanding = self.outstanding.saturating_sub(1);
        let stream = self.stream.clone();
        let sequence = place.stream_sequence;
        let header = |name| reply.headers.as_ref().and_then(|map| text(map, name));
        let commit = match reply.subject.parse() {
            Ok(subject) => Ok(Recorded {
                stream,
                sequence,
                subject,
                recorded_at: place.recorded_at,
                message_id: header(headers::MESSAGE_ID).unwrap_or_default().to_owned(),
                traceparent: header(headers::TRACE).map(str::to_owned),
                payload: reply.payload,
            }),
            Err(source) => Err(Error::Malformed { stream, sequence, source: Box::new(source) }),
        };
        Ok(Delivered { sequence, commit })
    }

    fn noted(&mut self, status: StatusCode, reply: &Message) -> Result<(), BoxError> {
        let number = |name| {
            let text = text(reply.headers.as_ref()?, name)?;
            text.parse::<u64>().ok()
        };
        let description = reply.description.as_deref().unwrap_or_default();
        match status {
            StatusCode::IDLE_HEARTBEAT => match number(headers::LAST_CONSUMER) {
                // It has sent more than came: something was lost, and nothing may follow that would show it.
                Some(sent) if sent > self.received => {
                    Err(Unreadable::new("message of the consumer", sent).into())
                }
                Some(_) | None => Ok(()),
            },
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => {
                self.expired(number(headers::PENDING_MESSAGES))
            }
            // From 2.15 on, a request with a limit of bytes ends so, too, when all that it asked for has come.
            StatusCode::REQUEST_TERMINATED
                if description.contains("MaxBytes") || description == BATCH_COMPLETED =>
            {
                self.expired(number(headers::PENDING_MESSAGES))
            }
            status => Err(format!("consumer ended: {status} {description}").into()),
        }
    }

    /// One request came to its end, with so many messages undelivered.
    fn expired(&mut self, undelivered: Option<u64>) -> Result<(), BoxError> {
        self.outstanding = self.outstanding.saturating_sub(undelivered.unwrap_or(BATCH_COMMITS));
        Ok(())
    }
}

/// Where a message stands, as its reply subject says (ADR-15):
/// `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>[.<random>]`.
#[derive(Debug, PartialEq)]
struct Place {
    stream_sequence: u64,
    consumer_sequence: u64,
    recorded_at: Timestamp,
    pending: u64,
}

impl Place {
    fn parse(reply: &str) -> Result<Self, BoxError> {
        let unreadable = || Unreadable::new("reply subject", reply);

        let tokens: Vec<&str> = reply.split('.').collect();
        let first = match tokens.len() {
            9 => 5,
            11.. => 7,
            _ => return Err(unreadable().into()),
        };
        if tokens[..2] != ["$JS", "ACK"] {
            return Err(unreadable().into());
        }
        Ok(Self {
            stream_sequence: tokens[first].parse()?,
            consumer_sequence: tokens[first + 1].parse()?,
            recorded_at: Timestamp::from_nanosecond(tokens[first + 2].parse()?)?,
            pending: tokens[first + 3].parse()?,
        })
    }
}

#[cfg(test)]
mod tests;
