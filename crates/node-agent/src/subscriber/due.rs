//! Whether a delivery is due.

use jiff::Timestamp;
use publicdata_exchange_domain::subscription::Trigger;
use publicdata_transfer::push::Follows;

use crate::sink::{Note, Run, Start};

/// What makes the next delivery due, and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Due {
    trigger: Trigger,
    refresh: Option<Trigger>,
    /// Which state of the source was heard of last; empty if none was.
    heard: String,
    /// Whether there was a delivery since that was heard: it holds that state or a later one, whatever it calls it.
    is_settled: bool,
    /// The next delivery begins anew, whatever the sink has.
    anew: bool,
}

impl Due {
    pub(super) fn new(trigger: Trigger, refresh: Option<Trigger>) -> Self {
        Self { trigger, refresh, heard: String::new(), is_settled: false, anew: false }
    }

    pub(super) fn heard(&mut self, version: String) {
        if !version.is_empty() && version != self.heard {
            self.heard = version;
            self.is_settled = false;
        }
    }

    /// What the sink has is of no use to the provider's node any more.
    pub(super) fn begin_anew(&mut self) {
        self.anew = true;
    }

    /// Whether the next delivery begins anew.
    pub(super) fn begins_anew(&self) -> bool {
        self.anew
    }

    pub(super) fn delivered(&mut self) {
        self.anew = false;
        self.is_settled = true;
    }

    /// Whether nothing more is to come.
    pub(super) fn is_done(&self, last: Option<&Note>) -> bool {
        self.trigger == Trigger::Once && last.is_some_and(|last| !goes_on(last))
    }

    pub(super) fn is_due(&self, last: Option<&Note>, now: Timestamp) -> bool {
        let Some(last) = last else { return true };
        if goes_on(last) || self.anew || self.is_stale(last, now) {
            return true;
        }
        match self.trigger {
            Trigger::Once => false,
            Trigger::OnChange => {
                !self.is_settled && !self.heard.is_empty() && self.heard != last.source_version
            }
            Trigger::Every { .. } | Trigger::Daily { .. } => {
                self.trigger.due_after(last.at).is_some_and(|due| due <= now)
            }
        }
    }

    /// Where the next delivery begins.
    pub(super) fn start(&self, last: Option<&Note>, now: Timestamp) -> Start {
        match last {
            Some(last) if !self.anew && !self.is_stale(last, now) => Start::After(last.run),
            Some(_) | None => Start::Beginning,
        }
    }

    /// Whether everything is to be delivered anew. A run that is being gathered is just that.
    fn is_stale(&self, last: &Note, now: Timestamp) -> bool {
        let due = self.refresh.and_then(|refresh| refresh.due_after(last.run_began_at));
        last.run == Run::Complete && due.is_some_and(|due| due <= now)
    }
}

/// Whether the source had more than this delivery took.
fn goes_on(last: &Note) -> bool {
    last.follows == Follows::More
}

#[cfg(test)]
mod tests;
