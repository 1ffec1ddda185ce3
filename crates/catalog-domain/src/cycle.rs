//! When data that are updated in a cycle (更新周期) are due again.

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use crate::description::UpdateCycle;

/// The last day on which the next update is in time, if data are current on `since`; `None` if they are updated irregularly.
///
/// What is updated in real time is due again the next day, as what is updated daily: a day is the finest that an update is
/// recorded by. A month after the last day of a longer month ends on the shorter month's last day.
#[must_use]
pub fn due_on(cycle: UpdateCycle, since: Date) -> Option<Date> {
    let span: Span = match cycle {
        UpdateCycle::RealTime | UpdateCycle::Daily => 1.day(),
        UpdateCycle::Weekly => 1.week(),
        UpdateCycle::Monthly => 1.month(),
        UpdateCycle::Quarterly => 3.months(),
        UpdateCycle::HalfYearly => 6.months(),
        UpdateCycle::Yearly => 1.year(),
        UpdateCycle::Irregular => return None,
    };
    // Beyond the last date that can be written nothing is due.
    since.checked_add(span).ok()
}
