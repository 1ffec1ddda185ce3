//! Folders: each delivery is a file of its own, and a manifest says which files count, in which order.
//!
//! A file is written under another name, synced, renamed, and then entered in the manifest, which is appended to and synced. What is
//! not in the manifest does not count, and goes when the next delivery begins.

mod manifest;

use std::fs::{self, File};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use publicdata_transfer::push::Outline;
use publicdata_types::{SubscriptionId, TransferId};

use super::steps::{Step, Steps};
use super::{Intake, Note, Sink, SinkError, Taken, Taking, check_delivered};
use crate::source::Cause;
use manifest::Manifest;

/// How rows are written into a file.
pub(super) trait Format: Send + Sync + 'static {
    /// What the configuration calls it, and how its files' names end.
    const KIND: &'static str;

    /// A writer of rows with this schema.
    fn writer(file: File, schema: &SchemaRef) -> Result<Box<dyn Writer>, Cause>;
}

/// A file that takes rows.
pub(super) trait Writer: Send {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), Cause>;

    /// Ends the file; what is in memory goes to the system.
    fn finish(self: Box<Self>) -> Result<File, Cause>;
}

/// A folder that takes files of one format.
pub(super) struct Folder<F> {
    place: Place,
    key: Vec<String>,
    steps: Steps,
    format: PhantomData<fn() -> F>,
}

/// Where a subscription's files are.
#[derive(Clone, Debug)]
struct Place {
    folder: PathBuf,
    name: String,
    kind: &'static str,
    subscription: SubscriptionId,
}

struct Intaking {
    place: Place,
    intake: Intake,
    steps: Steps,
    /// None after a failure.
    writer: Option<Box<dyn Writer>>,
    schema: SchemaRef,
}

// === impl Folder ===

impl<F: Format> Folder<F> {
    pub(super) fn new(
        folder: &Path,
        (name, key): (&str, &[String]),
        subscription: SubscriptionId,
        steps: Steps,
    ) -> Self {
        let place =
            Place { folder: folder.to_owned(), name: name.to_owned(), kind: F::KIND, subscription };
        Self { place, key: key.to_vec(), steps, format: PhantomData }
    }
}

#[async_trait]
impl<F: Format> Sink for Folder<F> {
    fn kind(&self) -> &'static str {
        F::KIND
    }

    fn key(&self) -> &[String] {
        &self.key
    }

    async fn last(&self) -> Result<Option<Note>, SinkError> {
        let place = self.place.clone();
        blocking(F::KIND, move || Ok(Manifest::open(&place)?.last())).await
    }

    async fn unconfirmed(&self) -> Result<Vec<Note>, SinkError> {
        let place = self.place.clone();
        blocking(F::KIND, move || Ok(Manifest::open(&place)?.unconfirmed())).await
    }

    async fn confirm(&self, transfer: TransferId) -> Result<(), SinkError> {
        let place = self.place.clone();
        blocking(F::KIND, move || Manifest::open(&place)?.confirm(transfer)).await?;
        self.steps.reach(Step::Confirmed)
    }

    async fn check(&self, schema: &SchemaRef) -> Result<(), SinkError> {
        check_delivered(&self.key, schema)?;
        let place = self.place.clone();
        blocking(F::KIND, move || Manifest::open(&place).map(drop)).await
    }

    async fn begin(&self, intake: Intake) -> Result<Box<dyn Taking>, SinkError> {
        intake.check_key(&self.key)?;
        check_delivered(&self.key, &intake.schema)?;
        let outline = Outline { content: intake.content, source_version: String::new() };
        let schema = outline.schema(&intake.schema);
        let (place, transfer, shared) = (self.place.clone(), intake.transfer, schema.clone());
        let writer = blocking(F::KIND, move || {
            place.clear(&Manifest::open(&place)?)?;
            let file = File::create(place.draft(transfer)).map_err(|e| place.failed(e))?;
            let mut writer =
                F::writer(file, &shared).map_err(|source| place.failed_with(source))?;
            // So that a file without rows has a header as well.
            let written = writer.write(&RecordBatch::new_empty(shared));
            written.map_err(|source| place.failed_with(source))?;
            Ok(writer)
        })
        .await?;
        self.steps.reach(Step::Ready)?;
        let (place, steps) = (self.place.clone(), self.steps.clone());
        Ok(Box::new(Intaking { place, intake, steps, writer: Some(writer), schema }))
    }
}

