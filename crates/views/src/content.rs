//! What a view holds, as a digest: equal digests, equal content.

use futures::TryStreamExt as _;
use publicdata_types::Digest;
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _, TypeInfo as _, ValueRef as _};

/// The content of a view at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// How many rows its tables have.
    pub rows: u64,
    /// Over all of them. The order of rows does not matter: databases disagree about it.
    pub digest: Digest,
}

/// Reads all `tables`, in the order that they are named.
pub(crate) async fn of(
    connection: &mut AnyConnection,
    tables: &[&'static str],
) -> Result<Content, sqlx::Error> {
    let mut rows = 0;
    let mut whole = Vec::new();
    for table in tables {
        let mut digests = Vec::new();
        // The name is the program's own.
        let select = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}")));
        let mut found = select.fetch(&mut *connection);
        while let Some(row) = found.try_next().await? {
            digests.push(*Digest::of(encode(&row)?).as_bytes());
        }
        digests.sort_unstable();

        rows += digests.len() as u64;
        field(&mut whole, table.as_bytes());
        field(&mut whole, &digests.concat());
    }
    Ok(Content { rows, digest: Digest::of(whole) })
}

/// Each value as its kind, its length and its bytes, so that no two rows are written alike.
fn encode(row: &AnyRow) -> Result<Vec<u8>, sqlx::Error> {
    let mut encoded = Vec::new();
    for index in 0..row.len() {
        let value = row.try_get_raw(index)?;
        if value.is_null() {
            encoded.push(b'-');
            continue;
        }
        match value.type_info().kind() {
            AnyTypeInfoKind::Text => {
                encoded.push(b't');
                field(&mut encoded, row.try_get::<&str, _>(index)?.as_bytes());
            }
            AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt => {
                encoded.push(b'i');
                field(&mut encoded, &row.try_get::<i64, _>(index)?.to_be_bytes());
            }
            AnyTypeInfoKind::Null
            | AnyTypeInfoKind::Bool
            | AnyTypeInfoKind::Real
            | AnyTypeInfoKind::Double
            | AnyTypeInfoKind::Blob => {
                let kind = value.type_info().name().to_owned();
                let unfit = format!("a view's columns are TEXT or BIGINT, this one is {kind}");
                return Err(sqlx::Error::ColumnDecode {
                    index: index.to_string(),
                    source: unfit.into(),
                });
            }
        }
    }
    Ok(encoded)
}

fn field(encoded: &mut Vec<u8>, bytes: &[u8]) {
    encoded.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    encoded.extend_from_slice(bytes);
}
