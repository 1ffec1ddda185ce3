//! Findings from their table, and to whom.

use jiff::civil::Date;
use prost::Message as _;
use publicdata_proto::audit::v1::{Finding, ListFindingsRequest};
use publicdata_types::{Actor, CommandId, FindingId, PageToken, RegionCode};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::error::Error;

const PAGE_SIZE: u32 = 50;
const PAGE_SIZE_MAX: u32 = 500;
/// A pattern that no region fits.
const NOWHERE: &str = "-";

/// Who reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    everything: bool,
    organisation: String,
    region: String,
}

/// An order whose day has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overdue {
    pub(crate) id: FindingId,
    /// The command that set the day.
    pub(crate) cause: CommandId,
}

impl From<&Actor> for Reader {
    fn from(actor: &Actor) -> Self {
        let region = match actor.is_authority_over(&actor.region) {
            true => region_pattern(&actor.region),
            false => NOWHERE.to_owned(),
        };
        let everything = actor.may_audit().is_ok();
        Self { everything, organisation: actor.organisation.to_string(), region }
    }
}

/// One finding, if the reader may see it.
pub(crate) async fn finding(
    connection: &mut AnyConnection,
    id: FindingId,
    reader: &Reader,
) -> Result<Option<Finding>, Error> {
    let row = sqlx::query(
        "SELECT body FROM finding \
         WHERE ($1 = 1 OR organisation_code = $2 OR region_code LIKE $3) AND id = $4",
    )
    .bind(i64::from(reader.everything))
    .bind(reader.organisation.clone())
    .bind(reader.region.clone())
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    Ok(row.as_ref().map(body).transpose()?)
}

/// Findings that the reader may see, the newest first, and where to go on.
pub(crate) async fn findings(
    connection: &mut AnyConnection,
    request: ListFindingsRequest,
    reader: &Reader,
) -> Result<(Vec<Finding>, Option<PageToken>), Error> {
    let size = match request.page_size {
        0 => PAGE_SIZE,
        size => size.min(PAGE_SIZE_MAX),
    };
    let before = match request.page_token.as_str() {
        "" => i64::MAX,
        token => {
            let token: PageToken = token.parse().map_err(|_| Error::PageToken)?;
            token.key().parse().map_err(|_| Error::PageToken)?
        }
    };
    // One row more than fits says that there is a next page.
    let mut rows = sqlx::query(
        "SELECT body, sequence FROM finding \
         WHERE ($1 = 1 OR organisation_code = $2 OR region_code LIKE $3) \
         AND ($4 = 0 OR status = $4) AND ($5 = 0 OR kind = $5) AND ($6 = 0 OR clause = $6) \
         AND ($7 = '' OR organisation_code = $7) AND ($8 = '' OR rule_name = $8) \
         AND sequence < $9 ORDER BY sequence DESC LIMIT $10",
    )
    .bind(i64::from(reader.everything))
    .bind(reader.organisation.clone())
    .bind(reader.region.clone())
    .bind(i64::from(request.status))
    .bind(i64::from(request.kind))
    .bind(i64::from(request.clause))
    .bind(request.organisation_code)
    .bind(request.rule)
    .bind(before)
    .bind(i64::from(size) + 1)
    .fetch_all(connection)
    .await?;
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = match rows.last() {
        Some(last) if more => {
            Some(PageToken::after(last.try_get::<i64, _>("sequence")?.to_string()))
        }
        Some(_) | None => None,
    };
    let findings = rows.iter().map(body).collect::<Result<_, _>>()?;
    Ok((findings, next))
}

/// Orders whose day lies before `today`, and is not noted yet.
pub(crate) async fn overdue(
    connection: &mut AnyConnection,
    today: Date,
) -> Result<Vec<Overdue>, Error> {
    let rows = sqlx::query(
        "SELECT id, due_cause FROM finding WHERE due_on <> '' AND due_on < $1 ORDER BY due_on",
    )
    .bind(today.to_string())
    .fetch_all(connection)
    .await?;
    let overdue = |row: &AnyRow| {
        let (id, cause): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let id = id.parse().map_err(|error| unreadable("id", error))?;
        let cause = cause.parse().map_err(|error| unreadable("due_cause", error))?;
        Ok(Overdue { id, cause })
    };
    rows.iter().map(overdue).collect()
}

/// The finding in a row.
pub(super) fn body(row: &AnyRow) -> Result<Finding, sqlx::Error> {
    let text: &str = row.try_get("body")?;
    let bytes = hex::decode(text).map_err(|error| unreadable("body", error))?;
    Finding::decode(bytes.as_slice()).map_err(|error| unreadable("body", error))
}

fn unreadable(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(error) }
}

/// What the codes of the divisions in a region look like.
fn region_pattern(region: &RegionCode) -> String {
    format!("{}%", region.leading())
}
