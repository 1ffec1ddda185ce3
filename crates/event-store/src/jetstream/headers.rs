//! Names of message headers that the server sets or heeds.

pub(crate) const MESSAGE_ID: &str = "Nats-Msg-Id";
pub(super) const EXPECTED_STREAM: &str = "Nats-Expected-Stream";
pub(super) const EXPECTED_LAST: &str = "Nats-Expected-Last-Subject-Sequence";
pub(super) const SUBJECT: &str = "Nats-Subject";
pub(super) const SEQUENCE: &str = "Nats-Sequence";
pub(super) const LAST_SEQUENCE: &str = "Nats-Last-Sequence";
pub(super) const TIME: &str = "Nats-Time-Stamp";
pub(super) const PENDING: &str = "Nats-Num-Pending";
pub(super) const PENDING_MESSAGES: &str = "Nats-Pending-Messages";
pub(super) const LAST_CONSUMER: &str = "Nats-Last-Consumer";
pub(super) const TRACE: &str = "traceparent";
