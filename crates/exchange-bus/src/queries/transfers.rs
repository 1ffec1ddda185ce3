//! The exchange log, searched (R23.2): the near part in the tables, and from there back in the archives.

use jiff::Timestamp;
use publicdata_proto::exchange::v1::{SubjectCount, Transfer, TransferStatus};
use publicdata_types::GrantId;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::{Listed, PARTY, Page, Queries, Query, Reader, page};
use crate::archive::Wanted;
use crate::codec::values;
use crate::error::Error;

/// How many subjects are told of at once, if nobody says otherwise, and at most.
const SUBJECTS: u32 = 50;
const SUBJECTS_MAX: u32 = 500;

/// What is sought in the exchange log: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sought {
    /// The grant.
    pub grant: Option<GrantId>,
    /// How it stands; unspecified for any.
    pub status: TransferStatus,
    /// The provider's code; empty for any.
    pub provider: String,
    /// The consumer's code; empty for any.
    pub consumer: String,
    /// The resource's code; empty for any.
    pub resource_code: String,
    /// A part of the purpose; empty for any.
    pub purpose: String,
    /// Whom the answer was about; empty for any.
    pub subject_reference: String,
    /// The case; empty for any.
    pub case_number: String,
    /// Why it was refused, interrupted or stopped; empty for any.
    pub reason: String,
    /// Asked for at this time or later.
    pub from: Option<Timestamp>,
    /// Asked for before this time.
    pub before: Option<Timestamp>,
}

/// Conditions in SQL, and what stands in the place of their parameters. The first three are those of [`PARTY`].
pub(super) struct Conditions {
    pub(super) text: String,
    values: Vec<Value>,
}

pub(super) enum Value {
    Text(String),
    Number(i64),
}

impl Queries {
    /// The exchange log that the reader may see, newest first (R23.2).
    ///
    /// # Errors
    /// The database failed, the page token is not one of ours, or an archive that may hold some of it cannot be read.
    pub async fn transfers(
        &self,
        reader: &Reader,
        sought: &Sought,
        page: &Page,
    ) -> Result<Listed<Transfer>, Error> {
        let before = page.before()?;
        let mut conditions = sought.conditions();
        conditions.number("sequence <", before);
        let limit = conditions.place(Value::Number(page.limit() + 1));
        let select = format!(
            "SELECT sequence, body FROM bus_transfer WHERE {} ORDER BY sequence DESC LIMIT {limit}",
            conditions.text
        );
        let query = conditions.bind(reader.bind(sqlx::query(AssertSqlSafe(select))));
        let near = query.fetch_all(self.database.pool()).await?;
        let near = near.iter().map(page::entry).collect::<Result<Vec<(i64, Transfer)>, _>>()?;

        // After the tables: what left them meanwhile is found twice, and not missed.
        let archives = self.archives_in_use().await?;
        if archives.is_empty() {
            return Ok(page.newest(near));
        }
        let visible = self.visible(reader).await?;
        let wanted = Wanted { sought: sought.clone(), id: None, visible, before };
        let most = usize::try_from(page.limit() + 1).unwrap_or(usize::MAX);
        Ok(page.newest(self.reach_back(near, &archives, &wanted, most).await?))
    }

    /// How often each subject was asked about, of the answers that the reader may see: most often first (R21.1).
    ///
    /// # Errors
    /// The database failed.
    pub async fn subjects(
        &self,
        reader: &Reader,
        sought: &Sought,
        asked_min: u32,
        count_max: u32,
    ) -> Result<Vec<SubjectCount>, Error> {
        let count_max = match count_max {
            0 => SUBJECTS,
            count => count.min(SUBJECTS_MAX),
        };
        let mut conditions = sought.conditions();
        conditions.text.push_str(" AND subject_reference <> ''");
        let least = conditions.place(Value::Number(asked_min.into()));
        let limit = conditions.place(Value::Number(count_max.into()));
        let select = format!(
            "SELECT subject_reference, resource_code, COUNT(*) AS answers, \
             COUNT(DISTINCT consumer_code) AS consumers, MAX(requested_at) AS last_at \
             FROM bus_transfer WHERE {} GROUP BY subject_reference, resource_code \
             HAVING COUNT(*) >= {least} ORDER BY answers DESC, subject_reference LIMIT {limit}",
            conditions.text
        );
        let query = conditions.bind(reader.bind(sqlx::query(AssertSqlSafe(select))));
        let near = query.fetch_all(self.database.pool()).await?;
        // After the tables: what left them meanwhile is not missed.
        match self.may_be_archived(sought).await? {
            true => self.subjects_of_all(reader, sought, asked_min, count_max).await,
            false => near.iter().map(subject).collect(),
        }
    }
}

fn subject(row: &AnyRow) -> Result<SubjectCount, Error> {
    let last_at = Timestamp::from_microsecond(row.try_get("last_at")?);
    Ok(SubjectCount {
        subject_reference: row.try_get("subject_reference")?,
        resource_code: row.try_get("resource_code")?,
        answers: row.try_get::<i64, _>("answers")?.unsigned_abs(),
        consumers: row.try_get::<i64, _>("consumers")?.unsigned_abs(),
        last_requested_at: Some(values::time_to_wire(last_at.map_err(Error::unreadable)?)),
    })
}

impl Sought {
    pub(super) fn conditions(&self) -> Conditions {
        let mut conditions = Conditions { text: format!("({PARTY})"), values: Vec::new() };
        let grant = self.grant.map(|grant| grant.to_string()).unwrap_or_default();
        for (column, value) in [
            ("grant_id", &grant),
            ("provider_code", &self.provider),
            ("consumer_code", &self.consumer),
            ("resource_code", &self.resource_code),
            ("subject_reference", &self.subject_reference),
            ("case_number", &self.case_number),
            ("reason", &self.reason),
        ] {
            if !value.is_empty() {
                let place = conditions.place(Value::Text(value.clone()));
                conditions.text.push_str(&format!(" AND {column} = {place}"));
            }
        }
        if !self.purpose.is_empty() {
            // Letter by letter in every database, and as in archives.
            let place = conditions.place(Value::Text(self.purpose.clone()));
            conditions.text.push_str(&format!(" AND REPLACE(purpose, {place}, '') <> purpose"));
        }
        if self.status != TransferStatus::Unspecified {
            conditions.number("status =", i32::from(self.status).into());
        }
        if let Some(from) = self.from {
            conditions.number("requested_at >=", from.as_microsecond());
        }
        if let Some(before) = self.before {
            conditions.number("requested_at <", before.as_microsecond());
        }
        conditions
    }
}

impl Conditions {
    /// The place of a value.
    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", 3 + self.values.len())
    }

    fn number(&mut self, comparison: &str, number: i64) {
        let place = self.place(Value::Number(number));
        self.text.push_str(&format!(" AND {comparison} {place}"));
    }

    pub(super) fn bind<'q>(self, query: Query<'q>) -> Query<'q> {
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
    }
}
