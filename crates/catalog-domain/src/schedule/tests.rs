use jiff::ToSpan as _;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;

const PROVIDER: &str = "91110000802100433B";
const OTHER: &str = "91350100M000100Y43";
const RESOURCE: &str = "21111111-2222-4333-8444-555555555555";
const PUBLISHED: Date = date(2026, 1, 31);

fn resource() -> ResourceId {
    RESOURCE.parse().unwrap()
}

fn library() -> ClassificationCode {
    "101".parse().unwrap()
}

fn id(number: u8) -> ObligationId {
    format!("{number:08}-2222-4333-8444-555555555555").parse().unwrap()
}

fn at(number: u8, on: Date) -> Occasion {
    Occasion { id: id(number), on }
}

fn drafted(cycle: UpdateCycle) -> ResourceStep {
    let provider = PROVIDER.parse().unwrap();
    ResourceStep::Drafted(Written { name: "社区名录".to_owned(), provider, cycle })
}

fn updated(current_on: Date) -> ResourceStep {
    ResourceStep::Updated { current_on }
}

fn opening(from: Date, period: Period) -> Opening {
    Opening {
        organisation: PROVIDER.parse().unwrap(),
        cause: Cause::Resource(resource()),
        subject: "社区名录".to_owned(),
        counted_from: from,
        opened_on: from,
        term: Term::Every(period),
    }
}

fn open(number: u8, from: Date, period: Period) -> Action {
    Action::Open(id(number), opening(from, period))
}

fn met(number: u8, on: Date) -> Action {
    Action::Meet(id(number), on, Some(resource()))
}

fn lapsed(number: u8, reason: &str) -> Action {
    Action::Lapse(id(number), reason.to_owned())
}

/// A resource that was published on 31 January, and has the obligation 1.
fn published(cycle: UpdateCycle) -> ResourceSchedule {
    let mut schedule = ResourceSchedule::new(resource());
    schedule.follow(drafted(cycle), at(0, PUBLISHED));
    schedule.follow(ResourceStep::Published { on: PUBLISHED }, at(1, PUBLISHED));
    schedule
}

/// R12.4: a published resource owes an update within its cycle; drafts owe nothing.
#[test]
fn publication_opens_the_first_cycle() {
    let mut schedule = ResourceSchedule::new(resource());

    assert_eq!(schedule.follow(drafted(UpdateCycle::Monthly), at(0, PUBLISHED)), []);
    assert_eq!(
        schedule.follow(ResourceStep::Published { on: PUBLISHED }, at(1, PUBLISHED)),
        [open(1, PUBLISHED, Period::Monthly)]
    );
}

#[test]
fn real_time_and_irregular_resources_owe_nothing() {
    for cycle in [UpdateCycle::RealTime, UpdateCycle::Irregular] {
        let mut schedule = published(cycle);
        assert_eq!(schedule.follow(updated(date(2026, 2, 5)), at(2, date(2026, 2, 5))), []);
        assert_eq!(schedule.follow(ResourceStep::Resumed, at(3, date(2026, 2, 6))), []);
    }
}

/// R12.4: an update meets what is open, and the next one counts from that day.
#[test]
fn an_update_meets_the_cycle_and_opens_the_next() {
    let (mut schedule, day) = (published(UpdateCycle::Monthly), date(2026, 2, 20));

    assert_eq!(
        schedule.follow(updated(date(2026, 2, 19)), at(2, day)),
        [met(1, day), open(2, day, Period::Monthly)]
    );
}

/// Data that are no newer are no update, nor does one meet a cycle that began on the same day.
#[test]
fn what_brings_nothing_newer_meets_nothing() {
    let (mut schedule, day) = (published(UpdateCycle::Monthly), date(2026, 2, 20));

    assert_eq!(schedule.follow(updated(PUBLISHED), at(2, PUBLISHED)), []);
    assert_eq!(schedule.follow(updated(PUBLISHED), at(3, day)), [], "what was known already");
    assert_eq!(schedule.follow(updated(day), at(4, day)).len(), 2);
    assert_eq!(schedule.follow(updated(day.tomorrow().unwrap()), at(5, day)), [], "the same day");
}

