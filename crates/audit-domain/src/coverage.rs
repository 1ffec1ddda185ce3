//! How far each event stream is in the log, and so which event may enter it next: each exactly once, in the order of its
//! stream, none left out.

use std::collections::BTreeMap;

/// How far each stream is in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<String, Logged>);

/// What is in the log of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// The last sequence number; 0 for none.
    pub sequence: u64,
    /// How many events.
    pub count: u64,
}

/// Whether an event enters the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is the next of its stream.
    Enters,
    /// It is in the log already.
    Logged,
    /// Events between the last one logged and this one are missing. The stream's log stops: nothing is ever skipped.
    Gap {
        /// The sequence number that should have come.
        expected: u64,
    },
}

impl Coverage {
    /// How much of the stream is in the log.
    #[must_use]
    pub fn of(&self, stream: &str) -> Logged {
        self.0.get(stream).copied().unwrap_or_default()
    }

    /// Every stream with an event in the log.
    pub fn streams(&self) -> impl Iterator<Item = (&str, Logged)> {
        self.0.iter().map(|(stream, logged)| (stream.as_str(), *logged))
    }

    /// Whether an event enters; if so, it is counted as logged.
    pub fn admit(&mut self, stream: &str, sequence: u64) -> Admission {
        let logged = self.of(stream);
        let expected = logged.sequence + 1;
        if sequence < expected {
            return Admission::Logged;
        }
        if sequence > expected {
            return Admission::Gap { expected };
        }
        self.0.insert(stream.to_owned(), Logged { sequence, count: logged.count + 1 });
        Admission::Enters
    }
}

impl FromIterator<(String, Logged)> for Coverage {
    fn from_iter<I: IntoIterator<Item = (String, Logged)>>(streams: I) -> Self {
        Self(streams.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
