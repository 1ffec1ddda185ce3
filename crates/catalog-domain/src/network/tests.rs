use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::{Denied, Role};

use super::*;

const OWN: &str = "91110000802100433B";
const AUTHORITY: &str = "12100000400002259P";
const CITY: &str = "510100";
const DISTRICT: &str = "510104";

fn today() -> Date {
    "2026-01-04".parse().unwrap()
}

fn actor(code: &str, region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn own() -> Actor {
    actor(OWN, DISTRICT, Role::Provider)
}

fn district() -> Actor {
    actor(AUTHORITY, DISTRICT, Role::Authority)
}

fn city() -> Actor {
    actor(AUTHORITY, CITY, Role::Authority)
}

fn plan() -> Plan {
    Plan {
        name: "应急指挥专网".to_owned(),
        purpose: "应急指挥".to_owned(),
        legal_basis: "《…》第十条".to_owned(),
        scope: "区应急局及 12 个街道".to_owned(),
    }
}

fn asked() -> Event {
    Event::OpinionRequested {
        owner: Owner::of(&own()),
        answering: DISTRICT.parse().unwrap(),
        plan: plan(),
    }
}

fn answered(opinion: Opinion) -> Event {
    let authority = AUTHORITY.parse().unwrap();
    Event::OpinionGiven { opinion, reasons: "见附件".to_owned(), authority }
}

fn answer(opinion: Opinion, by: Actor) -> Command {
    Command::Answer { opinion, reasons: "见附件".to_owned(), by }
}

fn record(plan: Option<Plan>, provenance: Provenance, by: Actor) -> Command {
    Command::RecordBuilt { owner: Owner::of(&own()), plan, on: today(), provenance, by }
}

fn built(basis: Basis) -> Event {
    Event::Built { owner: Owner::of(&own()), on: today(), basis, plan: plan() }
}

/// R9.1: a department asks before it builds, and the authority of the same level answers.
#[test]
fn the_authority_of_the_same_level_answers() {
    let request = Command::RequestOpinion { plan: plan(), by: own() };
    given::<Network>([]).when(request.clone()).then([asked()]);
    given::<Network>([asked()]).when(request).then_nothing();

    let agreed = || answered(Opinion::Agreed);
    given::<Network>([asked()]).when(answer(Opinion::Agreed, district())).then([agreed()]);
    given::<Network>([asked(), agreed()]).when(answer(Opinion::Agreed, district())).then_nothing();
    given::<Network>([asked(), agreed()])
        .when(answer(Opinion::Objected, district()))
        .then_rejected(Rejection::AlreadyAnswered);
    given::<Network>([asked()])
        .when(answer(Opinion::Agreed, city()))
        .then_rejected(Rejection::OtherLevel { answering: DISTRICT.parse().unwrap() });
    given::<Network>([asked()]).when(answer(Opinion::Agreed, own())).then_rejected(
        Rejection::Denied(Denied::RoleMissing {
            organisation: OWN.parse().unwrap(),
            role: Role::Authority,
        }),
    );
}

/// R9.1: what a district's authority asks for itself, the city answers; the city's has none above it.
#[test]
fn an_authority_does_not_answer_itself() {
    let request = |by: Actor| Command::RequestOpinion { plan: plan(), by };
    let answering = |by: Actor| {
        let events = Network::Absent.decide(request(by)).unwrap();
        replay(Network::Absent, &events).answering().unwrap().to_string()
    };
    assert_eq!(answering(district()), CITY);
    assert_eq!(answering(city()), CITY);
    assert_eq!(answering(own()), DISTRICT);

    let asker = actor(OWN, DISTRICT, Role::Authority);
    given::<Network>([asked()])
        .when(answer(Opinion::Agreed, asker))
        .then_rejected(Rejection::OwnRequest { organisation: OWN.parse().unwrap() });
}

/// R9.1: what a network was built on follows from what happened before.
#[test]
fn building_without_agreement_is_told_from_building_with_it() {
    let with_plan = || record(Some(plan()), Provenance::New, own());
    let without = || record(None, Provenance::New, own());

    given::<Network>([]).when(with_plan()).then([built(Basis::WithoutOpinion)]);
    given::<Network>([]).when(without()).then_rejected(Rejection::Absent);
    given::<Network>([asked()]).when(without()).then([built(Basis::WithoutOpinion)]);
    given::<Network>([asked(), answered(Opinion::Agreed)])
        .when(without())
        .then([built(Basis::Agreed)]);
    given::<Network>([asked(), answered(Opinion::Objected)])
        .when(without())
        .then([built(Basis::AgainstObjection)]);
    given::<Network>([built(Basis::WithoutOpinion)]).when(with_plan()).then_nothing();
    given::<Network>([asked(), built(Basis::WithoutOpinion)])
        .when(answer(Opinion::Agreed, district()))
        .then_rejected(Rejection::NotAwaited);
}

/// R9.1: the authority records what it finds; and it alone says that a network is an old one.
#[test]
fn only_the_authority_calls_a_network_an_old_one() {
    for authority in [district(), city()] {
        given::<Network>([])
            .when(record(Some(plan()), Provenance::New, authority.clone()))
            .then([built(Basis::WithoutOpinion)]);
        given::<Network>([])
            .when(record(Some(plan()), Provenance::Existing, authority))
            .then([built(Basis::Existing)]);
    }
    let missing = Denied::RoleMissing { organisation: OWN.parse().unwrap(), role: Role::Authority };
    given::<Network>([])
        .when(record(Some(plan()), Provenance::Existing, own()))
        .then_rejected(Rejection::Denied(missing));
    let neighbour = actor(AUTHORITY, "510105", Role::Authority);
    given::<Network>([]).when(record(Some(plan()), Provenance::New, neighbour)).then_rejected(
        Rejection::Denied(Denied::OutsideRegion {
            region: "510105".parse().unwrap(),
            target: DISTRICT.parse().unwrap(),
        }),
    );
}

#[test]
fn a_network_is_merged_once_it_stands_or_given_up() {
    let merge = || Command::RecordMerged { on: today(), by: own() };
    let give_up =
        || Command::GiveUp { on: today(), reason: "改用政务外网".to_owned(), by: own() };
    let merged = || Event::Merged { on: today() };
    let given_up = || Event::GivenUp { on: today(), reason: "改用政务外网".to_owned() };

    given::<Network>([asked()]).when(merge()).then_rejected(Rejection::NotBuilt);
    given::<Network>([built(Basis::Existing)]).when(merge()).then([merged()]);
    given::<Network>([built(Basis::Existing), merged()]).when(merge()).then_nothing();
    given::<Network>([built(Basis::Existing), merged()])
        .when(give_up())
        .then_rejected(Rejection::Over);
    given::<Network>([asked()]).when(give_up()).then([given_up()]);
    given::<Network>([asked(), given_up()])
        .when(record(None, Provenance::New, own()))
        .then_rejected(Rejection::Over);
    let by = district();
    given::<Network>([built(Basis::Existing)])
        .when(Command::RecordMerged { on: today(), by })
        .then_rejected(Rejection::Denied(Denied::OtherOrganisation {
            organisation: AUTHORITY.parse().unwrap(),
            owner: OWN.parse().unwrap(),
        }));
}

#[test]
fn a_plan_says_everything() {
    let without = |change: fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        Network::Absent.decide(Command::RequestOpinion { plan, by: own() }).unwrap_err()
    };
    let missing = |field| Rejection::Text(TextMistake::Empty { field });
    assert_eq!(without(|plan| plan.name.clear()), missing("name"));
    assert_eq!(without(|plan| plan.purpose.clear()), missing("purpose"));
    assert_eq!(without(|plan| plan.legal_basis.clear()), missing("legal basis"));
    assert_eq!(without(|plan| plan.scope.clear()), missing("scope"));
}

