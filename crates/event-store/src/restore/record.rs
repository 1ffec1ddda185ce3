//! Records of a block, as nats-server writes them; all numbers with the least byte first:
//! `length:4 sequence:8 time:8 subject length:2 subject header length:4 headers payload checksum:8`.
//!
//! The highest bit of the length says that there are headers. The checksum is `HighwayHash` of what stands from the sequence on, without
//! the lengths, with a key that follows from the names of stream and block.

use highway::{HighwayHash as _, HighwayHasher, Key};
use publicdata_types::Digest;

use crate::jetstream::MESSAGE_ID;
use crate::{BoxError, Recorded};

const HAS_HEADERS: u32 = 1 << 31;
const FIXED_BYTES: usize = 4 + 8 + 8 + 2 + 4 + 8;

/// What goes into a record.
struct Message<'a> {
    sequence: u64,
    /// In nanoseconds since the epoch.
    time: i64,
    subject: &'a str,
    headers: &'a str,
    payload: &'a [u8],
}

/// Makes the records of one block.
#[derive(Debug)]
pub(super) struct Checksums {
    key: Key,
}

/// The key that belongs to a name.
pub(super) fn key(name: &str) -> Key {
    let digest = *Digest::of(name).as_bytes();
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(digest.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    Key(words)
}

impl Checksums {
    pub(super) fn of_block(stream: &str, number: u32) -> Self {
        Self { key: key(&format!("{stream}-{number}")) }
    }

    pub(super) fn record(&self, recorded: &Recorded) -> Result<Vec<u8>, BoxError> {
        self.encode(&Message {
            sequence: recorded.sequence,
            time: i64::try_from(recorded.recorded_at.as_nanosecond())?,
            subject: &recorded.subject.to_string(),
            headers: &headers(recorded),
            payload: &recorded.payload,
        })
    }

    fn encode(&self, message: &Message<'_>) -> Result<Vec<u8>, BoxError> {
        let Message { sequence, time, subject, headers, payload } = *message;
        let bytes = FIXED_BYTES + subject.len() + headers.len() + payload.len();
        let mut hasher = HighwayHasher::new(self.key);
        let mut record = Vec::with_capacity(bytes);
        record.extend((u32::try_from(bytes)? | HAS_HEADERS).to_le_bytes());
        record.extend(sequence.to_le_bytes());
        record.extend(time.to_le_bytes());
        hasher.append(&record[4..]);
        record.extend(u16::try_from(subject.len())?.to_le_bytes());
        record.extend(subject.as_bytes());
        record.extend(u32::try_from(headers.len())?.to_le_bytes());
        record.extend(headers.as_bytes());
        record.extend(payload);
        for part in [subject.as_bytes(), headers.as_bytes(), payload] {
            hasher.append(part);
        }
        record.extend(hasher.finalize64().to_le_bytes());
        Ok(record)
    }
}

/// The headers of a stored commit: what stands in them follows from the commit, but for its id and its trace. What the commit was once
/// expected to follow is left out, as in every copy that a server makes.
fn headers(recorded: &Recorded) -> String {
    let mut text = "NATS/1.0\r\n".to_owned();
    let id = (!recorded.message_id.is_empty()).then(|| (MESSAGE_ID, recorded.message_id.clone()));
    for (name, value) in recorded.headers().into_iter().chain(id) {
        text.extend([name, ": ", &value, "\r\n"]);
    }
    text.push_str("\r\n");
    text
}

#[cfg(test)]
mod tests;
