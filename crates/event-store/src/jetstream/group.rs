//! Group commit: appends that have to wait anyway go out together, as one atomic batch (ADR-50), each with its own expectation.
//!
//! A server with one replica syncs each message, so messages cost the same however many are in flight; a batch is synced once,
//! and costs as much as [`BATCH_COMMITS_MIN`] messages do. So up to that many appends are in flight as single messages, and go
//! out at once. Those that come on top wait. As soon as a batch of them pays, the first of them sends it for all; the next one
//! gathers meanwhile. No task runs in between: whoever goes away leaves nothing behind but a turn for the next.
//!
//! A batch costs a server of 2.15.1 five syncs, however large it is: the file it is staged in, that file's description and its
//! checksum, each with its folder, and the stream. So all who write in one batch, as soon as the one before it is there, is the most that
//! can be had. Batches that overlap gain nothing, for the server works on one after the other; nor do its fast batches (ADR-50), whose
//! messages it syncs one by one.
//!
//! A batch is stored whole or not at all. If it is not, for whatever reason, or if that is not known, everybody in it goes on
//! alone, as if there had been none: so the one with the conflict has it alone, and what was stored is recognised.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
};
use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Connection;
use crate::BoxError;

/// The smallest batch, and how many single messages are in flight before anybody waits: about what a batch costs in messages.
const BATCH_COMMITS_MIN: usize = 16;
/// What a server takes unless it is told otherwise.
const BATCH_COMMITS_MAX: usize = 1_000;
/// What a server has to hold for a batch until it is complete.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How often others may run before the next batch goes out, though not all who were in the last one wait again.
const GATHERING_TURNS: usize = 16;

/// A commit as it is published.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) stream: String,
    pub(super) subject: String,
    pub(super) headers: HeaderMap,
    pub(super) payload: Bytes,
    /// Its size on the wire.
    pub(super) bytes: usize,
}

/// All appends of a connection.
#[derive(Debug, Default)]
pub(super) struct Group {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// How many single messages are in flight.
    alone: usize,
    /// Whether a batch is.
    batching: bool,
    /// No longer than there are callers, each of which holds the message anyway.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    turn: oneshot::Sender<Turn>,
}

/// What an append that has waited is to do.
#[derive(Debug)]
pub(super) enum Turn {
    /// Publish, and hold this until there is an answer.
    Alone(Permit),
    /// Publish with others.
    Lead(Batch),
    /// Nothing: another one has published it, and it was stored at this sequence.
    Stored(u64),
}

/// Those who wait for somebody to publish for them. When this is dropped, they go on alone.
#[derive(Debug)]
pub(super) struct Batch {
    followers: Vec<Waiting>,
    permit: Permit,
}

/// Something is in flight until this is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    group: Arc<Group>,
    flight: Flight,
}

#[derive(Clone, Copy, Debug)]
enum Flight {
    Alone,
    Batch,
}

impl Group {
    /// Waits for something to do, which nobody does for longer than `patience`.
    pub(super) async fn turn(self: &Arc<Self>, message: &Message, patience: Duration) -> Turn {
        let turn = {
            let mut queue = self.queue();
            if queue.is_open() {
                return Turn::Alone(queue.depart(self, Flight::Alone));
            }
            let (sender, turn) = oneshot::channel();
            queue.waiting.push_back(Waiting { message: message.clone(), turn: sender });
            turn
        };
        self.hand_out();
        match timeout(patience, turn).await {
            Ok(Ok(turn)) => turn,
            // The batch was not stored, or that is not known; or the turn does not come.
            Ok(Err(_)) | Err(_) => Turn::Alone(self.alone()),
        }
    }

    /// Goes at once, however many are in flight.
    pub(super) fn alone(self: &Arc<Self>) -> Permit {
        self.queue().depart(self, Flight::Alone)
    }

    /// Lets those who were just answered join the next batch, not miss it, if they have something to append again: what a batch costs
    /// hardly depends on how many are in it.
    async fn gather(&self, answered: usize) {
        for _ in 0..GATHERING_TURNS {
            tokio::task::yield_now().await;
            if self.queue().waiting.len() >= answered {
                return;
            }
        }
    }

