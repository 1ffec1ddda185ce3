//! The client library's plain API, without what the store adds: the limit that benches hold the store against.

use std::time::Duration;

use async_nats::header::{
    HeaderMap, NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID,
};
use async_nats::jetstream::consumer::AckPolicy;
use async_nats::jetstream::consumer::pull::{self, OrderedConfig};
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use async_nats::{Client, ConnectOptions, jetstream};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::Value;

use crate::jetstream::ClientTls;
use crate::subject::all_of;
use crate::{BoxError, NewCommit, Subject};

/// What the server takes in one atomic batch.
pub const BATCH_COMMITS_MAX: usize = 1_000;
/// The server forgets a consumer that nobody has asked for so long.
const CONSUMER_INACTIVE_MAX: Duration = Duration::from_secs(60);

/// A plain connection. Cheap to clone; all clones share it.
#[derive(Clone, Debug)]
pub struct Raw {
    client: Client,
    jetstream: jetstream::Context,
}

impl Raw {
    /// Connects with the library's defaults.
    ///
    /// # Errors
    /// If no server answers at `url`.
    pub async fn connect(url: &str) -> Result<Self, BoxError> {
        let client = async_nats::connect(url).await?;
        let jetstream = jetstream::new(client.clone());
        Ok(Self { client, jetstream })
    }

    /// Connects as a service does, with its certificate and its inboxes.
    ///
    /// # Errors
    /// If the server does not let it in.
    pub async fn connect_as(url: &str, service: &str, tls: &ClientTls) -> Result<Self, BoxError> {
        let options = ConnectOptions::new()
            .custom_inbox_prefix(format!("_INBOX.{service}"))
            .require_tls(true)
            .add_root_certificates(tls.ca.clone())
            .add_client_certificate(tls.cert.clone(), tls.key.clone());
        let client = options.connect(url).await?;
        let jetstream = jetstream::new(client.clone());
        Ok(Self { client, jetstream })
    }

    /// Asks `$JS.API.<call>` without waiting for an answer: what is denied has none.
    ///
    /// # Errors
    /// If the connection is lost.
    pub async fn ask(&self, call: &str, request: &Value) -> Result<(), BoxError> {
        let (subject, inbox) = (format!("$JS.API.{call}"), self.client.new_inbox());
        let request = request.to_string().into();
        self.client.publish_with_reply(subject, inbox, request).await?;
        Ok(self.client.flush().await?)
    }

    /// The server's version.
    #[must_use]
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    /// Publishes, waits for the acknowledgement, and answers the sequence.
    ///
    /// # Errors
    /// If the message is not acknowledged.
    pub async fn publish(&self, subject: String, payload: Bytes) -> Result<u64, BoxError> {
        let acknowledgement = self.jetstream.publish(subject, payload).await?;
        Ok(acknowledgement.await?.sequence)
    }

