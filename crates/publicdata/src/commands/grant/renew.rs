//! Grants that end are asked for once more.

use clap::Args;
use jiff::SignedDuration;
use jiff::civil::Date;
use publicdata_proto::exchange::v1::{Grant, SubmitApplicationRequest};
use publicdata_service_kit::Clock;
use publicdata_transfer::time::to_wire;

/// Arguments of `renew`.
#[derive(Clone, Debug, Args)]
pub struct Renew {
    /// The grant's id.
    pub id: String,
    /// First day; today without it.
    #[arg(long)]
    pub from: Option<Date>,
    /// Last day.
    #[arg(long)]
    pub until: Date,
    /// The legal basis of the use, if it is another by now.
    #[arg(long)]
    pub legal_basis: Option<String>,
}

/// An application for what a grant gives, for another period.
pub(super) fn application(
    command_id: String,
    grant: Grant,
    arguments: &Renew,
) -> SubmitApplicationRequest {
    let today = publicdata_types::china_date(Clock::system().now());
    SubmitApplicationRequest {
        command_id,
        resource_id: grant.resource_id,
        purpose: grant.purpose,
        legal_basis: arguments.legal_basis.clone().unwrap_or(grant.legal_basis),
        fields: grant.fields,
        row_filter: grant.row_filter,
        delivery_modes: grant.delivery_modes,
        valid_from: arguments.from.unwrap_or(today).to_string(),
        valid_until: arguments.until.to_string(),
        renews_grant_id: grant.id,
    }
}

/// The moment so many days ahead.
pub(super) fn days_from_now(days: u16) -> prost_types::Timestamp {
    let ahead = SignedDuration::from_hours(24 * i64::from(days));
    let now = Clock::system().now();
    to_wire(now.checked_add(ahead).unwrap_or(now))
}
