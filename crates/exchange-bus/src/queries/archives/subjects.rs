//! How often subjects were asked about, near and far (R21.1).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use publicdata_event_store::BoxError;
use publicdata_proto::exchange::v1::{LogArchiveStatus, SubjectCount};
use sqlx::{AssertSqlSafe, Row as _};

use super::{Queries, Reader, Sought, Wanted, archives_of};
use crate::codec::values;
use crate::error::Error;

/// How many subjects and consumers of each are counted at once: what fits in memory.
const COUNTED_MAX: usize = 1_000_000;
/// What is counted, as archives call it.
const COLUMNS: [&str; 4] = ["subject_reference", "resource_code", "consumer_code", "requested_at"];

/// Subjects, by reference and resource, with what is counted of them.
#[derive(Default)]
struct Counts {
    subjects: BTreeMap<(String, String), Count>,
    /// How many consumers all subjects have.
    consumers: usize,
}

#[derive(Default)]
struct Count {
    answers: u64,
    consumers: BTreeSet<String>,
    /// In microseconds since the epoch.
    last_at: i64,
}

impl Queries {
    /// Whether archives may hold something of what is sought.
    pub(in crate::queries) async fn may_be_archived(&self, sought: &Sought) -> Result<bool, Error> {
        let wanted = Wanted::of(sought.clone());
        Ok(self.archives_in_use().await?.iter().any(|archive| wanted.may_be_in(archive)))
    }

    /// How often each subject was asked about, in the near log and in archives together.
    pub(in crate::queries) async fn subjects_of_all(
        &self,
        reader: &Reader,
        sought: &Sought,
        asked_min: u32,
        count_max: u32,
    ) -> Result<Vec<SubjectCount>, Error> {
        let mut counts = Counts::default();
        let mut conditions = sought.conditions();
        conditions.text.push_str(" AND subject_reference <> ''");
        let select = format!(
            "SELECT subject_reference, resource_code, consumer_code, COUNT(*) AS answers, \
             MAX(requested_at) AS last_at FROM bus_transfer WHERE {} \
             GROUP BY subject_reference, resource_code, consumer_code",
            conditions.text
        );
        // Tables and list of archives as of one moment, so that nothing counts twice.
        let mut snapshot = self.database.snapshot().await?;
        let query = conditions.bind(reader.bind(sqlx::query(AssertSqlSafe(select))));
        let mut near = query.fetch(snapshot.connection());
        while let Some(row) = near.try_next().await? {
            let subject = (row.try_get("subject_reference")?, row.try_get("resource_code")?);
            let answers = row.try_get::<i64, _>("answers")?.unsigned_abs();
            let last_at = row.try_get("last_at")?;
            counts.add(subject, row.try_get("consumer_code")?, answers, last_at)?;
        }
        drop(near);
        let archives = archives_of(snapshot.connection(), LogArchiveStatus::Trimmed).await?;
        drop(snapshot);

        let visible = self.visible(reader).await?;
        let wanted = Wanted { visible, ..Wanted::of(sought.clone()) };
        for archive in archives.iter().filter(|archive| wanted.may_be_in(archive)) {
            let file = self.open(archive).await?;
            let mut batches = std::pin::pin!(file.batches(archive, &wanted, &COLUMNS, None).await?);
            while let Some(batch) = batches.try_next().await? {
                counts.add_batch(&batch)?;
            }
            file.check_unchanged(archive).await?;
        }
        counts.most_often(asked_min, count_max)
    }
}

// === impl Counts ===

impl Counts {
    fn add(
        &mut self,
        subject: (String, String),
        consumer: String,
        answers: u64,
        last_at: i64,
    ) -> Result<(), Error> {
        let count = self.subjects.entry(subject).or_default();
        count.answers += answers;
        self.consumers += usize::from(count.consumers.insert(consumer));
        count.last_at = count.last_at.max(last_at);
        match self.consumers > COUNTED_MAX {
            true => Err(Error::TooManySubjects { counted_max: COUNTED_MAX }),
            false => Ok(()),
        }
    }

    fn add_batch(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let missing = |name: &str| Error::Unreadable(BoxError::from(format!("no column `{name}`")));
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
        let text = |name: &str| column(name)?.as_string_opt::<i32>().ok_or_else(|| missing(name));
        let [subject, resource, consumer, requested_at] = COLUMNS;
        let (subjects, resources, consumers) = (text(subject)?, text(resource)?, text(consumer)?);
        let times = column(requested_at)?
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| missing(requested_at))?;
        for place in 0..batch.num_rows() {
            let reference = subjects.value(place);
            // An answer about nobody in particular.
            if reference.is_empty() {
                continue;
            }
            let subject = (reference.to_owned(), resources.value(place).to_owned());
            self.add(subject, consumers.value(place).to_owned(), 1, times.value(place))?;
        }
        Ok(())
    }

    fn most_often(self, asked_min: u32, count_max: u32) -> Result<Vec<SubjectCount>, Error> {
        let mut subjects: Vec<_> = self.subjects.into_iter().collect();
        subjects.retain(|(_, count)| count.answers >= asked_min.into());
        // Those that were asked about equally often stay in the order of their references.
        subjects.sort_by_key(|(_, count)| Reverse(count.answers));
        subjects.truncate(usize::try_from(count_max).unwrap_or(usize::MAX));
        let told = |((subject_reference, resource_code), count): (_, Count)| {
            let last_at = Timestamp::from_microsecond(count.last_at);
            Ok(SubjectCount {
                subject_reference,
                resource_code,
                answers: count.answers,
                consumers: count.consumers.len() as u64,
                last_requested_at: Some(values::time_to_wire(last_at.map_err(Error::unreadable)?)),
            })
        };
        subjects.into_iter().map(told).collect()
    }
}
