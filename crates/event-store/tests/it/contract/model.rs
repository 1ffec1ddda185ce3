//! An aggregate as a list of commits, and a store that is compared with it.

use std::collections::HashMap;

use proptest::prelude::*;
use publicdata_event_store::{AppendError, Appended, Subject};
use publicdata_types::CommandId;
use uuid::Uuid;

use crate::kit::{Bed, commit_of, sequences};

/// An append to one of a few aggregates, by one of a few commands, expecting one of the aggregate's sequences so far.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    aggregate: usize,
    command: u8,
    /// How many commits the writer has missed.
    behind: usize,
}

pub(crate) fn steps(count_max: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (0..3usize, any::<u8>().prop_map(|command| command % 24), 0..3usize)
        .prop_map(|(aggregate, command, behind)| Step { aggregate, command, behind });
    prop::collection::vec(step, 1..count_max)
}

/// Carries the steps out on the store and on the model.
pub(crate) async fn check(bed: Bed, steps: &[Step]) {
    let run = Uuid::new_v4();
    let subjects: Vec<Subject> = (0..3).map(|_| bed.subject()).collect();
    let mut commits: Vec<Vec<u64>> = vec![Vec::new(); 3];
    let mut commands: HashMap<CommandId, (usize, u64)> = HashMap::new();
    for Step { aggregate, command, behind } in steps {
        let known = &mut commits[*aggregate];
        let seen = known.len().saturating_sub(*behind);
        let expected_last = known[..seen].last().copied().unwrap_or(0);
        let command_id = CommandId::from_uuid(Uuid::new_v5(&run, &[*command]));

        let outcome =
            bed.store.append(&subjects[*aggregate], expected_last, commit_of(command_id)).await;

        let stored = commands.get(&command_id).copied();
        match (outcome, stored) {
            (Ok(Appended { sequence, repeated: true }), Some((at, first))) => {
                assert_eq!((*aggregate, sequence), (at, first));
            }
            (Ok(Appended { sequence, repeated: false }), None) => {
                assert_eq!(seen, known.len(), "stored although others were faster");
                assert!(known.last().is_none_or(|last| *last < sequence));
                known.push(sequence);
                commands.insert(command_id, (*aggregate, sequence));
            }
            (Err(AppendError::Conflict { .. }), None) => assert!(seen < known.len()),
            // Whoever is behind may learn of that before it learns that the id is taken, or was used before what it has read.
            (Err(AppendError::Conflict { .. }), Some((at, first))) => {
                assert!(seen < known.len() && (at != *aggregate || first <= expected_last));
            }
            (Err(AppendError::CommandIdTaken { sequence, .. }), Some((at, first))) => {
                assert!(at != *aggregate && sequence == first);
            }
            (outcome, stored) => panic!("{outcome:?}, although the model has {stored:?}"),
        }
    }
    for (subject, known) in subjects.iter().zip(&commits) {
        assert_eq!(sequences(&bed.store.tail(subject, 0).await.unwrap()), *known);
    }
}
