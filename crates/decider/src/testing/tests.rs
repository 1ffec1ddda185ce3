use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

#[derive(Clone, Debug, Default, PartialEq)]
struct Purse {
    coins: u32,
}

#[derive(Clone, Debug, PartialEq)]
enum Event {
    Added(u32),
    Taken(u32),
}

#[derive(Debug, PartialEq)]
struct Short {
    by: u32,
}

impl Decider for Purse {
    type Command = u32;
    type Event = Event;
    type Rejection = Short;

    fn decide(&self, take: u32) -> Result<Vec<Event>, Short> {
        match take {
            0 => Ok(vec![]),
            take if take > self.coins => Err(Short { by: take - self.coins }),
            take => Ok(vec![Event::Taken(take)]),
        }
    }

    fn evolve(self, event: &Event) -> Self {
        match event {
            Event::Added(coins) => Self { coins: self.coins.saturating_add(*coins) },
            Event::Taken(coins) => Self { coins: self.coins.saturating_sub(*coins) },
        }
    }
}

#[test]
fn history_is_folded_before_the_decision() {
    let after = given::<Purse>([Event::Added(3), Event::Taken(1)]).when(2).then([Event::Taken(2)]);
    assert_eq!(after, Purse { coins: 0 });
}

#[test]
fn nothing_and_rejection_are_told_apart() {
    given::<Purse>([]).when(0).then_nothing();
    given::<Purse>([]).when(2).then_rejected(Short { by: 2 });
    given_state(Purse { coins: 1 }, []).when(2).then_rejected(Short { by: 1 });
}

#[test]
fn failure_shows_history_expectation_and_decision() {
    let decided = AssertUnwindSafe(given::<Purse>([Event::Added(1)]).when(2));
    let panic = catch_unwind(|| {
        let decided = decided;
        decided.0.then([Event::Taken(2)])
    })
    .unwrap_err();
    assert_eq!(
        panic.downcast_ref::<String>().unwrap(),
        "given events:\n    Added(1)\nexpected events:\n    Taken(2)\n decided a rejection: Short { by: 1 }"
    );
}
