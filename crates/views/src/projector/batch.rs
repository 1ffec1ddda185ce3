//! Commits into tables: many together, or one by one where one of them is wrong.

use publicdata_event_store::Recorded;

use super::error::is_passing;
use super::{Projector, ProjectorError, UNSTORED_MAX};
use crate::database::Transaction;
use crate::position::{self, Positions};
use crate::view::ApplyError;

enum Outcome {
    /// The streams' new positions.
    Applied(Positions),
    /// Someone else, another process or a rebuild, has written the view since its position was read.
    Moved,
    /// One of several commits cannot be applied.
    Unsure,
}

impl Projector {
    pub(super) async fn apply_all(&self, mut batch: Vec<Recorded>) -> Result<(), ProjectorError> {
        loop {
            let positions = self.positions();
            batch.retain(|recorded| {
                positions
                    .get(recorded.stream.as_str())
                    .is_some_and(|position| recorded.sequence > *position)
            });
            if batch.is_empty() {
                return Ok(());
            }
            let last = last_of(&positions, &batch);
            if !self.must_write(&last, &batch) {
                self.progress.send_modify(|progress| progress.positions.extend(last));
                return Ok(());
            }
            match self.try_apply_all(last, &batch).await {
                Ok(Outcome::Applied(positions)) => {
                    self.moved_to(positions);
                    return Ok(());
                }
                Ok(Outcome::Moved) => self.reload().await?,
                // Those before the one that is wrong are not to blame: they count.
                Ok(Outcome::Unsure) => {
                    for recorded in batch {
                        Box::pin(self.apply_all(vec![recorded])).await?;
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn must_write(&self, last: &Positions, batch: &[Recorded]) -> bool {
        let progress = self.progress.borrow();
        let is_far = |(stream, last): (&&'static str, &u64)| {
            let stored = progress.stored.get(stream).copied().unwrap_or_default();
            *last >= stored + UNSTORED_MAX
        };
        last.iter().any(is_far)
            || batch.iter().any(|recorded| self.view.concerns(&recorded.subject))
    }

    /// Applies commits that come after all that the view holds; `last` says where each stream is then.
    async fn try_apply_all(
        &self,
        last: Positions,
        batch: &[Recorded],
    ) -> Result<Outcome, ProjectorError> {
        let stored = self.progress.borrow().stored.clone();
        let mut transaction = self.database.begin().await.map_err(ProjectorError::Database)?;
        for (&stream, last) in &last {
            // Locks the view, so that nobody else applies the same events meanwhile.
            let step = (stored.get(stream).copied().unwrap_or_default(), *last);
            let name = self.view.name();
            if !position::advance(transaction.connection(), name, stream, step)
                .await
                .map_err(ProjectorError::Database)?
            {
                return Ok(Outcome::Moved);
            }
        }
        let concerned: Vec<&Recorded> =
            batch.iter().filter(|recorded| self.view.concerns(&recorded.subject)).collect();
        match concerned.as_slice() {
            [recorded] => self.apply(&mut transaction, recorded).await?,
            several => {
                let applied = self.view.apply_all(transaction.connection(), several).await;
                match applied.map_err(passing) {
                    Ok(()) => {}
                    Err(Some(error)) => return Err(error),
                    Err(None) => return Ok(Outcome::Unsure),
                }
            }
        }
        transaction.commit().await.map_err(ProjectorError::Database)?;
        Ok(Outcome::Applied(last))
    }

    #[tracing::instrument(
        level = "debug",
        name = "apply",
        skip_all,
        fields(
            view.name = self.view.name(),
            stream.name = recorded.stream,
            stream.sequence = recorded.sequence,
            event.subject = recorded.subject.as_str(),
            event.traceparent = recorded.traceparent,
        )
    )]
    pub(super) async fn apply(
        &self,
        transaction: &mut Transaction,
        recorded: &Recorded,
    ) -> Result<(), ProjectorError> {
        let applied = self.view.apply(transaction.connection(), recorded).await;
        applied.map_err(|source| match source {
            ApplyError::Database(source) if is_passing(&source) => ProjectorError::Database(source),
            ApplyError::Database(_) | ApplyError::Event(_) => ProjectorError::Poisoned {
                stream: recorded.stream.clone(),
                sequence: recorded.sequence,
                source,
            },
        })
    }

    /// Takes up the positions that the database has. Where it is ahead, somebody else wrote; where it is behind what is held
    /// here, nothing in between was of concern.
    pub(super) async fn reload(&self) -> Result<(), ProjectorError> {
        let mut transaction = self.database.begin().await.map_err(ProjectorError::Database)?;
        let mut positions = position::load(transaction.connection(), &*self.view)
            .await
            .map_err(ProjectorError::Database)?;
        transaction.commit().await.map_err(ProjectorError::Database)?;

        let stored = positions.clone();
        let known = self.progress.borrow().clone();
        for (stream, position) in &mut positions {
            let goes_on = known.stored.get(stream).is_some_and(|stored| *position >= *stored);
            if let Some(held) = known.positions.get(stream).filter(|_| goes_on) {
                *position = (*position).max(*held);
            }
        }
        self.view.changed();
        self.progress.send_modify(|progress| {
            progress.positions = positions;
            progress.stored = stored;
        });
        Ok(())
    }

    pub(super) fn moved_to(&self, positions: Positions) {
        // First what was cached, then those who wait: nobody is told of what they cannot read.
        self.view.changed();
        self.progress.send_modify(|progress| {
            progress.stored.extend(positions.clone());
            progress.positions.extend(positions);
        });
    }
}

/// The error, if it comes from the database's state; none if a commit is to blame.
fn passing(error: ApplyError) -> Option<ProjectorError> {
    match error {
        ApplyError::Database(source) if is_passing(&source) => {
            Some(ProjectorError::Database(source))
        }
        ApplyError::Database(_) | ApplyError::Event(_) => None,
    }
}

/// Where each stream is after this batch; those that it has nothing of are left out.
fn last_of(positions: &Positions, batch: &[Recorded]) -> Positions {
    let last = |(&stream, _): (&&'static str, &u64)| {
        let last = batch.iter().rfind(|recorded| recorded.stream == stream)?;
        Some((stream, last.sequence))
    };
    positions.iter().filter_map(last).collect()
}
