//! The log's archives: which there are, what is found in them, and what is ready to be sealed (R23.2).

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use publicdata_proto::exchange::v1::{LogArchive, LogArchiveStatus, SealedLogArchive, Transfer};
use publicdata_types::TransferId;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::matters::Fetched;
use super::{Listed, Page, Queries, Reader, Sought};
use crate::archive::{ArchiveError, Named, Opened, Place, Visible, Wanted};
use crate::codec::values;
use crate::error::Error;
use crate::views::from_column;

mod subjects;

/// How many transfers are looked at at once.
const BATCH_ROWS: i64 = 1_000;

/// A transfer that has come to rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Rested {
    /// Its id.
    pub id: String,
    /// The sequence of its first commit.
    pub sequence: i64,
    /// The sequence of the commit that it came to rest by.
    pub ended_sequence: u64,
    /// Its entry of the log.
    pub transfer: Transfer,
}

impl Queries {
    /// Where archives are kept, if the bus was told.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// The archives, newest first.
    ///
    /// # Errors
    /// The database failed, or the page token is not one of ours.
    pub async fn archives(&self, page: &Page) -> Result<Listed<SealedLogArchive>, Error> {
        let rows = sqlx::query(
            "SELECT number AS sequence, body FROM bus_log_archive \
             WHERE number < $1 ORDER BY number DESC LIMIT $2",
        )
        .bind(page.before()?)
        .bind(page.limit() + 1)
        .fetch_all(self.database.pool())
        .await?;
        page.list(&rows)
    }