    /// Publishes what the store publishes for an append, waits for the acknowledgement, and answers the sequence.
    ///
    /// # Errors
    /// If the message is not acknowledged.
    pub async fn append(
        &self,
        subject: &Subject,
        expected_last: u64,
        commit: NewCommit,
    ) -> Result<u64, BoxError> {
        let mut headers = headers(subject, &commit);
        headers.insert(NATS_EXPECTED_STREAM, subject.stream());
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected_last.to_string());
        let (subject, payload) = (subject.to_string(), commit.encode());
        let acknowledgement =
            self.jetstream.publish_with_headers(subject, headers, payload).await?;
        Ok(acknowledgement.await?.sequence)
    }

    /// Stores commits as the store would, but many at once, in an atomic batch of at most [`BATCH_COMMITS_MAX`], and without guards.
    ///
    /// # Errors
    /// As of [`append_all`](Self::append_all).
    pub async fn fill(
        &self,
        batch_id: &str,
        commits: Vec<(Subject, NewCommit)>,
    ) -> Result<(), BoxError> {
        let commits = commits.into_iter().map(|(subject, commit)| (subject, None, commit));
        self.append_all(batch_id, commits.collect()).await.map(drop)
    }

    /// Publishes what the store publishes for many appends in an atomic batch of at most [`BATCH_COMMITS_MAX`], with the sequences that are
    /// expected of their subjects, if any. Answers the sequence of the last.
    ///
    /// # Errors
    /// If there are none or too many, or if the batch is not acknowledged.
    pub async fn append_all(
        &self,
        batch_id: &str,
        commits: Vec<(Subject, Option<u64>, NewCommit)>,
    ) -> Result<u64, BoxError> {
        let count = commits.len();
        if count > BATCH_COMMITS_MAX {
            return Err(format!("a batch holds {BATCH_COMMITS_MAX} commits, not {count}").into());
        }
        for (index, (subject, expected_last, commit)) in commits.into_iter().enumerate() {
            let number = index + 1;
            let mut headers = headers(&subject, &commit);
            if let Some(expected_last) = expected_last {
                headers.insert(NATS_EXPECTED_STREAM, subject.stream());
                headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected_last.to_string());
            }
            headers.insert(NATS_BATCH_ID, batch_id);
            headers.insert(NATS_BATCH_SEQUENCE, number.to_string());
            let (subject, payload) = (subject.to_string(), commit.encode());
            if number < count {
                self.client.publish_with_headers(subject, headers, payload).await?;
                continue;
            }
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
            let stored = self.jetstream.publish_with_headers(subject, headers, payload).await?;
            return Ok(stored.await?.sequence);
        }
        Err("a batch has commits".into())
    }

    /// Makes the stream of the service with this name as an administrator could: so that messages may be deleted.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn make_deletable(&self, stream: &str) -> Result<(), BoxError> {
        let (name, subjects) = (stream.to_owned(), vec![all_of(stream)]);
        let config = Config { name, subjects, allow_direct: true, ..Config::default() };
        self.jetstream.create_stream(config).await?;
        Ok(())
    }

    /// Deletes one message, where the stream lets it.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn delete_message(&self, stream: &str, sequence: u64) -> Result<(), BoxError> {
        self.jetstream.get_stream(stream).await?.delete_message(sequence).await?;
        Ok(())
    }

    /// Keeps so many messages, the newest: no stream is safe from that.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn trim(&self, stream: &str, keep: i64) -> Result<(), BoxError> {
        let mut config = self.jetstream.get_stream(stream).await?.cached_info().config.clone();
        config.max_messages = keep;
        // The server drops what is too much only where newer messages would push it out.
        config.discard = DiscardPolicy::Old;
        self.jetstream.update_stream(config).await?;
        Ok(())
    }

    /// Drops messages of this age: no stream is safe from that. 0 for none.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn set_max_age(&self, stream: &str, age: Duration) -> Result<(), BoxError> {
        let mut config = self.jetstream.get_stream(stream).await?.cached_info().config.clone();
        config.max_age = age;
        self.jetstream.update_stream(config).await?;
        Ok(())
    }

    /// Deletes the stream and makes it anew, with the same messages but for the payload at `sequence`.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn rewrite(
        &self,
        stream: &str,
        sequence: u64,
        payload: Bytes,
    ) -> Result<(), BoxError> {
        let old = self.jetstream.get_stream(stream).await?;
        let (config, last) =
            (old.cached_info().config.clone(), old.cached_info().state.last_sequence);
        let mut messages = Vec::new();
        for place in 1..=last {
            messages.push(old.get_raw_message(place).await?);
        }
        self.jetstream.delete_stream(stream).await?;
        self.jetstream.create_stream(config).await?;
        for message in messages {
            let payload =
                if message.sequence == sequence { payload.clone() } else { message.payload };
            let subject = message.subject.to_string();
            self.jetstream.publish_with_headers(subject, message.headers, payload).await?.await?;
        }
        Ok(())
    }

    /// Reads `count` messages of `stream`, from the first on, through the library's own ordered consumer; answers the bytes
    /// of their payloads.
    ///
    /// # Errors
    /// If the consumer cannot be made, or ends early.
    pub async fn replay(&self, stream: &str, count: u64) -> Result<u64, BoxError> {
        let mut bytes = 0;
        self.read(stream, count, |payload| bytes += payload.len()).await?;
        Ok(u64::try_from(bytes)?)
    }

    /// The same, and hands over each payload.
    ///
    /// # Errors
    /// If the consumer cannot be made, or ends early.
    pub async fn read(
        &self,
        stream: &str,
        count: u64,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), BoxError> {
        let consumer =
            self.jetstream.create_consumer_on_stream(OrderedConfig::default(), stream).await?;
        let mut messages = consumer.messages().await?.take(usize::try_from(count)?);
        let mut read = 0;
        while let Some(message) = messages.next().await {
            read += 1;
            each(&message?.payload);
        }
        if read < count {
            return Err(format!("consumer of {stream} ended after {read} of {count}").into());
        }
        Ok(())
    }

    /// Reads `count` messages of `stream`, from the first on, so many at a time, through a pull consumer of the library's that acknowledges
    /// nothing; answers the bytes of their payloads.
    ///
    /// # Errors
    /// If the consumer cannot be made, or ends early.
    pub async fn read_in_batches(
        &self,
        stream: &str,
        count: u64,
        batch: usize,
    ) -> Result<u64, BoxError> {
        let config = pull::Config {
            ack_policy: AckPolicy::None,
            inactive_threshold: CONSUMER_INACTIVE_MAX,
            memory_storage: true,
            ..pull::Config::default()
        };
        let consumer = self.jetstream.create_consumer_on_stream(config, stream).await?;
        let (mut read, mut bytes) = (0, 0);
        while read < count {
            let mut messages = consumer.fetch().max_messages(batch).messages().await?;
            let before = read;
            while let Some(message) = messages.next().await {
                read += 1;
                bytes += u64::try_from(message?.payload.len())?;
            }
            if read == before {
                return Err(format!("consumer of {stream} ended after {read} of {count}").into());
            }
        }
        Ok(bytes)
    }
}

fn headers(subject: &Subject, commit: &NewCommit) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in commit.headers(subject) {
        headers.insert(name, value);
    }
    headers.insert(NATS_MESSAGE_ID, commit.command_id.to_string());
    headers
}