fn commands() -> impl Strategy<Value = Command> {
    let by = || prop::sample::select(vec![own(), district(), city()]);
    let opinions = prop::sample::select(vec![Opinion::Agreed, Opinion::Objected]);
    let provenances = prop::sample::select(vec![Provenance::New, Provenance::Existing]);
    prop_oneof![
        by().prop_map(|by| Command::RequestOpinion { plan: plan(), by }),
        (opinions, by()).prop_map(|(opinion, by)| answer(opinion, by)),
        (provenances, by()).prop_map(|(provenance, by)| record(Some(plan()), provenance, by)),
        by().prop_map(|by| Command::RecordMerged { on: today(), by }),
        by().prop_map(|by| Command::GiveUp { on: today(), reason: "无".to_owned(), by }),
    ]
}

proptest! {
    /// R9.1: whatever is tried, a new network counts as agreed to exactly if the authority agreed before it was built.
    #[test]
    fn agreement_comes_from_an_answer_alone(commands in prop::collection::vec(commands(), 0..16)) {
        let mut network = Network::default();
        let mut opinion = None;
        for command in commands {
            let Ok(events) = network.decide(command.clone()) else { continue };
            for event in &events {
                match event {
                    Event::OpinionGiven { opinion: given, authority, .. } => {
                        prop_assert_ne!(authority.to_string(), OWN);
                        opinion = Some(*given);
                    }
                    Event::Built { basis: Basis::Existing, .. } => {}
                    Event::Built { basis, .. } => {
                        prop_assert_eq!(*basis == Basis::Agreed, opinion == Some(Opinion::Agreed));
                    }
                    Event::OpinionRequested { .. } | Event::Merged { .. } | Event::GivenUp { .. } => {}
                }
            }
            network = replay(network, &events);
        }
    }
}
