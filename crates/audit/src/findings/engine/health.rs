//! How the rules do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How the rules do. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<Mutex<BTreeMap<String, Failures>>>);

/// What a rule could not be held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    pub(crate) last: String,
}

impl Health {
    pub(crate) fn of(&self, rule: &str) -> Failures {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(rule).cloned().unwrap_or_default()
    }

    pub(crate) fn add(&self, failures: Vec<(String, String)>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (rule, problem) in failures {
            tracing::warn!(rule, problem, "a rule could not be held against an event");
            let failures = known.entry(rule).or_default();
            failures.count += 1;
            failures.last = problem;
        }
    }
}
