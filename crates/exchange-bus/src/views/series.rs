//! The table of series: whether what was fetched again was new (R29.1).
//!
//! The same data are delivered again and again: rows near the watermark are read twice, and everything is at a refresh. So it is the
//! source's state that tells, which the provider's node names in the receipt, wherever it is named.

use std::collections::HashMap;

use prost::Message as _;
use prost_types::Any;
use publicdata_identity::certificate;
use publicdata_proto::catalog::v1::DeliveryMode;
use publicdata_proto::common::v1::Signature;
use publicdata_proto::exchange::v1::{Grant, Receipt, Transfer, TransferCompleted};
use publicdata_views::ApplyError;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use super::{event, from_column, microseconds};

/// What a comparison with a sink is, where other transfers have their mode.
const COMPARISON: i64 = 0;
/// The number of the mode whose digest tells nothing where the source's state is named: it covers the name.
const PUSH: i64 = DeliveryMode::Push as i64;

/// What was found by a transfer.
struct Found {
    kind: i64,
    digest: String,
    /// The provider's node, as a SPIFFE id, if it watches the source; else empty.
    node: String,
    /// What that node calls the state of the source; empty if it does not watch it.
    version: String,
    /// A delivery without any rows shows nothing new, whatever its digest.
    is_empty: bool,
    at: i64,
}

/// What is fetched again: the same fields, in the same way, under one grant and those that renew it; and from one node, as each has its own
/// names for the states of a source.
struct Series<'a> {
    first_grant: &'a str,
    consumer: &'a str,
    fields: String,
    kind: i64,
    node: &'a str,
    resource: &'a str,
}

/// What was found before.
struct Known {
    digest: String,
    version: String,
    new_at: i64,
    /// Since when the source has been in the state of that name, as far as anybody knows.
    named_at: i64,
}

/// Grants that transfers whose commits are applied together were completed under.
#[derive(Default)]
pub(super) struct Grants(HashMap<String, Option<Granted>>);

/// What a series needs of a grant.
struct Granted {
    resource_id: String,
    /// The grant that began what this one goes on with.
    first: String,
}

/// Notes what a completed transfer shows of its source. Answers to questions show a part that nobody can compare.
pub(super) async fn note_transfer(
    connection: &mut AnyConnection,
    grants: &mut Grants,
    any: &Any,
    transfer: &Transfer,
) -> Result<(), ApplyError> {
    let Some(completed) = event::<TransferCompleted>(any)? else { return Ok(()) };
    if transfer.mode() == DeliveryMode::Query {
        return Ok(());
    }
    let Some(granted) = grants.get(connection, &transfer.grant_id).await? else { return Ok(()) };
    let at = transfer.updated_at.as_ref().map_or(0, microseconds);
    let found = Found::of(transfer, &completed, at)?;
    let series = Series {
        first_grant: &granted.first,
        consumer: &transfer.consumer_code,
        fields: transfer.fields.join(","),
        kind: found.kind,
        node: &found.node,
        resource: &granted.resource_id,
    };
    series.note(connection, &found).await
}

// === impl Grants ===

impl Grants {
    async fn get(
        &mut self,
        connection: &mut AnyConnection,
        id: &str,
    ) -> Result<Option<&Granted>, ApplyError> {
        if !self.0.contains_key(id) {
            let granted = match grant(connection, id).await? {
                Some(grant) => Some(Granted {
                    resource_id: grant.resource_id.clone(),
                    first: first_of(connection, grant).await?,
                }),
                None => None,
            };
            self.0.insert(id.to_owned(), granted);
        }
        Ok(self.0.get(id).and_then(Option::as_ref))
    }
}

/// The grant that began what this one goes on with.
async fn first_of(connection: &mut AnyConnection, grant: Grant) -> Result<String, ApplyError> {
    let Grant { mut id, mut renews_grant_id, .. } = grant;
    // Only what was there can be renewed: it comes to an end.
    while !renews_grant_id.is_empty() {
        let Some(grant) = self::grant(connection, &renews_grant_id).await? else { break };
        Grant { id, renews_grant_id, .. } = grant;
    }
    Ok(id)
}

