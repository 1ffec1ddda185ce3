//! What is known of one aggregate.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::{Mutex as SyncMutex, MutexGuard as SyncMutexGuard};

use publicdata_decider::{Decider, replay};
use publicdata_types::CommandId;
use tokio::sync::{Mutex, MutexGuard};

use super::{Codec, CommandOf, Error, EventOf, Executed, RejectionOf};
use crate::Recorded;
use crate::commit::parse_command_id;

/// One aggregate in the cache.
pub(super) struct Entry<C: Codec> {
    /// Commands of this process take turns, instead of competing for the next sequence.
    turn: Mutex<()>,
    /// Never held across an `await`, so readers do not wait for a command that is on its way.
    known: SyncMutex<Known<C>>,
}

impl<C: Codec> Entry<C> {
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Known<C>) -> T) -> T {
        look(&mut self.lock())
    }

    /// Adds what was read from the store. Commits that are known are passed over, so whoever reads at the same time may too.
    pub(super) fn merge(&self, commits: &[Recorded]) -> Result<(), Error> {
        for recorded in commits {
            let commit = read::<C>(recorded)?;
            self.lock().record(&commit);
        }
        Ok(())
    }

    /// A rule that panicked may have left half a state behind: forget it, and read it again.
    fn lock(&self) -> SyncMutexGuard<'_, Known<C>> {
        match self.known.lock() {
            Ok(known) => known,
            Err(poisoned) => {
                let mut known = poisoned.into_inner();
                *known = Known::default();
                self.known.clear_poison();
                known
            }
        }
    }
}

impl<C: Codec> Default for Entry<C> {
    fn default() -> Self {
        Self { turn: Mutex::default(), known: SyncMutex::default() }
    }
}

impl<C: Codec> fmt::Debug for Entry<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Entry").finish_non_exhaustive()
    }
}

/// A state, and how it came about.
pub(super) struct Known<C: Codec> {
    state: C::Aggregate,
    sequence: u64,
    commands: HashMap<CommandId, u64>,
}

impl<C: Codec> Known<C> {
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The commit of a command that was carried out.
    pub(super) fn sequence_of(&self, command_id: &CommandId) -> Option<u64> {
        self.commands.get(command_id).copied()
    }

    /// What `command` leads to, and the sequence on which that rests.
    pub(super) fn decide(
        &self,
        command: CommandOf<C>,
    ) -> (Result<Vec<EventOf<C>>, RejectionOf<C>>, u64) {
        (self.state.decide(command), self.sequence)
    }

    pub(super) fn executed(&self) -> Executed<C::Aggregate> {
        Executed { sequence: self.sequence, state: self.state.clone(), repeated: false }
    }

    /// Adds the commit that was appended after `expected`, unless a reader has done so.
    pub(super) fn append(
        &mut self,
        expected: u64,
        sequence: u64,
        command_id: CommandId,
        events: &[EventOf<C>],
    ) {
        if self.sequence == expected {
            self.state = replay(mem::take(&mut self.state), events);
            self.sequence = sequence;
            self.commands.insert(command_id, sequence);
        }
    }

    /// Adds a commit that was read, unless it is known.
    pub(super) fn record(&mut self, commit: &Read<C>) {
        if commit.sequence > self.sequence {
            self.append(self.sequence, commit.sequence, commit.command_id, &commit.events);
        }
    }
}

impl<C: Codec> Default for Known<C> {
    fn default() -> Self {
        Self { state: C::Aggregate::default(), sequence: 0, commands: HashMap::new() }
    }
}

/// A commit in terms of the domain.
pub(super) struct Read<C: Codec> {
    sequence: u64,
    command_id: CommandId,
    events: Vec<EventOf<C>>,
}

pub(super) fn read<C: Codec>(recorded: &Recorded) -> Result<Read<C>, Error> {
    let commit = recorded.commit()?;
    let mut events = Vec::with_capacity(commit.events.len());
    for any in &commit.events {
        let event = C::decode(any).map_err(|source| Error::Undecodable {
            subject: recorded.subject.clone(),
            sequence: recorded.sequence,
            source,
        })?;
        events.extend(event);
    }
    let command_id = parse_command_id(recorded, &commit)?;
    Ok(Read { sequence: recorded.sequence, command_id, events })
}
