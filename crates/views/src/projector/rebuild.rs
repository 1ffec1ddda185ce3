//! Views from the first event on, in one transaction: one view, or several that read their events together.

use std::sync::Arc;

use futures::stream::Fuse;
use futures::{StreamExt as _, TryStreamExt as _};
use publicdata_event_store::{Commits, Recorded};
use sqlx::Connection as _;

use super::{Projector, ProjectorError};
use crate::content::{self, Content};
use crate::database::Transaction;
use crate::position::{self, Positions};
use crate::view::ApplyError;

/// How many commits are applied together: the more, the more of them are about the same rows, which are read and written once for all.
const BATCH_MAX: usize = 8_192;
/// A batch that has so many bytes is large enough, however few commits they are: two batches are held, and views decode them.
const BATCH_BYTES: usize = 16 << 20;

/// What [`Projector::rebuild`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many commits were read.
    pub commits: u64,
    /// What the view holds now.
    pub content: Content,
}

/// Is told how far a rebuild is: the stream that is read, the last of its commits that was applied, and the one that it ends with, where
/// that is known.
pub type Told<'a> = &'a (dyn Fn(&str, u64, Option<u64>) + Sync);

/// Builds views of one database anew, as [`Projector::rebuild`] does, in one transaction: what they follow of a stream is read once for
/// all of them, where each alone would read it again. Answers in their order.
///
/// # Errors
/// An event cannot be applied, or store or database fail. Then every view holds what it held before.
///
/// # Panics
/// If they are of several databases, where no transaction could hold them together.
pub async fn rebuild_all(
    views: &[Arc<Projector>],
    told: Told<'_>,
) -> Result<Vec<Rebuilt>, ProjectorError> {
    let views: Vec<&Projector> = views.iter().map(AsRef::as_ref).collect();
    rebuild(&views, |_| None, told).await
}

impl Projector {
    /// Drops what the view holds and builds it again from the first event on, in one transaction: readers see the old content
    /// until the new one is complete, and a failure leaves the old one.
    ///
    /// # Errors
    /// An event cannot be applied, or store or database fail.
    pub async fn rebuild(&self) -> Result<Rebuilt, ProjectorError> {
        self.rebuild_up_to(|_| None, &|_, _, _| {}).await
    }

    /// The same from the commits up to the last one of each stream, as `last_of` names it; from all, where it names none.
    pub(crate) async fn rebuild_up_to(
        &self,
        last_of: impl Fn(&str) -> Option<u64>,
        told: Told<'_>,
    ) -> Result<Rebuilt, ProjectorError> {
        let rebuilt = rebuild(&[self], last_of, told).await?;
        rebuilt.into_iter().next().ok_or(ProjectorError::Ended)
    }

    async fn begin_anew(&self, transaction: &mut Transaction) -> Result<(), sqlx::Error> {
        position::reset(transaction.connection(), self.view.name()).await?;
        position::clear(transaction.connection(), self.view.tables()).await
    }

    /// Applies those of the commits that are of concern.
    async fn apply_concerned(
        &self,
        transaction: &mut Transaction,
        commits: &[Recorded],
    ) -> Result<(), ProjectorError> {
        let concerned: Vec<&Recorded> =
            commits.iter().filter(|recorded| self.view.concerns(&recorded.subject)).collect();
        if concerned.len() > 1 {
            let mut part =
                transaction.connection().begin().await.map_err(ProjectorError::Database)?;
            match self.view.apply_all(&mut part, &concerned).await {
                Ok(()) => return part.commit().await.map_err(ProjectorError::Database),
                Err(ApplyError::Event(_) | ApplyError::Database(_)) => {
                    part.rollback().await.map_err(ProjectorError::Database)?;
                }
            }
        }
        // One alone; or which of them it was is found out.
        for recorded in concerned {
            self.apply(transaction, recorded).await?;
        }
        Ok(())
    }
}

