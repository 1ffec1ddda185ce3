//! `publicdata calendar`: the working days that limits are counted in.

use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::{Date, Weekday};
use publicdata_proto::catalog::v1::count_deadline_request::Limit;
use publicdata_proto::catalog::v1::{
    CountDeadlineRequest, CountDeadlineResponse, GetCalendarRequest,
};

use super::{answer, deadline_lines};
use crate::context::Context;

/// What can be asked of the calendar (工作日历).
///
/// The answers are the service's: it counts by the holidays that it is configured with. The day of the event itself is not
/// counted.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count a limit: its last day, and when a warning would be sent.
    ///
    /// For example: publicdata calendar due --from 2026-09-25 --working-days 15
    Due(Due),
    /// Show a year: days off (节假日), days worked in exchange (调休), and how many working days it has.
    Show {
        /// The year.
        year: i32,
    },
}

/// Arguments of `due`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("limit").required(true))]
pub struct Due {
    /// The day of the event, such as 2026-09-25.
    #[arg(long)]
    from: Date,
    /// The limit in working days (工作日).
    #[arg(long, group = "limit")]
    working_days: Option<u32>,
    /// The limit in calendar days (日).
    #[arg(long, group = "limit")]
    days: Option<u32>,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let mut obligations = context.session()?.obligations()?;
    match command {
        Command::Due(Due { from, working_days, days }) => {
            let limit = working_days.map(Limit::WorkingDays).or_else(|| days.map(Limit::Days));
            let request = CountDeadlineRequest { from: from.to_string(), limit };
            let counted = answer(obligations.count_deadline(request).await)?;
            context.output.record(&counted, &lines(&counted))
        }
        Command::Show { year } => {
            let found = answer(obligations.get_calendar(GetCalendarRequest { year }).await)?;
            let announced = match found.announced {
                true => "yes",
                false => "no: Mondays to Fridays count as working days for the time being",
            };
            let lines = [
                ("year", found.year.to_string()),
                ("announced", announced.to_owned()),
                ("days off", with_weekdays(&found.holidays)),
                ("worked in exchange", with_weekdays(&found.make_up_days)),
                ("working days", found.working_days.to_string()),
                ("calendar", found.calendar_version.clone()),
            ];
            context.output.record(&found, &lines)
        }
    }
}

fn lines(counted: &CountDeadlineResponse) -> Vec<(&'static str, String)> {
    let mut lines = deadline_lines(counted.deadline.as_ref());
    lines.push(("warned on", with_weekday(&counted.warn_on)));
    lines
}

fn with_weekdays(days: &[String]) -> String {
    let days: Vec<_> = days.iter().map(|day| with_weekday(day)).collect();
    days.join("\n                   ")
}

/// A date with its weekday, as people check it.
pub(super) fn with_weekday(text: &str) -> String {
    let Ok(date) = text.parse::<Date>() else { return text.to_owned() };
    let weekday = match date.weekday() {
        Weekday::Monday => "星期一",
        Weekday::Tuesday => "星期二",
        Weekday::Wednesday => "星期三",
        Weekday::Thursday => "星期四",
        Weekday::Friday => "星期五",
        Weekday::Saturday => "星期六",
        Weekday::Sunday => "星期日",
    };
    format!("{text} {weekday}")
}