    /// One archive, if it is sealed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn archive(&self, number: u32) -> Result<Option<LogArchive>, Error> {
        let row = sqlx::query("SELECT body FROM bus_log_archive WHERE number = $1")
            .bind(i64::from(number))
            .fetch_optional(self.database.pool())
            .await?;
        let sealed = row.map(|row| from_column::<SealedLogArchive>(&row, "body")).transpose()?;
        Ok(sealed.and_then(|sealed| sealed.archive))
    }

    /// The archives in this state, the newest transfers first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn archives_in(&self, status: LogArchiveStatus) -> Result<Vec<LogArchive>, Error> {
        let mut connection = self.database.pool().acquire().await?;
        archives_of(&mut connection, status).await
    }

    /// The archives that searches read.
    pub(super) async fn archives_in_use(&self) -> Result<Vec<LogArchive>, Error> {
        self.archives_in(LogArchiveStatus::Trimmed).await
    }

    /// Whose transfers a reader may see.
    pub(super) async fn visible(&self, reader: &Reader) -> Result<Visible, Error> {
        if reader.everything {
            return Ok(Visible::All);
        }
        let rows = sqlx::query("SELECT code FROM bus_organisation WHERE region_code LIKE $1")
            .bind(reader.region.as_str())
            .fetch_all(self.database.pool())
            .await?;
        let codes = rows.iter().map(|row| row.try_get::<String, _>("code"));
        let mut codes = codes.collect::<Result<HashSet<_>, _>>()?;
        codes.insert(reader.organisation.to_string());
        Ok(Visible::Of(codes))
    }

    /// What was found near, and what archives hold of it beside: the newest first, and no more than `most`. Archives that can add
    /// nothing stay closed.
    pub(super) async fn reach_back(
        &self,
        near: Vec<(i64, Transfer)>,
        archives: &[LogArchive],
        wanted: &Wanted,
        most: usize,
    ) -> Result<Vec<(i64, Transfer)>, Error> {
        let mut found: HashMap<i64, Transfer> = near.into_iter().collect();
        let newest_first = |found: &HashMap<i64, Transfer>| {
            let mut sequences: Vec<_> = found.keys().copied().collect();
            sequences.sort_unstable_by_key(|sequence| std::cmp::Reverse(*sequence));
            sequences.truncate(most);
            sequences
        };
        for archive in archives {
            let kept = newest_first(&found);
            let newest = i64::try_from(archive.last_transfer_sequence).unwrap_or(i64::MAX);
            if kept.len() == most && kept.last().is_some_and(|last| newest < *last) {
                // Those that follow begin earlier still.
                break;
            }
            if !wanted.may_be_in(archive) {
                continue;
            }
            for row in self.open(archive).await?.find(archive, wanted, most).await? {
                // The near log knows it as it is now.
                found.entry(row.sequence).or_insert(row.transfer);
            }
        }
        let kept = newest_first(&found);
        let take = |sequence| found.remove(&sequence).map(|transfer| (sequence, transfer));
        Ok(kept.into_iter().filter_map(take).collect())
    }

    /// A transfer that is read from an archive.
    pub(super) async fn fetched_before(&self, id: TransferId) -> Result<Option<Fetched>, Error> {
        let wanted = Wanted { id: Some(id), ..Wanted::of(Sought::default()) };
        let archives = self.archives_in_use().await?;
        let mut found = self.reach_back(Vec::new(), &archives, &wanted, 1).await?;
        let Some((_, transfer)) = found.pop() else { return Ok(None) };
        let grant = transfer.grant_id.parse().map_err(Error::unreadable)?;
        let resource = self.bargain(grant).await?.map(|bargain| bargain.resource);
        Ok(Some(Fetched {
            source: match values::optional("provider_code", &transfer.provider_code)? {
                Some(provider) => resource.map(|resource| (resource, provider)),
                None => None,
            },
            consumer: values::parse("consumer_code", &transfer.consumer_code)?,
        }))
    }

    /// An archive's file, verified.
    pub(super) async fn open(&self, archive: &LogArchive) -> Result<Opened, Error> {
        match &self.place {
            Some(place) => place.sealed(archive).await,
            None => {
                let archive = Box::new(Named::of(archive)?);
                Err(ArchiveError::NoPlace { archive }.into())
            }
        }
    }

    /// When the first transfer came to rest of those that did so after this position of the log.
    ///
    /// # Errors
    /// The database failed, or holds what cannot be read.
    pub async fn first_rest(&self, after_sequence: u64) -> Result<Option<Timestamp>, Error> {
        let row = sqlx::query(
            "SELECT ended_at FROM bus_transfer WHERE ended_sequence > $1 \
             ORDER BY ended_sequence LIMIT 1",
        )
        .bind(signed(after_sequence)?)
        .fetch_optional(self.database.pool())
        .await?;
        let ended_at = row.map(|row| row.try_get::<i64, _>("ended_at")).transpose()?;
        ended_at.map(Timestamp::from_microsecond).transpose().map_err(Error::unreadable)
    }

    /// The position of the first commit that a transfer came to rest by at this time or later, after a position of the log.
    ///
    /// # Errors
    /// The database failed.
    pub async fn rest_at_or_after(
        &self,
        after_sequence: u64,
        time: Timestamp,
    ) -> Result<Option<u64>, Error> {
        let row = sqlx::query(
            "SELECT MIN(ended_sequence) AS ended_sequence FROM bus_transfer \
             WHERE ended_sequence > $1 AND ended_at >= $2",
        )
        .bind(signed(after_sequence)?)
        .bind(time.as_microsecond())
        .fetch_one(self.database.pool())
        .await?;
        Ok(row.try_get::<Option<i64>, _>("ended_sequence")?.map(i64::unsigned_abs))
    }

    /// Transfers that came to rest within a span of the log and began before a sequence, the newest first: the next ones.
    ///
    /// # Errors
    /// The database failed, or holds what cannot be read.
    pub async fn rested(
        &self,
        (after_sequence, last_sequence): (u64, u64),
        before: i64,
    ) -> Result<Vec<Rested>, Error> {
        let select = format!(
            "SELECT id, sequence, ended_sequence, body FROM bus_transfer \
             WHERE ended_sequence > $1 AND ended_sequence <= $2 AND sequence < $3 \
             ORDER BY sequence DESC LIMIT {BATCH_ROWS}"
        );
        let rows = sqlx::query(AssertSqlSafe(select))
            .bind(signed(after_sequence)?)
            .bind(signed(last_sequence)?)
            .bind(before)
            .fetch_all(self.database.pool())
            .await?;
        Ok(rows.iter().map(rested).collect::<Result<_, _>>()?)
    }

    /// Whether a transfer has gone on since it came to rest by this commit.
    ///
    /// # Errors
    /// The database failed.
    pub async fn went_on(&self, id: &str, ended_sequence: u64) -> Result<bool, Error> {
        let row = sqlx::query("SELECT ended_sequence FROM bus_transfer WHERE id = $1")
            .bind(id)
            .fetch_optional(self.database.pool())
            .await?;
        match row {
            Some(row) => Ok(row.try_get::<i64, _>("ended_sequence")? != signed(ended_sequence)?),
            None => Ok(false),
        }
    }
}

/// The archives in this state, the newest transfers first.
async fn archives_of(
    connection: &mut AnyConnection,
    status: LogArchiveStatus,
) -> Result<Vec<LogArchive>, Error> {
    let rows = sqlx::query("SELECT body FROM bus_log_archive WHERE status = $1")
        .bind(i64::from(i32::from(status)))
        .fetch_all(connection)
        .await?;
    let sealed = rows.iter().map(|row| from_column::<SealedLogArchive>(row, "body"));
    let sealed = sealed.collect::<Result<Vec<_>, _>>()?;
    let mut archives: Vec<_> = sealed.into_iter().filter_map(|sealed| sealed.archive).collect();
    archives.sort_by_key(|archive| std::cmp::Reverse(archive.last_transfer_sequence));
    Ok(archives)
}

fn rested(row: &AnyRow) -> Result<Rested, sqlx::Error> {
    Ok(Rested {
        id: row.try_get("id")?,
        sequence: row.try_get("sequence")?,
        ended_sequence: row.try_get::<i64, _>("ended_sequence")?.unsigned_abs(),
        transfer: from_column(row, "body")?,
    })
}

fn signed(sequence: u64) -> Result<i64, Error> {
    i64::try_from(sequence).map_err(Error::unreadable)
}
