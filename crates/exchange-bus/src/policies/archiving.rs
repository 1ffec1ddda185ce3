//! Archives what is finished of the exchange log (R23.2).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use jiff::{Span, Timestamp};
use publicdata_event_store::aggregates::{self, Aggregates, Executed, Meta};
use publicdata_event_store::{Store, Subject};
use publicdata_exchange_domain::archive::{Archives, Command, Sealed};
use publicdata_identity::Signer;
use publicdata_proto::exchange::v1::{LogArchive, LogArchiveStatus};
use publicdata_service_kit::Clock;
use publicdata_service_kit::problem::chain;
use publicdata_transfer::signed;
use publicdata_types::{CommandId, Digest, KeptYears, china_date};
use publicdata_views::Projector;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::CATCH_UP_TIMEOUT;
use crate::archive::{LAYOUT, Place, Row};
use crate::codec::archive::{LogArchives, TRANSFERS, archive_of};
use crate::codec::values::time_to_wire;
use crate::config::Period;
use crate::error::Error;
use crate::metrics;
use crate::queries::{Queries, Rested};
use crate::views::EXCHANGE;
use compare::Extent;

mod compare;

/// How many transfers' commits are read at once.
const READS_MAX: usize = 32;

/// Seals each finished period's part of the log, has it read from its archive when it is no longer near, and lets go of archives
/// whose time is over.
///
/// Every step begins with what the events say, and ends with an event: whatever is interrupted is done again from its beginning, and
/// nothing is done twice. What a crash leaves behind are files that no seal names.
pub struct Archiving {
    /// Where archives are kept.
    pub place: Place,
    /// What is in the log.
    pub queries: Queries,
    /// The row of archives.
    pub archives: Aggregates<LogArchives>,
    /// The events of transfers.
    pub store: Store,
    /// The view of our own events.
    pub log: Arc<Projector>,
    /// The view of who is owed corrections.
    pub objections: Arc<Projector>,
    /// Who seals: this service.
    pub signer: Signer,
    /// The time.
    pub clock: Clock,
    /// How much goes into one archive.
    pub period: Period,
    /// How long an archived period stays near.
    pub near_days: u32,
    /// How long archives are kept; for good, if nothing is said.
    pub kept: Option<KeptYears>,
    /// What keeps it from all this, for whoever asks.
    pub hindrance: Hindrance,
    /// How often the clock is looked at.
    pub every: Duration,
}

/// What kept the log from being archived at the last attempt, in words; empty if nothing did. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Hindrance(Arc<Mutex<String>>);

/// A part of the log that is to be archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    number: u32,
    from: Timestamp,
    until: Timestamp,
    after_sequence: u64,
    last_sequence: u64,
}

