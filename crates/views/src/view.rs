//! What a service writes: how an event changes tables.

use async_trait::async_trait;
use publicdata_event_store::{Recorded, Subject};
use sqlx::AnyConnection;

/// Tables that are derived from events.
#[async_trait]
pub trait View: Send + Sync + 'static {
    /// The view's name, unique in its database. It names the position: a view that is renamed starts over.
    fn name(&self) -> &'static str;

    /// The streams that it follows.
    fn streams(&self) -> &'static [&'static str];

    /// The tables that it alone writes; one that refers to another comes after it.
    fn tables(&self) -> &'static [&'static str];

    /// Whether commits to this subject can change the tables. What is of no concern costs no transaction, and is not applied.
    fn concerns(&self, subject: &Subject) -> bool;

    /// Changes the tables as `recorded` says, within the transaction that also saves the position.
    ///
    /// # Errors
    /// An event that cannot be understood or does not fit is an error, never skipped. Events of no concern are no error.
    async fn apply(
        &self,
        connection: &mut AnyConnection,
        recorded: &Recorded,
    ) -> Result<(), ApplyError>;

    /// Applies commits in their order, as [`apply`](Self::apply) does one after the other. Where many come at once, rows that are
    /// read and written together cost a fraction of what they cost one by one.
    ///
    /// # Errors
    /// As for `apply`. Which commit it was is then found by applying them one by one.
    async fn apply_all(
        &self,
        connection: &mut AnyConnection,
        commits: &[&Recorded],
    ) -> Result<(), ApplyError> {
        for recorded in commits {
            self.apply(&mut *connection, recorded).await?;
        }
        Ok(())
    }

    /// Called whenever the tables may have changed: drop what was cached of them.
    fn changed(&self) {}
}

/// Why an event was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The database refused or failed.
    #[error("the database refused the change")]
    Database(#[from] sqlx::Error),
    /// The event cannot be read, or contradicts those before it.
    #[error("the event cannot be understood")]
    Event(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApplyError {
    /// The event itself is wrong.
    pub fn event(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Event(error.into())
    }
}

/// `($1, $2), ($3, $4)`: places for the values of so many rows with so many columns.
#[must_use]
pub fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let columns: Vec<String> =
            (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", columns.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Cuts rows into parts of few lengths, so that each statement that takes a part is prepared once. Longer parts save little, for a row bears
/// a sixteenth of a statement's cost already, and in SQLite they cost more: its driver asks for the name of each place, which is looked for
/// among all of them.
pub fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    const LENGTHS: [usize; 3] = [16, 4, 1];

    std::iter::from_fn(move || {
        let length = LENGTHS.into_iter().find(|length| *length <= rows.len())?;
        let (part, rest) = rows.split_at(length);
        rows = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests;
