//! Disputes, for people.

use publicdata_proto::exchange::v1::{Dispute, DisputeOutcome, DisputeStep};
use publicdata_types::Digest;

use crate::commands::{short, time_text};

pub(super) const HEADER: [&str; 6] = ["raised at", "status", "about", "provider", "consumer", "id"];

pub(super) fn row(dispute: &Dispute) -> Vec<String> {
    vec![
        time_text(dispute.raised_at),
        short(dispute.status().as_str_name(), "DISPUTE_STATUS_"),
        short(dispute.matter_kind().as_str_name(), "DISPUTE_MATTER_KIND_"),
        dispute.provider_code.clone(),
        dispute.consumer_code.clone(),
        dispute.id.clone(),
    ]
}

pub(super) fn lines(dispute: &Dispute) -> Vec<(&'static str, String)> {
    let kind = short(dispute.matter_kind().as_str_name(), "DISPUTE_MATTER_KIND_");
    let proposal = match dispute.proposal_number {
        0 => String::new(),
        number => number.to_string(),
    };
    let steps: Vec<_> = dispute.steps.iter().map(step).collect();
    vec![
        ("id", dispute.id.clone()),
        ("status", short(dispute.status().as_str_name(), "DISPUTE_STATUS_")),
        ("due now", dispute.due.clone()),
        ("about", format!("{kind} {}", dispute.matter_id)),
        ("resource", dispute.resource_id.clone()),
        ("provider", dispute.provider_code.clone()),
        ("consumer", dispute.consumer_code.clone()),
        ("raised by", dispute.claimant_code.clone()),
        ("authority of", dispute.region_code.clone()),
        ("proposal", proposal),
        ("steps", steps.join("\n                   ")),
        ("updated at", time_text(dispute.updated_at)),
    ]
}

fn step(step: &DisputeStep) -> String {
    let number = match step.proposal_number {
        0 => String::new(),
        number => format!(" {number}"),
    };
    let document = <[u8; 32]>::try_from(step.document_sha256.as_slice());
    let digest = document.map(|bytes| Digest::from_bytes(bytes).to_string()).unwrap_or_default();
    let outcome = step.outcome();
    let outcome = match outcome == DisputeOutcome::Unspecified {
        true => String::new(),
        false => short(outcome.as_str_name(), "DISPUTE_OUTCOME_"),
    };
    let said = [&outcome, &step.text, &step.reason, &step.document_number, &digest];
    let said: Vec<_> =
        said.into_iter().filter(|text| !text.is_empty()).map(String::as_str).collect();
    let kind = short(step.kind().as_str_name(), "DISPUTE_STEP_KIND_");
    let at = time_text(step.at);
    format!("{at}  {}  {kind}{number}  {}", step.author_code, said.join("; ")).trim_end().to_owned()
}
