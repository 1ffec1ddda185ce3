//! Findings, for people.

use publicdata_proto::audit::v1::{Finding, FindingKind, FindingRaised, StreamPosition};

use crate::commands::{calendar, short, time_text};

pub(super) const HEADER: [&str; 7] =
    ["found on", "article 46", "status", "organisation", "title", "due on", "id"];

pub(super) fn row(finding: &Finding) -> Vec<String> {
    let raised = finding.raised.clone().unwrap_or_default();
    vec![
        raised.found_on.clone(),
        clause(&raised),
        status(finding),
        raised.organisation_code,
        raised.title,
        finding.order.as_ref().map(|order| order.due_on.clone()).unwrap_or_default(),
        finding.id.clone(),
    ]
}

pub(super) fn lines(finding: &Finding) -> Vec<(&'static str, String)> {
    let raised = finding.raised.clone().unwrap_or_default();
    let found_by = match raised.rule.as_str() {
        "" => format!("authority {}", raised.author_code),
        rule => format!("rule {rule} (sha256 {})", hex::encode(&raised.rule_sha256)),
    };
    let order = finding.order.clone().unwrap_or_default();
    let report = finding.report.clone().unwrap_or_default();
    let late = if report.late { " (late)" } else { "" };
    vec![
        ("id", finding.id.clone()),
        ("status", status(finding)),
        ("article 46", clause(&raised)),
        ("article", raised.article.clone()),
        ("title", raised.title.clone()),
        ("organisation", raised.organisation_code.clone()),
        ("division", raised.region_code.clone()),
        ("found on", calendar::with_weekday(&raised.found_on)),
        ("found by", found_by),
        ("description", raised.description.clone()),
        ("measured", raised.measured.clone()),
        ("thing", raised.thing.clone()),
        ("evidence", places(&raised.evidence)),
        ("demand", order.demand),
        ("due on", order.due_on),
        ("document", order.document_number),
        ("report", format!("{}{late}", report.statement)),
        ("own events", places(&finding.events)),
        ("updated at", time_text(finding.updated_at)),
    ]
}

fn clause(raised: &FindingRaised) -> String {
    match raised.kind() {
        FindingKind::Breach => format!("({})", raised.clause),
        FindingKind::UnusualUse | FindingKind::Unspecified => "unusual use".to_owned(),
    }
}

fn status(finding: &Finding) -> String {
    let status = short(finding.status().as_str_name(), "FINDING_STATUS_");
    match finding.cleared && status != "cleared" {
        true => format!("{status}, cleared"),
        false => status,
    }
}

fn places(places: &[StreamPosition]) -> String {
    let place = |place: &StreamPosition| format!("{}:{}", place.stream, place.sequence);
    places.iter().map(place).collect::<Vec<_>>().join(" ")
}