async fn rebuild(
    views: &[&Projector],
    last_of: impl Fn(&str) -> Option<u64>,
    told: Told<'_>,
) -> Result<Vec<Rebuilt>, ProjectorError> {
    let Some(first) = views.first() else { return Ok(Vec::new()) };
    let is_shared = |view: &&Projector| view.database.is_same(&first.database);
    assert!(views.iter().all(is_shared), "views are rebuilt together in one database");
    let mut writing = Vec::new();
    for view in views {
        writing.push(view.writing.lock().await);
    }
    let mut transaction = first.database.begin().await.map_err(ProjectorError::Database)?;
    for view in views {
        view.begin_anew(&mut transaction).await.map_err(ProjectorError::Database)?;
    }

    let mut read = Positions::new();
    for stream in streams(views) {
        let followers: Vec<&Projector> =
            views.iter().copied().filter(|view| view.view.streams().contains(&stream)).collect();
        let end = last_of(stream);
        let told = |last| told(stream, last, end);
        let last = read_once(&followers, &mut transaction, stream, end, &told).await?;
        read.insert(stream, last);
    }
    let mut rebuilt = Vec::new();
    for view in views {
        let content = content::of(transaction.connection(), view.view.tables()).await;
        let content = content.map_err(ProjectorError::Database)?;
        let commits = view.view.streams().iter().filter_map(|stream| read.get(stream)).sum();
        rebuilt.push(Rebuilt { commits, content });
    }
    transaction.commit().await.map_err(ProjectorError::Database)?;

    for view in views {
        let own = |(stream, _): &(&&'static str, &u64)| view.view.streams().contains(*stream);
        view.moved_to(read.iter().filter(own).map(|(stream, last)| (*stream, *last)).collect());
    }
    Ok(rebuilt)
}

/// Every stream that is followed, once; each view has its own in their order, unless another one has them the other way round.
fn streams(views: &[&Projector]) -> Vec<&'static str> {
    let mut streams = Vec::new();
    for stream in views.iter().flat_map(|view| view.view.streams()) {
        if !streams.contains(stream) {
            streams.push(*stream);
        }
    }
    streams
}

/// Reads a stream up to the commit `end`, or all of it, for all who follow it; answers the last commit that was there.
async fn read_once(
    followers: &[&Projector],
    transaction: &mut Transaction,
    stream: &'static str,
    end: Option<u64>,
    told: &(dyn Fn(u64) + Sync),
) -> Result<u64, ProjectorError> {
    let Some(first) = followers.first() else { return Ok(0) };
    let history = first.store.read(stream, 1, None).await.map_err(ProjectorError::Store)?;
    let mut history = history.fuse();
    let (mut last, end) = (0, end.unwrap_or(u64::MAX));
    told(last);
    let mut batch = next(&mut history, last, end).await?;
    while let Some(newest) = batch.last() {
        last = newest.sequence;
        let apply = async {
            for follower in followers {
                follower.apply_concerned(transaction, &batch).await?;
            }
            Ok(())
        };
        // While the database works on these, the next ones come.
        ((), batch) = tokio::try_join!(apply, next(&mut history, last, end))?;
        told(last);
    }
    for follower in followers {
        let step = (0, last);
        position::advance(transaction.connection(), follower.view.name(), stream, step)
            .await
            .map_err(ProjectorError::Database)?;
    }
    Ok(last)
}

/// The commits that come after `last`, up to `end`; none if there are no more. What comes after `end` is not even looked at.
async fn next(
    history: &mut Fuse<Commits>,
    mut last: u64,
    end: u64,
) -> Result<Vec<Recorded>, ProjectorError> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while last < end && batch.len() < BATCH_MAX && bytes < BATCH_BYTES {
        match history.try_next().await.map_err(ProjectorError::Store)? {
            Some(recorded) if recorded.sequence <= end => {
                last = recorded.sequence;
                bytes += recorded.payload.len();
                batch.push(recorded);
            }
            Some(_) | None => break,
        }
    }
    Ok(batch)
}
