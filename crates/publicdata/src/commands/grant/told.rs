//! Applications and grants, as people read them.

use publicdata_proto::exchange::v1::Grant;

use crate::commands::{short, time_text};

pub(super) fn row(grant: &Grant) -> Vec<String> {
    vec![
        grant.id.clone(),
        short(grant.status().as_str_name(), "GRANT_STATUS_"),
        grant.resource_code.clone(),
        grant.provider_code.clone(),
        grant.consumer_code.clone(),
        grant.fields.join(", "),
        grant.purpose.clone(),
    ]
}

pub(super) fn lines(grant: &Grant) -> Vec<(&'static str, String)> {
    let due = grant.deadline.clone().unwrap_or_default();
    vec![
        ("id", grant.id.clone()),
        ("status", short(grant.status().as_str_name(), "GRANT_STATUS_")),
        ("resource", format!("{} {}", grant.resource_code, grant.resource_id)),
        ("provider", grant.provider_code.clone()),
        ("consumer", grant.consumer_code.clone()),
        ("purpose", grant.purpose.clone()),
        ("legal basis", grant.legal_basis.clone()),
        ("fields", grant.fields.join(", ")),
        ("rows", grant.row_filter.clone()),
        ("limits", super::limits::text(grant)),
        ("renews", grant.renews_grant_id.clone()),
        ("from", grant.valid_from.clone()),
        ("until", grant.valid_until.clone()),
        ("answer due on", due.due_on),
        ("overdue", if grant.overdue { "yes".to_owned() } else { String::new() }),
        ("reason", grant.reason.clone()),
        ("updated at", time_text(grant.updated_at)),
    ]
}
