use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::*;

const OWN: &str = "91110000802100433B";
const OTHER: &str = "12100000400002259P";

fn actor(code: &str) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [Role::Provider].into(),
        region: "510104".parse().unwrap(),
    }
}

fn terms(rpo_hours: u32, rto_hours: u32) -> Terms {
    let since = "2026-01-04".parse().unwrap();
    Terms { method: "每日全量备份到市灾备中心".to_owned(), rpo_hours, rto_hours, since }
}

fn enrol(terms: Terms, by: &str) -> Command {
    let owner = Owner::of(&actor(OWN));
    Command::Enrol { kind: Kind::System, owner, terms, by: actor(by) }
}

fn enrolled(terms: Terms) -> Event {
    Event::Enrolled { kind: Kind::System, owner: Owner::of(&actor(OWN)), terms }
}

fn withdraw(by: &str) -> Command {
    let on = "2026-02-01".parse().unwrap();
    Command::Withdraw { on, reason: "系统停用".to_owned(), by: actor(by) }
}

/// R11.1: an organisation enrols what is its own, on other terms if it likes, and takes it out again.
#[test]
fn an_organisation_enrols_and_withdraws_its_own() {
    let withdrawn =
        Event::Withdrawn { on: "2026-02-01".parse().unwrap(), reason: "系统停用".to_owned() };
    let first = || enrolled(terms(24, 4));

    given::<Recovery>([]).when(enrol(terms(24, 4), OWN)).then([first()]);
    given::<Recovery>([first()]).when(enrol(terms(24, 4), OWN)).then_nothing();
    given::<Recovery>([first()]).when(enrol(terms(1, 4), OWN)).then([enrolled(terms(1, 4))]);
    given::<Recovery>([first()]).when(withdraw(OWN)).then([withdrawn.clone()]);
    given::<Recovery>([first(), withdrawn.clone()]).when(withdraw(OWN)).then_nothing();
    given::<Recovery>([first(), withdrawn]).when(enrol(terms(24, 4), OWN)).then([first()]);
    given::<Recovery>([]).when(withdraw(OWN)).then_rejected(Rejection::Absent);
}

/// R13.1: nobody enrols or withdraws what is another's.
#[test]
fn nobody_enrols_what_is_anothers() {
    let denied = || {
        Rejection::Denied(Denied::OtherOrganisation {
            organisation: OTHER.parse().unwrap(),
            owner: OWN.parse().unwrap(),
        })
    };
    given::<Recovery>([]).when(enrol(terms(24, 4), OTHER)).then_rejected(denied());
    given::<Recovery>([enrolled(terms(24, 4))]).when(withdraw(OTHER)).then_rejected(denied());
}

#[test]
fn terms_make_sense() {
    let method = Terms { method: " ".to_owned(), ..terms(1, 1) };
    let missing = Rejection::Text(TextMistake::Empty { field: "method" });
    given::<Recovery>([]).when(enrol(method, OWN)).then_rejected(missing);
    given::<Recovery>([])
        .when(enrol(terms(0, 0), OWN))
        .then_rejected(Rejection::RecoveryTime { found: 0 });
    given::<Recovery>([])
        .when(enrol(terms(9_000, 1), OWN))
        .then_rejected(Rejection::RecoveryPoint { found: 9_000 });
    given::<Recovery>([]).when(enrol(terms(0, 1), OWN)).then([enrolled(terms(0, 1))]);
}