/// R12.4: a revision with another cycle plans anew; one with the same cycle grants no more time.
#[test]
fn a_revision_plans_anew_if_its_cycle_is_another() {
    let (mut schedule, day) = (published(UpdateCycle::Monthly), date(2026, 2, 20));
    let publish = || ResourceStep::Published { on: day };

    schedule.follow(drafted(UpdateCycle::Monthly), at(2, day));
    assert_eq!(schedule.follow(publish(), at(3, day)), []);
    schedule.follow(drafted(UpdateCycle::Weekly), at(4, day));
    assert_eq!(
        schedule.follow(publish(), at(5, day)),
        [lapsed(1, "the update cycle was changed"), open(5, day, Period::Weekly)]
    );
    schedule.follow(drafted(UpdateCycle::Irregular), at(6, day));
    assert_eq!(schedule.follow(publish(), at(7, day)), [lapsed(5, "the update cycle was changed")]);
    // A draft that is not published yet changes nothing.
    schedule.follow(drafted(UpdateCycle::Daily), at(8, day));
    assert_eq!(schedule.follow(updated(day), at(9, day.tomorrow().unwrap())), []);
}

/// R16.1: a library's entry passes to another lead department, and what it owes with it.
#[test]
fn a_revision_by_another_provider_passes_the_duty_on() {
    let (mut schedule, day) = (published(UpdateCycle::Monthly), date(2026, 2, 20));
    let written = Written {
        name: "社区名录".to_owned(),
        provider: OTHER.parse().unwrap(),
        cycle: UpdateCycle::Monthly,
    };
    schedule.follow(ResourceStep::Drafted(written), at(2, day));

    let organisation = OTHER.parse().unwrap();
    assert_eq!(
        schedule.follow(ResourceStep::Published { on: day }, at(3, day)),
        [
            lapsed(1, "another department provides the resource now"),
            Action::Open(id(3), Opening { organisation, ..opening(day, Period::Monthly) })
        ]
    );
}

/// R12.3, R12.4: what is out of use owes nothing; what comes back begins anew.
#[test]
fn suspension_and_withdrawal_cancel_and_resumption_opens_anew() {
    let (mut schedule, day) = (published(UpdateCycle::Yearly), date(2026, 2, 20));
    let reason = || "系统改造".to_owned();

    assert_eq!(
        schedule.follow(ResourceStep::Suspended { reason: reason() }, at(2, day)),
        [lapsed(1, "the resource was suspended: 系统改造")]
    );
    assert_eq!(schedule.follow(updated(day), at(3, day)), []);
    assert_eq!(schedule.follow(ResourceStep::Resumed, at(4, day)), [open(4, day, Period::Yearly)]);
    assert_eq!(schedule.follow(ResourceStep::Resumed, at(5, day)), []);
    assert_eq!(
        schedule.follow(ResourceStep::Withdrawn { reason: reason() }, at(6, day)),
        [lapsed(4, "the resource was withdrawn: 系统改造")]
    );
    assert_eq!(schedule.follow(ResourceStep::Withdrawn { reason: reason() }, at(7, day)), []);
}

#[test]
fn what_has_no_beginning_opens_nothing() {
    let mut schedule = ResourceSchedule::new(resource());
    let day = PUBLISHED;
    for step in [ResourceStep::Published { on: day }, updated(day), ResourceStep::Resumed] {
        assert_eq!(schedule.follow(step, at(1, day)), []);
    }
}

fn assigned(item: &str, organisation: &str, cycle: UpdateCycle) -> LibraryStep {
    LibraryStep::Assigned {
        item: item.to_owned(),
        organisation: organisation.parse().unwrap(),
        cycle,
        from: PUBLISHED,
    }
}

fn open_item(number: u8, item: &str, organisation: &str, from: Date, on: Date) -> Action {
    Action::Open(
        id(number),
        Opening {
            organisation: organisation.parse().unwrap(),
            cause: Cause::Library(library()),
            subject: item.to_owned(),
            counted_from: from,
            opened_on: on,
            term: Term::Every(Period::Monthly),
        },
    )
}

