//! The keys of rows that changed, as a replication slot told them: of each key, when it changed last.

use std::fmt;

use publicdata_types::ResourceId;
use sqlx::Row as _;

use super::{Cursors, CursorsError};
use crate::changes::replication::Place;

/// How far a slot has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    /// What is followed, and by what.
    pub(crate) source: String,
    /// Which list of changes it is.
    pub(crate) epoch: String,
    /// Up to where in the database's log changes are listed.
    pub(crate) confirmed: i64,
    /// The number of the last change.
    pub(crate) last: i64,
    /// The number of the change that may be one of all rows; 0 if there was none.
    pub(crate) whole_since: i64,
}

impl Cursors {
    /// How far a resource's slot has been read; none if it never was.
    pub(crate) async fn followed(
        &self,
        resource: ResourceId,
    ) -> Result<Option<Followed>, CursorsError> {
        let select = "SELECT source, epoch, confirmed, last, whole_since FROM followed \
            WHERE resource = $1";
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        let row = sqlx::query(select).bind(resource.to_string()).fetch_optional(connection).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Followed {
            source: row.try_get("source")?,
            epoch: row.try_get("epoch")?,
            confirmed: row.try_get("confirmed")?,
            last: row.try_get("last")?,
            whole_since: row.try_get("whole_since")?,
        }))
    }

    /// Begins a resource's list anew.
    pub(crate) async fn follow_anew(
        &self,
        resource: ResourceId,
        source: String,
        confirmed: i64,
    ) -> Result<Followed, CursorsError> {
        let epoch = hex::encode(rand::random::<[u8; 16]>());
        let followed = Followed { source, epoch, confirmed, last: 0, whole_since: 0 };
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        // In this order: keys of an earlier list do no harm once they are gone.
        sqlx::query("DELETE FROM changed WHERE resource = $1")
            .bind(resource.to_string())
            .execute(connection)
            .await?;
        drop(guard);
        self.follow(resource, &followed).await?;
        Ok(followed)
    }

    /// Remembers how far a slot has been read.
    pub(crate) async fn follow(
        &self,
        resource: ResourceId,
        followed: &Followed,
    ) -> Result<(), CursorsError> {
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        sqlx::query(
            "INSERT OR REPLACE INTO followed \
             (resource, source, epoch, confirmed, last, whole_since) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(resource.to_string())
        .bind(&followed.source)
        .bind(&followed.epoch)
        .bind(followed.confirmed)
        .bind(followed.last)
        .bind(followed.whole_since)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Lists keys, in the order of their changes.
    pub(crate) async fn list(
        &self,
        resource: ResourceId,
        followed: &mut Followed,
        keys: &[Vec<String>],
    ) -> Result<(), CursorsError> {
        use sqlx::Connection as _;

        let last = followed.last + i64::try_from(keys.len()).unwrap_or(i64::MAX);
        // Lists of lists of texts always have a JSON form.
        let keys = serde_json::to_string(keys).unwrap_or_default();
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        let mut transaction = connection.begin().await?;
        sqlx::query(
            "INSERT INTO changed (resource, key, number) \
             SELECT $1, value, $2 + key FROM json_each($3) WHERE true \
             ON CONFLICT (resource, key) DO UPDATE SET number = excluded.number",
        )
        .bind(resource.to_string())
        .bind(followed.last + 1)
        .bind(keys)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("UPDATE followed SET last = $2 WHERE resource = $1")
            .bind(resource.to_string())
            .bind(last)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        followed.last = last;
        Ok(())
    }

    /// The number of the last of so many keys in a part of the list, and whether there are more; none if there are fewer.
    pub(crate) async fn changed_end(
        &self,
        resource: ResourceId,
        (after, until): (i64, i64),
        count: u64,
    ) -> Result<Option<(i64, bool)>, CursorsError> {
        let select = "SELECT number FROM changed WHERE resource = $1 AND number > $2 \
            AND number <= $3 ORDER BY number LIMIT 2 OFFSET $4";
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        let numbers: Vec<i64> = sqlx::query_scalar(select)
            .bind(resource.to_string())
            .bind(after)
            .bind(until)
            .bind(i64::try_from(count).unwrap_or(i64::MAX) - 1)
            .fetch_all(connection)
            .await?;
        Ok(numbers.first().map(|&number| (number, numbers.len() > 1)))
    }

    /// The keys of a part of the list.
    pub(crate) async fn changed(
        &self,
        resource: ResourceId,
        after: i64,
        until: i64,
    ) -> Result<Vec<Vec<String>>, CursorsError> {
        let select = "SELECT key FROM changed \
            WHERE resource = $1 AND number > $2 AND number <= $3 ORDER BY number";
        let mut guard = self.connection.lock().await;
        let connection = self.open(&mut guard).await?;
        let keys: Vec<String> = sqlx::query_scalar(select)
            .bind(resource.to_string())
            .bind(after)
            .bind(until)
            .fetch_all(connection)
            .await?;
        Ok(keys.iter().filter_map(|key| serde_json::from_str(key).ok()).collect())
    }
}

impl Followed {
    /// Where the list ends.
    pub(in crate::changes) fn place(&self) -> Place {
        Place { epoch: self.epoch.clone(), number: self.last }
    }
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.epoch, self.last)
    }
}
