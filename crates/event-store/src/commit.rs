//! A commit on its way into a stream, and out of it.

use std::fmt::Display;
use std::str::FromStr;

use bytes::Bytes;
use jiff::Timestamp;
use prost::Message as _;
use publicdata_proto::event::v1::Commit;
use publicdata_types::CommandId;

use crate::{Error, Subject};

/// What one command does to one aggregate: stored whole or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCommit {
    /// The command that caused it.
    pub command_id: CommandId,
    /// Who acts, as a SPIFFE id.
    pub actor: String,
    /// When the service decided, by its own clock.
    pub occurred_at: Timestamp,
    /// The trace that the command belongs to (W3C trace context).
    pub traceparent: Option<String>,
    /// What happened, in order.
    pub events: Vec<prost_types::Any>,
}

impl NewCommit {
    /// The bytes that are stored, and hashed by the audit log.
    #[must_use]
    pub fn encode(self) -> Bytes {
        let commit = Commit {
            command_id: self.command_id.to_string(),
            actor: self.actor,
            occurred_at: Some(to_proto(self.occurred_at)),
            events: self.events,
        };
        commit.encode_to_vec().into()
    }

    /// The headers that help routing and tracing.
    pub(crate) fn headers(&self, subject: &Subject) -> Vec<(&'static str, String)> {
        headers(subject, self.command_id.to_string(), Some(self.occurred_at), self.trace())
    }

    /// The trace context, if it can stand in a header: whoever sends one with a line break gets no trace, and no header of
    /// its own.
    pub(crate) fn trace(&self) -> Option<&str> {
        self.traceparent.as_deref().filter(|trace| is_plain(trace))
    }
}

/// A commit as it stands in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The stream.
    pub stream: String,
    /// The place in the stream: 1, 2, 3 and so on, without gaps. Also the revision of the aggregate.
    pub sequence: u64,
    /// The aggregate.
    pub subject: Subject,
    /// When the store received it, by the store's clock.
    pub recorded_at: Timestamp,
    /// The message id, which is the command id.
    pub message_id: String,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
    /// The stored bytes, exactly. Whoever hashes a commit hashes these.
    pub payload: Bytes,
}

impl Recorded {
    /// Decodes the payload.
    ///
    /// # Errors
    /// If it is no commit.
    pub fn commit(&self) -> Result<Commit, Error> {
        Commit::decode(self.payload.clone()).map_err(|source| self.malformed(source))
    }

    /// The command that caused the commit, as the payload says.
    ///
    /// # Errors
    /// If the payload is no commit, or holds no command id.
    pub fn command_id(&self) -> Result<CommandId, Error> {
        parse_command_id(self, &self.commit()?)
    }

    /// The headers that it was stored with, but for its id; none but the trace, if it is no commit.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let trace = self.traceparent.as_deref().filter(|trace| is_plain(trace));
        match self.commit() {
            Ok(commit) => {
                let occurred_at = commit.occurred_at.as_ref().and_then(from_proto);
                headers(&self.subject, commit.command_id, occurred_at, trace)
            }
            Err(_) => trace.map(|trace| ("traceparent", trace.to_owned())).into_iter().collect(),
        }
    }

    pub(crate) fn malformed(&self, source: impl Into<crate::BoxError>) -> Error {
        Error::Malformed {
            stream: self.stream.clone(),
            sequence: self.sequence,
            source: source.into(),
        }
    }
}

pub(crate) fn parse_command_id(recorded: &Recorded, commit: &Commit) -> Result<CommandId, Error> {
    CommandId::from_str(&commit.command_id).map_err(|source| recorded.malformed(source))
}

/// Where a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The sequence of the commit in its stream.
    pub sequence: u64,
    /// Whether the commit was found stored already, by an earlier call or by an attempt whose acknowledgement was lost.
    pub repeated: bool,
}

/// CloudEvents in the binary mode of its NATS binding, and the trace context.
fn headers(
    subject: &Subject,
    id: String,
    occurred_at: Option<Timestamp>,
    trace: Option<&str>,
) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", id),
        ("ce-source", format!("/publicdata/{}", subject.service())),
        ("ce-type", "publicdata.event.v1.Commit".to_owned()),
        ("ce-subject", subject.to_string()),
    ];
    headers.extend(occurred_at.map(|time| ("ce-time", time.to_string())));
    headers.push(("content-type", "application/protobuf".to_owned()));
    headers.extend(trace.map(|trace| ("traceparent", trace.to_owned())));
    headers
}

/// Whether it can stand in a header: a line break would begin another one.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn from_proto(time: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}

fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    const SECOND: i128 = 1_000_000_000;

    let nanoseconds = time.as_nanosecond();
    // A jiff timestamp spans 20,000 years: its seconds fit an i64, and what is left of a second an i32.
    let seconds = i64::try_from(nanoseconds.div_euclid(SECOND)).unwrap_or_default();
    let nanos = i32::try_from(nanoseconds.rem_euclid(SECOND)).unwrap_or_default();
    prost_types::Timestamp { seconds, nanos }
}

/// What a message lacks that every commit has.
#[derive(Debug, thiserror::Error)]
#[error("{what} is missing or wrong: {found}")]
pub(crate) struct Unreadable {
    what: &'static str,
    found: String,
}

impl Unreadable {
    pub(crate) fn new(what: &'static str, found: impl Display) -> Self {
        Self { what, found: found.to_string() }
    }
}