/// R20.1: each item is owed by the department that it is assigned to.
#[test]
fn items_of_a_library_are_owed_one_by_one() {
    let mut schedule = LibrarySchedule::new(library());
    let (monthly, day) = (UpdateCycle::Monthly, date(2026, 2, 20));

    assert_eq!(
        schedule.follow(assigned("姓名", PROVIDER, monthly), at(1, day)),
        [open_item(1, "姓名", PROVIDER, PUBLISHED, day)]
    );
    assert_eq!(
        schedule.follow(assigned("住址", OTHER, monthly), at(2, day)),
        [open_item(2, "住址", OTHER, PUBLISHED, day)]
    );
    assert_eq!(schedule.follow(assigned("住址", OTHER, monthly), at(3, day)), [], "a repeat");

    let update = LibraryStep::Updated { item: "姓名".to_owned(), current_on: day };
    assert_eq!(
        schedule.follow(update, at(4, day)),
        [Action::Meet(id(1), day, None), open_item(4, "姓名", PROVIDER, day, day)]
    );
    assert_eq!(
        schedule.follow(assigned("姓名", OTHER, monthly), at(5, day)),
        [
            lapsed(4, "the item was assigned to another department"),
            open_item(5, "姓名", OTHER, PUBLISHED, day)
        ]
    );
    let release =
        || LibraryStep::Released { item: "住址".to_owned(), reason: "停用".to_owned() };
    assert_eq!(schedule.follow(release(), at(6, day)), [lapsed(2, "the item was released: 停用")]);
    assert_eq!(schedule.follow(release(), at(7, day)), []);
    let gone = LibraryStep::Updated { item: "住址".to_owned(), current_on: day };
    assert_eq!(schedule.follow(gone, at(8, day)), []);
}

#[test]
fn an_item_with_another_cycle_is_planned_anew() {
    let mut schedule = LibrarySchedule::new(library());
    let day = date(2026, 2, 20);
    schedule.follow(assigned("姓名", PROVIDER, UpdateCycle::Yearly), at(1, day));

    assert_eq!(
        schedule.follow(assigned("姓名", PROVIDER, UpdateCycle::Monthly), at(2, day)),
        [
            lapsed(1, "the item's update cycle was changed"),
            open_item(2, "姓名", PROVIDER, PUBLISHED, day)
        ]
    );
}

fn steps() -> impl Strategy<Value = ResourceStep> {
    let cycle = prop_oneof![
        Just(UpdateCycle::Daily),
        Just(UpdateCycle::Monthly),
        Just(UpdateCycle::RealTime)
    ];
    (0_u8..6, cycle, 0_i64..90).prop_map(|(which, cycle, days)| {
        let day = PUBLISHED + days.days();
        match which {
            0 => drafted(cycle),
            1 => ResourceStep::Published { on: day },
            2 => updated(day),
            3 => ResourceStep::Suspended { reason: String::new() },
            4 => ResourceStep::Resumed,
            _ => ResourceStep::Withdrawn { reason: String::new() },
        }
    })
}

proptest! {
    /// Whatever happens to a resource: one obligation at a time is open, each opens once, and ends before the next opens.
    #[test]
    fn one_update_at_a_time_is_awaited(steps in prop::collection::vec(steps(), 0..60)) {
        let mut schedule = ResourceSchedule::new(resource());
        let mut running = None;
        for (number, step) in (1_u8..).zip(steps) {
            let on = PUBLISHED + i64::from(number).days();
            for action in schedule.follow(step, at(number, on)) {
                match action {
                    Action::Open(opened, opening) => {
                        prop_assert_eq!((running, opened), (None, id(number)));
                        prop_assert_eq!(opening.opened_on, on);
                        running = Some(opened);
                    }
                    Action::Meet(ended, ..) | Action::Lapse(ended, _) => {
                        prop_assert_eq!(running.take(), Some(ended));
                    }
                }
            }
        }
    }
}
