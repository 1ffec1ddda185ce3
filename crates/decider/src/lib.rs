#![doc = include_str!("../README.md")]

#[cfg(feature = "testing")]
pub mod testing;

/// An aggregate: its state is the type itself, and `Default` (where it is implemented) is the state before any event.
pub trait Decider {
    /// What someone asks for, in the imperative: `Publish { by }`.
    type Command;
    /// What has happened, in the past tense: `Published`.
    type Event;
    /// Why a command cannot be accepted in this state.
    type Rejection;

    /// Decides on `command` in this state: the events that accepting it means, in order.
    ///
    /// # Errors
    /// The rejection, if the rules forbid the command in this state.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// The state after `event`.
    #[must_use]
    fn evolve(self, event: &Self::Event) -> Self;
}

/// Folds `events` onto `state`, oldest first.
pub fn replay<'a, D>(state: D, events: impl IntoIterator<Item = &'a D::Event>) -> D
where
    D: Decider,
    D::Event: 'a,
{
    events.into_iter().fold(state, D::evolve)
}
