//! Opening an index, building one, and putting one up in place of another.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use publicdata_service_kit::Tasks;
use publicdata_service_kit::problem::chain;
use tokio::task::coop::unconstrained;
use tokio_util::sync::CancellationToken;

use super::{BATCH_MAX, FollowError, SearchIndex, in_background, whole};
use crate::search::folder::Folder;
use crate::search::follower::progress::{Building, Progress, Told};
use crate::search::generation::{Generation, SearchError};
use crate::search::writer::{WriteError, Writer};
use crate::views::STREAM;

impl SearchIndex {
    /// Builds a new index as one of `tasks`, and tells how far it is, until it answers. Whoever asks while one is being built
    /// hears of that one.
    ///
    /// # Errors
    /// What was told may end with why it came to nothing.
    pub fn rebuild(
        self: &Arc<Self>,
        tasks: &Tasks,
    ) -> BoxStream<'static, Result<Told, SearchError>> {
        let mut progress = self.progress.subscribe();
        let begins = self.progress.send_if_modified(|progress| {
            let begins = progress.building.is_none() && progress.serving.is_some();
            if begins {
                progress.building = Some(Building::default());
                progress.unbuilt = None;
            }
            begins
        });
        let before = progress.borrow_and_update().builds;
        if begins {
            let (index, shutdown) = (Arc::clone(self), tasks.shutdown().clone());
            tasks.spawn("search index, anew", async move { index.build_beside(&shutdown).await });
        }
        let told = stream::unfold(Some(progress), move |progress| async move {
            let mut progress = progress?;
            // Nobody can tell any more if the index is gone.
            progress.changed().await.ok()?;
            let now = progress.borrow_and_update().clone();
            if now.builds > before {
                let sequence = now.serving.unwrap_or_default();
                return Some((Ok(Told::Built { sequence }), None));
            }
            match (now.building, &now.unbuilt) {
                (None, Some(reason)) => {
                    Some((Err(SearchError::Trouble(reason.to_string().into())), None))
                }
                (building, _) => {
                    Some((Ok(Told::Building(building.unwrap_or_default())), Some(progress)))
                }
            }
        });
        told.boxed()
    }

    /// The index that was in use, if it is whole. What is left of others is removed.
    pub(super) async fn take_up(&self) -> Result<Option<Writer>, FollowError> {
        if let Some(generation) = self.serving() {
            let writer = in_background(|| Writer::on(generation)).await?;
            self.committed(&writer);
            return Ok(Some(writer));
        }
        let folder = self.folder()?;
        let writer = in_background(move || Ok(open(&folder)?)).await?;
        match writer {
            Some(writer) => self.put_up(writer).await.map(Some),
            None => Ok(None),
        }
    }

    /// Builds a new index up to the end of the stream; `None` if it is to end before.
    pub(super) async fn build(
        &self,
        shutdown: &CancellationToken,
    ) -> Result<Option<Writer>, FollowError> {
        let folder = self.folder()?;
        let kept = self.serving().map(|generation| generation.path.clone());
        let mut writer = in_background(move || {
            let path = fresh(&folder, kept.as_deref())?;
            Writer::on(Arc::new(Generation::create(&path)?))
        })
        .await?;
        loop {
            let last_sequence = self.store.last_sequence(STREAM).await?;
            self.tell(&writer, last_sequence);
            if writer.position() >= last_sequence {
                return Ok(Some(writer));
            }
            let history = self.store.read(STREAM, writer.position() + 1, None).await?;
            let mut history = history.ready_chunks(BATCH_MAX);
            while let Some(batch) = unconstrained(history.next()).await {
                if shutdown.is_cancelled() {
                    return Ok(None);
                }
                let (batch, ended) = whole(batch);
                writer = in_background(move || {
                    writer.apply_all(&batch)?;
                    Ok(writer)
                })
                .await?;
                ended?;
                self.tell(&writer, last_sequence);
            }
            writer = in_background(move || {
                writer.commit()?;
                Ok(writer)
            })
            .await?;
        }
    }

    /// Makes the writer's index the one that is searched, and removes the others.
    pub(super) async fn put_up(&self, writer: Writer) -> Result<Writer, FollowError> {
        let folder = self.folder()?;
        let path = writer.generation.path.clone();
        in_background(move || Ok(point_at(&folder, &path)?)).await?;

        let generation = Arc::clone(&writer.generation);
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Some(generation);
        self.committed(&writer);
        self.progress.send_modify(|progress| {
            progress.building = None;
            progress.builds += 1;
        });
        Ok(writer)
    }

    async fn build_beside(&self, shutdown: &CancellationToken) {
        let built = match self.build(shutdown).await {
            Ok(Some(writer)) => self.built.0.send(writer).await.map_err(|_| FollowError::Ended),
            Ok(None) => Err(FollowError::Ended),
            Err(error) => Err(error),
        };
        let Err(error) = built else { return };

        let reason = chain(&error);
        tracing::error!(error = reason, "search index was not built anew; the old one stays");
        self.progress.send_modify(|progress| {
            progress.building = None;
            progress.unbuilt = Some(reason.into());
        });
    }

    fn tell(&self, writer: &Writer, last_sequence: u64) {
        let building = Building { sequence: writer.position(), last_sequence };
        self.progress.send_modify(|progress: &mut Progress| progress.building = Some(building));
    }
}

fn open(folder: &Folder) -> tantivy::Result<Option<Writer>> {
    let Some(path) = folder.current()? else { return Ok(None) };

    let opened = Generation::open(&path).map_err(WriteError::from);
    match opened.and_then(|generation| Writer::on(Arc::new(generation))) {
        Ok(writer) => Ok(Some(writer)),
        Err(error) => {
            tracing::warn!(
                index.path = %path.display(),
                error = chain(&error),
                "search index is damaged, and is built anew"
            );
            Ok(None)
        }
    }
}

/// A folder for a new index. What an earlier attempt left behind is removed: it may be what fills the disk.
fn fresh(folder: &Folder, kept: Option<&Path>) -> tantivy::Result<PathBuf> {
    let path = folder.fresh()?;
    let kept: Vec<&Path> = kept.into_iter().chain([path.as_path()]).collect();
    folder.clear(&kept)?;
    Ok(path)
}

fn point_at(folder: &Folder, path: &Path) -> tantivy::Result<()> {
    folder.point_at(path)?;
    folder.clear(&[path])?;
    Ok(())
}