async fn grant(connection: &mut AnyConnection, id: &str) -> Result<Option<Grant>, ApplyError> {
    let row = sqlx::query("SELECT body FROM bus_grant WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| from_column(&row, "body")).transpose()?)
}

// === impl Found ===

impl Found {
    fn of(transfer: &Transfer, completed: &TransferCompleted, at: i64) -> Result<Self, ApplyError> {
        let receipt = Receipt::decode(completed.receipt.as_slice()).map_err(ApplyError::event)?;
        let (kind, digest, version, is_empty) = match receipt.source {
            Some(source) => (COMPARISON, source.digest, source.source_version, false),
            None => (
                transfer.mode.into(),
                completed.sha256.clone(),
                receipt.source_version,
                completed.rows == 0,
            ),
        };
        let node = match version.as_str() {
            "" => String::new(),
            _ => signer(completed.provider_signature.as_ref())?,
        };
        Ok(Self { kind, digest: hex::encode(digest), node, version, is_empty, at })
    }

    /// Whether it is what was found before.
    fn is_old(&self, known: &Known) -> bool {
        match (self.version.as_str(), self.kind) {
            ("", _) => self.is_empty || self.digest == known.digest,
            (version, PUSH) => version == known.version,
            (_, _) => self.digest == known.digest,
        }
    }
}

/// Who signed. The signature was verified before it was recorded.
fn signer(signature: Option<&Signature>) -> Result<String, ApplyError> {
    let leaf = signature.and_then(|signature| signature.certificate_chain.first());
    let leaf = leaf.map(Vec::as_slice).unwrap_or_default();
    Ok(certificate::read(leaf).map_err(ApplyError::event)?.id.to_string())
}

// === impl Series ===

impl Series<'_> {
    async fn note(&self, connection: &mut AnyConnection, found: &Found) -> Result<(), ApplyError> {
        let known = self.known(connection).await?;
        let is_old = known.as_ref().is_some_and(|known| found.is_old(known));
        let named_at = match &known {
            Some(known) if known.version == found.version => known.named_at,
            Some(_) => self.seen_elsewhere(connection, found).await?.unwrap_or(found.at),
            None => self.first_seen(connection, found).await?,
        };
        let new_at = match &known {
            Some(known) if is_old => known.new_at,
            // What changes under one name was not seen before by anybody.
            Some(known) if known.version == found.version => found.at,
            Some(_) | None => named_at,
        };
        self.save(connection, found, (new_at, named_at)).await?;
        if is_old && self.kind == COMPARISON {
            self.correct_deliveries(connection, new_at).await?;
        }
        Ok(())
    }

    async fn known(&self, connection: &mut AnyConnection) -> Result<Option<Known>, ApplyError> {
        let row = sqlx::query(
            "SELECT digest, source_version, new_at, named_at FROM bus_series \
             WHERE first_grant_id = $1 AND consumer_code = $2 AND fields = $3 AND kind = $4 \
             AND provider_node = $5",
        )
        .bind(self.first_grant)
        .bind(self.consumer)
        .bind(self.fields.as_str())
        .bind(self.kind)
        .bind(self.node)
        .fetch_optional(connection)
        .await?;
        Ok(row.as_ref().map(known).transpose()?)
    }

    /// When somebody first saw this state of the source: whoever comes later does not make it new. Whose data stood still saw the state all
    /// the same, and no earlier.
    async fn seen_elsewhere(
        &self,
        connection: &mut AnyConnection,
        found: &Found,
    ) -> Result<Option<i64>, ApplyError> {
        if found.version.is_empty() {
            return Ok(None);
        }
        let row = sqlx::query(
            "SELECT MIN(named_at) AS named_at FROM bus_series \
             WHERE resource_id = $1 AND provider_node = $2 AND source_version = $3",
        )
        .bind(self.resource)
        .bind(self.node)
        .bind(found.version.as_str())
        .fetch_one(connection)
        .await?;
        Ok(row.try_get("named_at")?)
    }

    /// When data were first seen that were not fetched in this way before.
    async fn first_seen(
        &self,
        connection: &mut AnyConnection,
        found: &Found,
    ) -> Result<i64, ApplyError> {
        if let Some(seen_at) = self.seen_elsewhere(connection, found).await? {
            return Ok(seen_at);
        }
        let row = sqlx::query(
            "SELECT MAX(new_at) AS new_at, \
             SUM(CASE WHEN provider_node = $2 AND provider_node <> '' THEN 1 ELSE 0 END) AS named \
             FROM bus_series WHERE resource_id = $1",
        )
        .bind(self.resource)
        .bind(self.node)
        .fetch_one(connection)
        .await?;
        let newest: Option<i64> = row.try_get("new_at")?;
        let named: Option<i64> = row.try_get("named")?;
        Ok(match newest {
            // The node named another state before.
            _ if named.unwrap_or_default() > 0 => found.at,
            // Nothing tells how old it is: others may have known it for long.
            Some(newest) => newest,
            None => found.at,
        })
    }

    /// Between two comparisons that found the same nothing was new, whatever the source's states were called: a file that is written anew
    /// with the same rows has another.
    async fn correct_deliveries(
        &self,
        connection: &mut AnyConnection,
        new_at: i64,
    ) -> Result<(), ApplyError> {
        sqlx::query(
            "UPDATE bus_series SET new_at = $5 WHERE first_grant_id = $1 AND consumer_code = $2 \
             AND fields = $3 AND kind = $4 AND new_at > $5",
        )
        .bind(self.first_grant)
        .bind(self.consumer)
        .bind(self.fields.as_str())
        .bind(PUSH)
        .bind(new_at)
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn save(
        &self,
        connection: &mut AnyConnection,
        found: &Found,
        (new_at, named_at): (i64, i64),
    ) -> Result<(), ApplyError> {
        sqlx::query(
            "INSERT INTO bus_series (first_grant_id, consumer_code, fields, kind, resource_id, \
             digest, provider_node, source_version, new_at, named_at, looked_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (first_grant_id, consumer_code, fields, kind, provider_node) DO UPDATE SET \
             digest = excluded.digest, source_version = excluded.source_version, \
             new_at = excluded.new_at, named_at = excluded.named_at, \
             looked_at = excluded.looked_at",
        )
        .bind(self.first_grant)
        .bind(self.consumer)
        .bind(self.fields.as_str())
        .bind(self.kind)
        .bind(self.resource)
        .bind(found.digest.as_str())
        .bind(self.node)
        .bind(found.version.as_str())
        .bind(new_at)
        .bind(named_at)
        .bind(found.at)
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn known(row: &AnyRow) -> Result<Known, sqlx::Error> {
    Ok(Known {
        digest: row.try_get("digest")?,
        version: row.try_get("source_version")?,
        new_at: row.try_get("new_at")?,
        named_at: row.try_get("named_at")?,
    })
}