#[async_trait]
impl Taking for Intaking {
    async fn rows(&mut self, batch: &RecordBatch) -> Result<(), SinkError> {
        let place = self.place.clone();
        let writer = self.writer.take().ok_or_else(|| place.ended())?;
        // The delivery's own schema says more than the file has to.
        let batch = RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec())
            .map_err(|error| self.place.failed_with(Cause::new(error)))?;
        let writing = move || {
            let mut writer = writer;
            writer.write(&batch).map_err(|source| place.failed_with(source))?;
            Ok(writer)
        };
        self.writer = Some(blocking(self.place.kind, writing).await?);
        self.steps.reach(Step::Rows)
    }

    async fn commit(self: Box<Self>, note: &Note) -> Result<Taken, SinkError> {
        let Self { place, intake, steps, writer, .. } = *self;
        let writer = writer.ok_or_else(|| place.ended())?;
        let (kind, note) = (place.kind, note.clone());
        blocking(kind, move || {
            let mut manifest = Manifest::open(&place)?;
            if manifest.has(note.transfer) {
                drop(writer);
                fs::remove_file(place.draft(note.transfer)).map_err(|error| place.failed(error))?;
                return Ok(Taken::Before);
            }
            if manifest.last().map_or(0, |last| last.number) + 1 != note.number {
                return Err(SinkError::Overtaken);
            }
            let file = writer.finish().map_err(|source| place.failed_with(source))?;
            file.sync_all().map_err(|error| place.failed(error))?;
            steps.reach(Step::Written)?;
            let name = place.file_name(note.transfer);
            fs::rename(place.draft(note.transfer), place.folder.join(&name))
                .and_then(|()| File::open(&place.folder)?.sync_all())
                .map_err(|error| place.failed(error))?;
            steps.reach(Step::Noted)?;
            steps.reach(Step::Applied)?;
            manifest.enter(&name, intake.effect, &note)?;
            steps.reach(Step::Committed)?;
            Ok(Taken::Now)
        })
        .await
    }
}

// === impl Place ===

impl Place {
    fn manifest(&self) -> PathBuf {
        self.folder.join(format!("{}.manifest.jsonl", self.name))
    }

    fn file_name(&self, transfer: TransferId) -> String {
        format!("{}.{transfer}.{}", self.name, self.kind)
    }

    fn draft(&self, transfer: TransferId) -> PathBuf {
        self.folder.join(format!("{}.part", self.file_name(transfer)))
    }

    /// Removes what a crash left: files of ours that the manifest does not name.
    fn clear(&self, manifest: &Manifest) -> Result<(), SinkError> {
        let (prefix, ending) = (format!("{}.", self.name), format!(".{}", self.kind));
        for entry in fs::read_dir(&self.folder).map_err(|error| self.failed(error))? {
            let entry = entry.map_err(|error| self.failed(error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let whole = name.strip_suffix(".part").unwrap_or(&name);
            let transfer = whole.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(&ending));
            let Some(Ok(_)) = transfer.map(str::parse::<TransferId>) else { continue };
            if !manifest.names(&name) {
                fs::remove_file(entry.path()).map_err(|error| self.failed(error))?;
            }
        }
        Ok(())
    }

    fn failed(&self, error: std::io::Error) -> SinkError {
        let kind = self.kind;
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others mean the same here")]
        match error.kind() {
            _ if is_full(&error) => SinkError::Full { kind, source: Cause::new(error) },
            std::io::ErrorKind::NotFound
            | std::io::ErrorKind::PermissionDenied
            | std::io::ErrorKind::ReadOnlyFilesystem => {
                SinkError::Unavailable { kind, source: Cause::new(error) }
            }
            _ => SinkError::Failed { kind, source: Cause::new(error) },
        }
    }

    fn failed_with(&self, source: Cause) -> SinkError {
        let kind = self.kind;
        match source.find::<std::io::Error>() {
            Some(error) if is_full(error) => SinkError::Full { kind, source },
            Some(_) | None => SinkError::Failed { kind, source },
        }
    }

    fn ended(&self) -> SinkError {
        let error = std::io::Error::other("a failed delivery takes no more rows");
        SinkError::Failed { kind: self.kind, source: Cause::new(error) }
    }
}

/// Whether there was no room.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};

    matches!(error.kind(), StorageFull | QuotaExceeded)
}

async fn blocking<T: Send + 'static>(
    kind: &'static str,
    work: impl FnOnce() -> Result<T, SinkError> + Send + 'static,
) -> Result<T, SinkError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(SinkError::Failed { kind, source: Cause::new(error) }),
    }
}
