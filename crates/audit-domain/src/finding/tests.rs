use publicdata_decider::testing::{Given, given as given_of};
use publicdata_types::{Digest, Role};

use super::*;

const ORGANISATION: &str = "91110000802100433B";
const AUTHORITY: &str = "12100000400002259P";

fn given(events: impl IntoIterator<Item = Event>) -> Given<Finding> {
    given_of(events)
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn prose(text: &str) -> Prose {
    text.parse().unwrap()
}

fn actor(code: &str, region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn authority() -> Actor {
    actor(AUTHORITY, "510100", Role::Authority)
}

fn organisation() -> Actor {
    actor(ORGANISATION, "510104", Role::Provider)
}

fn position(sequence: u64) -> Position {
    Position { stream: "CATALOG".to_owned(), sequence }
}

fn raised() -> Raised {
    Raised {
        matter: Matter::Breach { clause: 4 },
        article: "第十四条".to_owned(),
        title: "目录未按期更新".to_owned(),
        organisation: ORGANISATION.parse().unwrap(),
        region: "510104".parse().unwrap(),
        thing: Some("ev.catalog.obligation.0190".to_owned()),
        evidence: vec![position(3), position(9)],
        found_on: date("2026-03-02"),
        source: Source::Rule {
            name: "catalogue-update-missed".to_owned(),
            digest: Digest::of(b"rule"),
            measured: None,
        },
    }
}

fn found() -> Event {
    Event::Raised(Box::new(raised()))
}

fn order_by(due_on: &str) -> Order {
    Order {
        author: AUTHORITY.parse().unwrap(),
        demand: prose("更新目录"),
        due_on: date(due_on),
        document: None,
    }
}

fn ordered() -> Event {
    Event::Ordered(order_by("2026-03-20"))
}

fn order(by: Actor) -> Command {
    Command::Order { order: order_by("2026-03-20"), today: date("2026-03-03"), by }
}

fn report(today: &str, by: Actor) -> Command {
    Command::Report { statement: prose("已更新"), today: date(today), by }
}

fn reported(late: bool) -> Event {
    let author = ORGANISATION.parse().unwrap();
    Event::Reported { author, statement: prose("已更新"), late }
}

fn judge(verdict: Verdict) -> Command {
    let (reason, today) = (prose("现场核查"), date("2026-03-10"));
    Command::Judge { verdict, reason, today, by: authority() }
}

fn accepted() -> Event {
    Event::Accepted { author: AUTHORITY.parse().unwrap(), reason: prose("现场核查") }
}

fn dismiss() -> Command {
    Command::Dismiss { reason: prose("系统迁移期间"), by: authority() }
}

fn escalation() -> Escalation {
    Escalation { addressee: prose("监察机关"), reason: prose("拒不整改"), document: None }
}

/// R46.1: from finding to order, report and closing.
#[test]
fn a_finding_is_ordered_reported_and_closed() {
    given([]).when(Command::Find(Box::new(raised()))).then([found()]);
    given([found()]).when(order(authority())).then([ordered()]);
    given([found(), ordered()]).when(report("2026-03-10", organisation())).then([reported(false)]);
    given([found(), ordered(), reported(false)]).when(judge(Verdict::Accepted)).then([accepted()]);
    let closed = [found(), ordered(), reported(false), accepted()];
    given(closed.clone()).when(order(authority())).then_rejected(Rejection::Closed);
    given(closed).when(judge(Verdict::Accepted)).then_nothing();
}

/// H1: what is said again, such as by a rule after a crash, changes nothing.
#[test]
fn the_same_again_is_nothing() {
    given([found()]).when(Command::Find(Box::new(raised()))).then_nothing();
    given([found(), ordered()]).when(order(authority())).then_nothing();
    let other = Raised { title: "其他".to_owned(), ..raised() };
    given([found()]).when(Command::Find(Box::new(other))).then_rejected(Rejection::RaisedOtherwise);
}

/// R46.1: what is not set right gets another day, and then is overdue.
#[test]
fn an_order_is_followed_up() {
    let due_on = date("2026-04-01");
    let rejected =
        Event::Rejected {
            author: AUTHORITY.parse().unwrap(), reason: prose("现场核查"), due_on
        };
    let history = [found(), ordered(), reported(false)];
    given(history.clone()).when(judge(Verdict::Rejected { due_on })).then([rejected.clone()]);

    let elapsed = |today| Command::DeadlineElapsed { today: date(today) };
    let again = [history.as_slice(), &[rejected]].concat();
    given(again.clone()).when(elapsed("2026-04-01")).then_nothing();
    let overdue = Event::Overdue { due_on };
    given(again.clone()).when(elapsed("2026-04-02")).then([overdue.clone()]);
    let late = [again.as_slice(), &[overdue]].concat();
    given(late.clone()).when(elapsed("2026-04-03")).then_nothing();
    given(late.clone()).when(report("2026-04-03", organisation())).then([reported(true)]);

    let author = AUTHORITY.parse().unwrap();
    let escalated = Event::Escalated { author, escalation: escalation() };
    let escalate = Command::Escalate { escalation: escalation(), by: authority() };
    given(late.clone()).when(escalate.clone()).then([escalated.clone()]);
    let asked = [late.as_slice(), &[escalated]].concat();
    given(asked.clone()).when(escalate).then_nothing();
    given(asked.clone()).when(report("2026-04-09", organisation())).then([reported(true)]);
    given(asked).when(judge(Verdict::Accepted)).then([accepted()]);
}

/// R46.1: what later events show to be set right is cleared, and an order stays an order.
#[test]
fn what_is_set_right_is_cleared() {
    let clear = Command::Clear { evidence: vec![position(12)], on: date("2026-03-05") };
    let cleared = Event::Cleared { evidence: vec![position(12)], on: date("2026-03-05") };
    given([found()]).when(clear.clone()).then([cleared.clone()]);
    given([found(), cleared.clone()]).when(clear.clone()).then_nothing();

    let state = given([found(), ordered()]).when(clear).then([cleared.clone()]);
    let Finding::Raised(case) = state else { panic!("{state:?}") };
    assert!(case.cleared);
    assert_eq!(case.stage, Stage::Ordered(order_by("2026-03-20")));
    given([found(), cleared]).when(order(authority())).then([ordered()]);
}

/// R46.1: what is no breach is dismissed, by the authority alone.
#[test]
fn what_is_no_breach_is_dismissed() {
    let author = AUTHORITY.parse().unwrap();
    let dismissed = Event::Dismissed { author, reason: prose("系统迁移期间") };
    given([found()]).when(dismiss()).then([dismissed.clone()]);
    given([found(), dismissed.clone()]).when(dismiss()).then_nothing();
    given([found(), dismissed.clone()]).when(order(authority())).then_rejected(Rejection::Closed);
    let clear = Command::Clear { evidence: vec![], on: date("2026-03-05") };
    given([found(), dismissed]).when(clear).then_nothing();
}

/// R45.1, R46.1: an authority raises and orders in its own division, and an organisation reports for itself.
#[test]
fn each_acts_in_its_own_part() {
    let elsewhere = actor(AUTHORITY, "510105", Role::Authority);
    let denied = elsewhere.may_govern(&raised().region).unwrap_err();
    given([found()]).when(order(elsewhere)).then_rejected(denied.into());
    let denied = organisation().may_govern(&raised().region).unwrap_err();
    given([found()]).when(order(organisation())).then_rejected(denied.into());
    let denied = authority().may_act_for(&raised().organisation).unwrap_err();
    given([found(), ordered()])
        .when(report("2026-03-10", authority()))
        .then_rejected(denied.into());

    let source = Source::Authority {
        author: AUTHORITY.parse().unwrap(),
        description: prose("重复索要证明"),
    };
    let by_hand = Raised { matter: Matter::Breach { clause: 3 }, source, ..raised() };
    let raise = |by| Command::Raise { raised: Box::new(by_hand.clone()), by };
    given([]).when(raise(authority())).then([Event::Raised(Box::new(by_hand.clone()))]);
    let denied = organisation().may_govern(&raised().region).unwrap_err();
    given([]).when(raise(organisation())).then_rejected(denied.into());
}

#[test]
fn what_cannot_be_is_refused() {
    let twelfth = Raised { matter: Matter::Breach { clause: 12 }, ..raised() };
    given([]).when(Command::Find(Box::new(twelfth))).then_rejected(Rejection::Clause { found: 12 });
    given([]).when(dismiss()).then_rejected(Rejection::Absent);
    let past = Command::Order {
        order: order_by("2026-03-01"),
        today: date("2026-03-03"),
        by: authority(),
    };
    let (due, today) = (date("2026-03-01"), date("2026-03-03"));
    given([found()]).when(past).then_rejected(Rejection::DueInThePast { due, today });
    given([found()])
        .when(report("2026-03-10", organisation()))
        .then_rejected(Rejection::NotOrdered);
    let rejected = Verdict::Rejected { due_on: date("2026-04-01") };
    given([found(), ordered()]).when(judge(rejected)).then_rejected(Rejection::NotReported);
}
