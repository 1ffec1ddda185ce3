//! Given/when/then for rules: what has happened, what is asked, what follows.

use std::fmt::Debug;

use crate::{Decider, replay};

/// The aggregate to which `events` have happened.
pub fn given<D: Decider + Default>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    given_state(D::default(), events)
}

/// The aggregate in `state`, to which `events` have happened since; for aggregates whose first state takes parameters.
pub fn given_state<D: Decider>(state: D, events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    let history: Vec<D::Event> = events.into_iter().collect();
    let state = replay(state, &history);
    Given { state, history }
}

/// An aggregate with a history. Call [`when`](Self::when).
#[must_use = "nothing is asserted yet: call `when`"]
pub struct Given<D: Decider> {
    state: D,
    history: Vec<D::Event>,
}

impl<D: Decider> Given<D> {
    /// Lets the aggregate decide on `command`.
    pub fn when(self, command: D::Command) -> Decided<D> {
        let outcome = self.state.decide(command);
        Decided { state: self.state, history: self.history, outcome }
    }

    /// The state that the history led to, for assertions on derived values.
    pub fn state(self) -> D {
        self.state
    }
}

/// A decision that was made. Call one of the `then` methods.
#[must_use = "nothing is asserted yet: call `then`, `then_nothing` or `then_rejected`"]
pub struct Decided<D: Decider> {
    state: D,
    history: Vec<D::Event>,
    outcome: Result<Vec<D::Event>, D::Rejection>,
}

impl<D> Decided<D>
where
    D: Decider,
    D::Event: Debug + PartialEq,
    D::Rejection: Debug + PartialEq,
{
    /// Asserts that the command was accepted and led to exactly `events`; returns the state after them.
    ///
    /// # Panics
    /// If anything else was decided.
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = D::Event>) -> D {
        let expected = Ok(events.into_iter().collect());
        self.check(&expected);
        match self.outcome {
            Ok(events) => replay(self.state, &events),
            Err(_) => self.state,
        }
    }

    /// Asserts that the command was accepted, and that there was nothing left to say.
    ///
    /// # Panics
    /// If anything else was decided.
    #[track_caller]
    pub fn then_nothing(self) {
        self.check(&Ok(Vec::new()));
    }

    /// Asserts that the command was refused because of `rejection`.
    ///
    /// # Panics
    /// If anything else was decided.
    #[track_caller]
    pub fn then_rejected(self, rejection: D::Rejection) {
        self.check(&Err(rejection));
    }

    #[track_caller]
    fn check(&self, expected: &Result<Vec<D::Event>, D::Rejection>) {
        assert!(
            self.outcome == *expected,
            "given {}\nexpected {}\n decided {}",
            list(&self.history),
            describe(expected),
            describe(&self.outcome),
        );
    }
}

fn describe<E: Debug, R: Debug>(outcome: &Result<Vec<E>, R>) -> String {
    match outcome {
        Ok(events) => list(events),
        Err(rejection) => format!("a rejection: {rejection:?}"),
    }
}

fn list<E: Debug>(events: &[E]) -> String {
    match events {
        [] => "no events".to_owned(),
        events => {
            let lines: Vec<String> =
                events.iter().map(|event| format!("\n    {event:?}")).collect();
            format!("events:{}", lines.concat())
        }
    }
}

#[cfg(test)]
mod tests;