    /// Tells those who wait that they may go, as far as they may.
    fn hand_out(self: &Arc<Self>) {
        loop {
            let Some((waiting, turn)) = self.queue().next(self) else { return };
            // If nobody waits any more, the turn is dropped, and with it the permit, outside of the lock.
            let _ = waiting.send(turn);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn is_open(&self) -> bool {
        !self.batching && self.waiting.is_empty() && self.alone < BATCH_COMMITS_MIN
    }

    fn depart(&mut self, group: &Arc<Group>, flight: Flight) -> Permit {
        match flight {
            Flight::Alone => self.alone += 1,
            Flight::Batch => self.batching = true,
        }
        Permit { group: Arc::clone(group), flight }
    }

    fn next(&mut self, group: &Arc<Group>) -> Option<(oneshot::Sender<Turn>, Turn)> {
        if self.batching {
            return None;
        }
        if let Some((leader, followers)) = take_batch(&mut self.waiting) {
            let permit = self.depart(group, Flight::Batch);
            return Some((leader.turn, Turn::Lead(Batch { followers, permit })));
        }
        if self.alone >= BATCH_COMMITS_MIN {
            return None;
        }
        let first = loop {
            let first = self.waiting.pop_front()?;
            if !first.turn.is_closed() {
                break first;
            }
        };
        Some((first.turn, Turn::Alone(self.depart(group, Flight::Alone))))
    }
}

/// The next batch, if enough are waiting to one stream: its leader, and those who follow. It has one commit of an aggregate at
/// most, since the server refuses an expectation about a subject that stands in the same batch before.
fn take_batch(waiting: &mut VecDeque<Waiting>) -> Option<(Waiting, Vec<Waiting>)> {
    if waiting.len() < BATCH_COMMITS_MIN {
        return None;
    }
    let stream = &waiting.front()?.message.stream;
    let (mut subjects, mut bytes) = (HashSet::new(), 0);
    let mut is_taken = |Waiting { message, turn }: &Waiting| {
        let fits = subjects.len() < BATCH_COMMITS_MAX && bytes + message.bytes <= BATCH_BYTES_MAX;
        let taken = fits
            && message.stream == *stream
            && !turn.is_closed()
            && subjects.insert(message.subject.clone());
        if taken {
            bytes += message.bytes;
        }
        taken
    };
    let taken: Vec<bool> = waiting.iter().map(&mut is_taken).collect();
    if taken.iter().filter(|taken| **taken).count() < BATCH_COMMITS_MIN {
        return None;
    }

    let (batch, rest): (Vec<_>, Vec<_>) =
        mem::take(waiting).into_iter().zip(taken).partition(|(_, taken)| *taken);
    waiting.extend(rest.into_iter().map(|(one, _)| one));
    let mut batch = batch.into_iter().map(|(one, _)| one);
    Some((batch.next()?, batch.collect()))
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut queue = self.group.queue();
            match self.flight {
                Flight::Alone => queue.alone -= 1,
                Flight::Batch => queue.batching = false,
            }
        }
        self.group.hand_out();
    }
}

impl Connection {
    /// Publishes one's own message and those of a batch, and tells the others where theirs are; `None` if the batch was not
    /// stored, or if that is not known within `patience`.
    pub(super) async fn publish_together(
        &self,
        own: &Message,
        batch: Batch,
        patience: Duration,
    ) -> Option<u64> {
        let Batch { followers, permit } = batch;
        let followed = followers.iter().map(|waiting| &waiting.message);
        let messages: Vec<&Message> = [own].into_iter().chain(followed).collect();
        let published = timeout(patience, self.publish_batch(&messages)).await;
        let first = match published.map_err(BoxError::from).flatten() {
            Ok(first) => first,
            Err(error) => {
                let commits = messages.len();
                tracing::debug!(%error, commits, "batch was not acknowledged");
                return None;
            }
        };
        let answered = followers.len();
        for (waiting, sequence) in followers.into_iter().zip(first + 1..) {
            let _ = waiting.turn.send(Turn::Stored(sequence));
        }
        permit.group.gather(answered).await;
        drop(permit);
        Some(first)
    }

    /// Publishes messages as an atomic batch; answers the sequence of the first.
    async fn publish_batch(&self, messages: &[&Message]) -> Result<u64, BoxError> {
        let batch_id = format!("{:032x}", rand::random::<u128>());
        let (last, before) = messages.split_last().ok_or("a batch has messages")?;
        let headers = |message: &Message, number: usize| {
            let mut headers = message.headers.clone();
            headers.insert(NATS_BATCH_ID, &*batch_id);
            headers.insert(NATS_BATCH_SEQUENCE, number.to_string());
            headers
        };
        for (message, number) in before.iter().zip(1..) {
            let (subject, payload) = (message.subject.clone(), message.payload.clone());
            self.client.publish_with_headers(subject, headers(message, number), payload).await?;
        }
        let mut commit = headers(last, messages.len());
        commit.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        let (subject, payload) = (last.subject.clone(), last.payload.clone());
        let ack = self.jetstream.publish_with_headers(subject, commit, payload).await?.await?;

        let count = u64::try_from(messages.len())?;
        if ack.batch_size != Some(count) || ack.sequence < count {
            return Err(format!("{count} messages were answered with {ack:?}").into());
        }
        // Nothing comes between the messages of a batch.
        Ok(ack.sequence - count + 1)
    }
}

#[cfg(test)]
mod tests;
