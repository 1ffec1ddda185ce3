//! What a subscription is doing, for the node's own department.

use jiff::Timestamp;
use publicdata_exchange_domain::subscription::Trigger;
use publicdata_proto::node::v1 as wire;
use publicdata_service_kit::Problem;
use publicdata_transfer::time;
use publicdata_types::{SubscriptionId, TransferId};

use crate::config::SubscriptionConfig;
use crate::sink::Note;

/// What a subscription is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It waits until a delivery is due.
    Waiting,
    /// A delivery is under way.
    Delivering,
    /// The last attempt failed.
    Failing,
    /// It was delivered once, as asked for.
    Done,
    /// It has ended.
    Ended,
}

/// How a subscription stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    id: SubscriptionId,
    name: String,
    grant_id: String,
    trigger: Trigger,
    sink: &'static str,
    /// What it is doing.
    pub doing: Doing,
    /// Of the last delivery in the sink: which it was, when, and how many and how many rows there were.
    pub last: Option<(TransferId, Timestamp, u64, u64)>,
    /// What went wrong, since the last delivery.
    pub problem: String,
    /// When source and sink were compared last, and whether they were equal.
    pub compared: Option<(Timestamp, bool)>,
}

impl State {
    pub(super) fn new(
        id: SubscriptionId,
        config: &SubscriptionConfig,
        trigger: Trigger,
        sink: &'static str,
    ) -> Self {
        Self {
            id,
            name: config.name.clone(),
            grant_id: config.grant_id.clone(),
            trigger,
            sink,
            doing: Doing::Waiting,
            last: None,
            problem: String::new(),
            compared: None,
        }
    }

    /// The grant (UUID) that it rests on.
    #[must_use]
    pub fn grant_id(&self) -> &str {
        &self.grant_id
    }

    /// The name in the node's configuration, or the id.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.id.to_string() == name
    }

    pub(super) fn compared(&mut self, at: Timestamp, equal: bool) {
        self.compared = Some((at, equal));
        self.problem.clear();
    }

    pub(super) fn tell(&mut self, doing: Doing, last: Option<&Note>) {
        let known = self.last;
        self.last = last.map(|note| (note.transfer, note.at, note.number, note.rows_total));
        self.doing = doing;
        if self.last != known || doing == Doing::Done {
            self.problem.clear();
        }
    }

    pub(super) fn fail(&mut self, doing: Doing, problem: &Problem) {
        self.doing = doing;
        self.problem = format!("{}: {}", problem.reason, problem.message);
    }

    /// As it is told.
    #[must_use]
    pub fn to_wire(&self) -> wire::Subscription {
        let state = match self.doing {
            Doing::Waiting => wire::SubscriptionState::Waiting,
            Doing::Delivering => wire::SubscriptionState::Delivering,
            Doing::Failing => wire::SubscriptionState::Failing,
            Doing::Done => wire::SubscriptionState::Done,
            Doing::Ended => wire::SubscriptionState::Ended,
        };
        wire::Subscription {
            name: self.name.clone(),
            id: self.id.to_string(),
            grant_id: self.grant_id.clone(),
            trigger: self.trigger.to_string(),
            sink: self.sink.to_owned(),
            state: state.into(),
            last_transfer_id: self.last.map(|last| last.0.to_string()).unwrap_or_default(),
            last_delivered_at: self.last.map(|last| time::to_wire(last.1)),
            deliveries: self.last.map_or(0, |last| last.2),
            rows: self.last.map_or(0, |last| last.3),
            problem: self.problem.clone(),
            last_compared_at: self.compared.map(|(at, _)| time::to_wire(at)),
            equal: self.compared.is_some_and(|(_, equal)| equal),
        }
    }
}