impl Archiving {
    /// Looks at the clock again and again, until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(self.every);
        let mut deleted = HashSet::new();
        loop {
            let tried = async {
                ticks.tick().await;
                self.attend(&mut deleted).await
            };
            let tried = tokio::select! {
                () = shutdown.cancelled() => return,
                tried = tried => tried,
            };
            // What fails now is still to be done at the next tick; until then everything stays near.
            for error in &tried {
                metrics::archive("failed");
                tracing::warn!(error = chain(error), "cannot archive the exchange log");
            }
            let told: Vec<String> = tried.iter().map(Error::to_string).collect();
            self.hindrance.is(told.join("; "));
        }
    }

    /// Does what is due; what of it failed.
    async fn attend(&self, deleted: &mut HashSet<u32>) -> Vec<Error> {
        if let Err(error) = self.catch_up().await {
            return vec![error];
        }
        let sealed = self.seal_finished().await;
        // A place that takes nothing in can still be read from, and the other way round.
        let trimmed = self.trim().await;
        let expired = self.expire(deleted).await;
        [sealed, trimmed, expired].into_iter().filter_map(Result::err).collect()
    }

    /// All views have to show what was stored so far: also who is owed corrections.
    async fn catch_up(&self) -> Result<(), Error> {
        let last = self.store.last_sequence(EXCHANGE).await.map_err(aggregates::Error::Store)?;
        self.objections.wait_for(EXCHANGE, last, CATCH_UP_TIMEOUT).await?;
        self.caught_up(last).await
    }

    async fn seal_finished(&self) -> Result<(), Error> {
        while let Some(part) = self.next_finished().await? {
            self.seal(part).await?;
        }
        Ok(())
    }

    /// The oldest part of the log that no archive holds yet, if its period is over.
    async fn next_finished(&self) -> Result<Option<Part>, Error> {
        // Before the tables are read: they hold everything up to there.
        let position = self.log.positions().get(EXCHANGE).copied().unwrap_or_default();
        let row = self.row().await?;
        let (begin, after_sequence) = match row.last() {
            Some(last) => (last.until, last.last_sequence),
            None => (Timestamp::MIN, 0),
        };
        let Some(first) = self.queries.first_rest(after_sequence).await? else { return Ok(None) };
        // What came late, by its own time, goes with what came after it.
        let (from, until) = self.period.around(first.max(begin));
        if self.clock.now() < until {
            return Ok(None);
        }
        let next = self.queries.rest_at_or_after(after_sequence, until).await?;
        Ok(Some(Part {
            number: row.next(),
            from: from.max(begin),
            until,
            after_sequence,
            last_sequence: next.map_or(position, |next| next - 1),
        }))
    }

    async fn seal(&self, part: Part) -> Result<(), Error> {
        self.place.sweep().await?;
        let written = self.place.write(self.rows(part)).await?;
        let file = self.place.read_back(&written).await?;
        let extent = self.compare(&file, part).await?;
        let archive = archive(part, &extent, written.digest, file.bytes());
        self.place.settle(&written.path, &archive.path).await?;

        let sealed = signed::sign(&self.signer, &archive);
        let command = Command::Seal(archive_of(&sealed)?);
        let step = format!("sealed-{}-{}", part.number, written.digest);
        self.execute(&step, command).await?;
        metrics::archive("sealed");
        tracing::info!(archive = part.number, rows = extent.rows, file = archive.path, "archived");
        Ok(())
    }

    /// The transfers of a part of the log, newest first, with their commits.
    fn rows(&self, part: Part) -> impl Stream<Item = Result<Row, Error>> + '_ {
        let read = move |rested: Result<Rested, Error>| async move {
            let Rested { id, ended_sequence, .. } = rested?;
            let subject = Subject::new("exchange", "transfer", &id).map_err(Error::unreadable)?;
            let commits = self.store.load(&subject, 0).await;
            let commits = commits.map_err(aggregates::Error::Store)?;
            Row::of(&id, &commits, ended_sequence).map_err(Error::Unreadable)
        };
        self.rested(part).map(read).buffered(READS_MAX)
    }

    /// The transfers of a part of the log, newest first, as the view has them.
    fn rested(&self, part: Part) -> impl Stream<Item = Result<Rested, Error>> + '_ {
        let span = (part.after_sequence, part.last_sequence);
        stream::try_unfold(i64::MAX, move |before| async move {
            let page = self.queries.rested(span, before).await?;
            let oldest = page.last().map(|rested| rested.sequence);
            Ok::<_, Error>(oldest.map(|oldest| (stream::iter(page.into_iter().map(Ok)), oldest)))
        })
        .try_flatten()
    }

    /// Has archives read in the place of the near log, once their files were verified again.
    async fn trim(&self) -> Result<(), Error> {
        while let Some((number, Sealed { until, .. })) = self.row().await?.next_to_trim() {
            let near = Span::new().days(i64::from(self.near_days));
            let due = china_date(until).saturating_add(near);
            // Whether a correction has arrived is seen by transfers that are near.
            if china_date(self.clock.now()) < due || !self.queries.arrived().await?.is_empty() {
                break;
            }
            let Some(archive) = self.queries.archive(number).await? else { break };
            self.place.verify(&archive).await?;
            self.execute(&format!("trimmed-{number}"), Command::Trim { number }).await?;
            metrics::archive("trimmed");
        }
        Ok(())
    }

    /// Lets go of archives that need not be kept, if that was asked for.
    async fn expire(&self, deleted: &mut HashSet<u32>) -> Result<(), Error> {
        if let Some(years) = self.kept {
            while let Some((number, Sealed { until, .. })) = self.row().await?.next_to_expire() {
                let at = self.clock.now();
                if china_date(at) < years.kept_until(until) {
                    break;
                }
                let command = Command::Expire { number, at };
                self.execute(&format!("expired-{number}"), command).await?;
                metrics::archive("expired");
            }
        }
        // First it is said, then it is done: a crash between the two leaves a file that is deleted at the next start.
        for archive in self.queries.archives_in(LogArchiveStatus::Expired).await? {
            if !deleted.contains(&archive.number) {
                self.place.delete(&archive.path).await?;
                deleted.insert(archive.number);
            }
        }
        Ok(())
    }

    async fn row(&self) -> Result<Archives, Error> {
        Ok(self.archives.get(TRANSFERS).await?.0)
    }

    /// Carries out a command whose id follows from what it does, and waits until the view shows it.
    async fn execute(&self, step: &str, command: Command) -> Result<(), Error> {
        let name = format!("log-archive-{step}");
        let meta = Meta {
            command_id: CommandId::from_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())),
            actor: self.signer.id().to_string(),
            at: self.clock.now(),
            traceparent: None,
        };
        let Executed { sequence, .. } = self.archives.execute(TRANSFERS, &meta, command).await?;
        self.caught_up(sequence).await
    }

    async fn caught_up(&self, sequence: u64) -> Result<(), Error> {
        Ok(self.log.wait_for(EXCHANGE, sequence, CATCH_UP_TIMEOUT).await?)
    }
}

// === impl Hindrance ===

impl Hindrance {
    /// What it is.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what it is.
    pub fn is(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// What is sealed.
fn archive(part: Part, extent: &Extent, digest: Digest, bytes: u64) -> LogArchive {
    let first = china_date(part.from);
    let last = china_date(part.until).yesterday().unwrap_or(first);
    let short = &hex::encode(digest.as_bytes())[..16];
    LogArchive {
        number: part.number,
        from: Some(time_to_wire(part.from)),
        until: Some(time_to_wire(part.until)),
        after_sequence: part.after_sequence,
        last_sequence: part.last_sequence,
        path: format!("exchange-log-{first}-to-{last}-{short}.parquet"),
        rows: extent.rows,
        bytes,
        sha256: digest.as_bytes().to_vec(),
        first_transfer_sequence: extent.first_sequence,
        last_transfer_sequence: extent.last_sequence,
        first_requested_at: extent.first_requested_at,
        last_requested_at: extent.last_requested_at,
        layout: LAYOUT,
    }
}
