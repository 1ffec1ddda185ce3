//! One module a group of commands: arguments, calls, what is printed.

pub mod assessment;
pub mod audit;
pub mod backup;
pub mod calendar;
pub mod centre;
pub mod change;
pub mod collection;
pub mod dispute;
pub mod drill;
pub mod duty;
pub mod export;
pub mod fetch;
pub mod grant;
pub mod harvest;
pub mod import;
pub mod init;
pub mod library;
pub mod node;
pub mod obligation;
pub mod open;
pub mod organisation;
pub mod proof;
pub mod query;
pub mod register;
pub mod resource;
pub mod restore;
pub mod search;
pub mod standby;
pub mod subscription;
pub mod ticket;
pub mod transfer;

use publicdata_proto::common::v1::Deadline;
use publicdata_service_kit::Problem;
use tonic::{Response, Status};

/// What a service answered, or its problem in words: what was wrong, where, what to do (H3).
///
/// # Errors
/// The call failed.
pub fn answer<T>(result: Result<Response<T>, Status>) -> Result<T, Problem> {
    result.map(Response::into_inner).map_err(|status| Problem::from_status(&status))
}

/// A protobuf time as people read it, in China's time.
pub(crate) fn time_text(time: Option<prost_types::Timestamp>) -> String {
    time.and_then(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok())
        .map(|time| china(time).strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

/// The last word of an enum value's name, for people: `RESOURCE_STATUS_DRAFT` becomes `draft`.
pub(crate) fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase().replace('_', "-")
}

/// A limit as people read it.
pub(crate) fn deadline_lines(deadline: Option<&Deadline>) -> Vec<(&'static str, String)> {
    let Some(deadline) = deadline else { return Vec::new() };
    let provisional = match deadline.provisional {
        true => "yes: it reaches into a year whose holidays are not announced, and is counted anew",
        false => "",
    };
    vec![
        ("due on", calendar::with_weekday(&deadline.due_on)),
        ("provisional", provisional.to_owned()),
        ("calendar", deadline.calendar_version.clone()),
    ]
}

/// A moment as clocks in China show it.
fn china(time: jiff::Timestamp) -> jiff::civil::DateTime {
    jiff::tz::Offset::constant(8).to_datetime(time)
}
