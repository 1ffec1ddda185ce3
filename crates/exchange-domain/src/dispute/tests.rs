use std::collections::BTreeSet;

use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::{Denied, Role};
use uuid::Uuid;

use super::*;
use crate::terms::tests::{CONSUMER, PROVIDER, STRANGER};

const CITY: &str = "11510100MB0000027K";
const COMMITTEE: &str = "125100004507182005";

fn actor(code: &str, region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: BTreeSet::from([role]),
        region: region.parse().unwrap(),
    }
}

fn provider() -> Actor {
    actor(PROVIDER, "510104", Role::Provider)
}

fn consumer() -> Actor {
    actor(CONSUMER, "510105", Role::Consumer)
}

fn city() -> Actor {
    actor(CITY, "510100", Role::Authority)
}

fn committee() -> Actor {
    actor(COMMITTEE, "510100", Role::ExpertCommittee)
}

fn stranger() -> Actor {
    actor(STRANGER, "510105", Role::Consumer)
}

fn prose(text: &str) -> Prose {
    text.parse().unwrap()
}

fn parties() -> Parties {
    Parties {
        resource: ResourceId::from_uuid(Uuid::from_u128(1)),
        provider: provider().organisation,
        provider_region: provider().region,
        consumer: consumer().organisation,
        consumer_region: consumer().region,
    }
}

fn matter() -> Matter {
    Matter::Ticket(TicketId::from_uuid(Uuid::from_u128(2)))
}

fn raise(parties: Parties) -> Step {
    Step::Raise { matter: matter(), parties, statement: prose("校核结论有误") }
}

fn objection(seat: &str) -> Objection {
    Objection {
        matter: matter(),
        resource: ResourceId::from_uuid(Uuid::from_u128(1)),
        provider: provider().organisation,
        consumer: consumer().organisation,
        claimant: consumer().organisation,
        seat: seat.parse().unwrap(),
        statement: prose("校核结论有误"),
    }
}

fn raised() -> Event {
    Event::Raised(objection("510100"))
}

fn proposed(number: u32, by: &Actor) -> Event {
    Event::Proposed { author: by.organisation, number, terms: prose("重新核查") }
}

fn settled(number: u32, by: &Actor) -> Event {
    Event::Settled { author: by.organisation, number }
}

fn referred() -> Event {
    Event::Referred { author: consumer().organisation, reason: prose("协商未果") }
}

fn asked() -> Event {
    Event::OpinionAsked { author: city().organisation, question: prose("以哪份登记为准") }
}

fn opinion() -> Opinion {
    Opinion { text: prose("以登记簿为准"), document_number: None, document: None }
}

fn given_opinion() -> Event {
    Event::OpinionGiven { author: committee().organisation, opinion: opinion() }
}

fn decided() -> Event {
    let (decision, reason) = (prose("三日内更正"), prose("第二十八条"));
    let outcome = Some(Outcome::Consumer);
    Event::Decided { author: city().organisation, outcome, decision, reason }
}

fn state() -> Step {
    Step::State { statement: prose("登记簿另有记载") }
}

fn propose() -> Step {
    Step::Propose { terms: prose("重新核查") }
}

fn refer() -> Step {
    Step::Refer { reason: prose("协商未果") }
}

fn ask() -> Step {
    Step::AskOpinion { question: prose("以哪份登记为准") }
}

fn decide() -> Step {
    let (decision, reason) = (prose("三日内更正"), prose("第二十八条"));
    Step::Decide { outcome: Outcome::Consumer, decision, reason }
}

fn withdraw() -> Step {
    Step::Withdraw { reason: prose("已解决") }
}

fn taken(step: Step, by: Actor) -> Command {
    Command { step, by }
}

/// R28.1: from objection over negotiation, referral and opinion to the decision, each step with its author.
#[test]
fn a_dispute_goes_from_negotiation_to_a_decision() {
    let stated = Event::Stated {
        author: provider().organisation,
        statement: prose("登记簿另有记载"),
    };
    let so_far = [
        (taken(raise(parties()), consumer()), raised()),
        (taken(state(), provider()), stated),
        (taken(refer(), consumer()), referred()),
        (taken(ask(), city()), asked()),
        (taken(Step::GiveOpinion(opinion()), committee()), given_opinion()),
        (taken(decide(), city()), decided()),
    ];
    let mut history = Vec::new();
    for (command, event) in so_far {
        let state = given::<Dispute>(history.clone()).when(command.clone()).then([event.clone()]);
        // Sent again, each has nothing left to say.
        assert_eq!(state.decide(command), Ok(vec![]));
        history.push(event);
    }
    let end = replay(Dispute::default(), &history);
    assert_eq!(end.case().unwrap().stage, Stage::Decided);
}

/// R28.1: whoever is no party objects to nothing, and an organisation does not dispute with itself.
#[test]
fn only_a_party_raises_a_dispute() {
    given::<Dispute>([])
        .when(taken(raise(parties()), stranger()))
        .then_rejected(Rejection::NotAParty);
    let own = Parties { consumer: provider().organisation, ..parties() };
    given::<Dispute>([]).when(taken(raise(own), provider())).then_rejected(Rejection::NoOtherParty);
    given::<Dispute>([]).when(taken(state(), provider())).then_rejected(Rejection::Absent);
}

/// R28.1: the authority of both parties' division decides; of different ones, that of the provider's city.
#[test]
fn the_seat_is_where_both_parties_are_or_their_city() {
    let same = Parties { consumer_region: provider().region, ..parties() };
    for (parties, seat) in [(parties(), "510100"), (same, "510104")] {
        given::<Dispute>([])
            .when(taken(raise(parties), consumer()))
            .then([Event::Raised(objection(seat))]);
    }
}

/// R28.1: a settlement takes both parties; and the one that is agreed to is the one that stands.
#[test]
fn a_settlement_is_confirmed_by_the_other_party() {
    let confirm = |number, by| taken(Step::Confirm { number }, by);
    given::<Dispute>([raised()]).when(confirm(1, provider())).then_rejected(Rejection::NoProposal);
    let open = || given::<Dispute>([raised(), proposed(1, &provider())]);
    open().when(confirm(1, provider())).then_rejected(Rejection::OwnProposal);
    open().when(confirm(1, stranger())).then_rejected(Rejection::NotAParty);
    open().when(confirm(1, consumer())).then([settled(1, &consumer())]);
    open().when(taken(propose(), consumer())).then([proposed(2, &consumer())]);

    let other = [raised(), proposed(1, &provider()), proposed(2, &provider())];
    given::<Dispute>(other)
        .when(confirm(1, consumer()))
        .then_rejected(Rejection::OtherProposal { stands: 2, number: 1 });
    given::<Dispute>([raised(), proposed(1, &provider()), settled(1, &consumer())])
        .when(taken(refer(), consumer()))
        .then_rejected(Rejection::Closed { stage: Stage::Settled });
}

/// R28.1: each step in its turn, and the refusal says what is due.
#[test]
fn a_step_out_of_turn_is_refused_with_what_is_due() {
    for (history, step, by, stage) in [
        (vec![raised()], ask(), city(), Stage::Negotiating),
        (vec![raised()], decide(), city(), Stage::Negotiating),
        (vec![raised(), referred()], decide(), city(), Stage::Referred),
        (vec![raised(), referred()], Step::GiveOpinion(opinion()), committee(), Stage::Referred),
        (vec![raised(), referred(), asked()], decide(), city(), Stage::OpinionAsked),
        (vec![raised(), referred(), asked()], refer(), provider(), Stage::OpinionAsked),
    ] {
        let rejection = Rejection::NotDue { stage };
        assert!(rejection.to_string().contains(stage.due()), "{rejection}");
        given::<Dispute>(history).when(taken(step, by)).then_rejected(rejection);
    }
}

/// R28.1, R45.1: each step is somebody's, and nobody else's.
#[test]
fn a_step_of_somebody_else_is_refused() {
    let district = actor(CITY, "510104", Role::Authority);
    let at = |history: &[Event], step: Step, by: Actor| {
        given::<Dispute>(history.to_vec()).when(taken(step, by))
    };
    let begun = [raised()];
    at(&begun, state(), stranger()).then_rejected(Rejection::NotAParty);
    at(&begun, state(), city()).then_rejected(Rejection::NotAParty);
    at(&begun, refer(), city())
        .then([Event::Referred { author: city().organisation, reason: prose("协商未果") }]);
    at(&begun, withdraw(), provider()).then_rejected(Rejection::Denied(
        Denied::OtherOrganisation {
            organisation: provider().organisation,
            owner: consumer().organisation,
        },
    ));
    at(&[raised(), referred()], ask(), district.clone()).then_rejected(Rejection::Denied(
        Denied::OutsideRegion { region: district.region, target: "510100".parse().unwrap() },
    ));
    let by_authority =
        Denied::RoleMissing { organisation: city().organisation, role: Role::ExpertCommittee };
    at(&[raised(), referred(), asked()], Step::GiveOpinion(opinion()), city())
        .then_rejected(Rejection::Denied(by_authority));
}

fn any_command() -> impl Strategy<Value = Command> {
    let step = prop_oneof![
        Just(raise(parties())),
        Just(state()),
        Just(propose()),
        (1_u32..3).prop_map(|number| Step::Confirm { number }),
        Just(refer()),
        Just(ask()),
        Just(Step::GiveOpinion(opinion())),
        Just(decide()),
        Just(withdraw()),
    ];
    let by = prop_oneof![
        Just(provider()),
        Just(consumer()),
        Just(city()),
        Just(committee()),
        Just(stranger())
    ];
    let random = (step, by).prop_map(|(step, by)| Command { step, by });
    // Who may, more often than chance would have it: otherwise few disputes come to a decision.
    let rightful = prop_oneof![
        Just(taken(raise(parties()), consumer())),
        Just(taken(refer(), consumer())),
        Just(taken(ask(), city())),
        Just(taken(Step::GiveOpinion(opinion()), committee())),
        Just(taken(decide(), city())),
    ];
    prop_oneof![3 => rightful, 1 => random]
}

proptest! {
    /// Whatever is tried: nothing follows the end, no decision comes without an opinion, and a stranger changes nothing.
    #[test]
    fn nothing_follows_the_end_and_no_decision_comes_without_an_opinion(
        commands in proptest::collection::vec(any_command(), 0..40),
    ) {
        let mut dispute = Dispute::default();
        let mut history: Vec<Event> = Vec::new();
        for command in commands {
            let by = command.by.organisation;
            let Ok(events) = dispute.decide(command) else { continue };
            if !events.is_empty() {
                let over = dispute.case().is_some_and(|case| !case.stage.is_open());
                prop_assert!(!over && by != stranger().organisation);
            }
            dispute = replay(dispute, &events);
            history.extend(events);
        }
        let position = |wanted: fn(&Event) -> bool| history.iter().position(wanted);
        let decided = position(|event| matches!(event, Event::Decided { .. }));
        let given = position(|event| matches!(event, Event::OpinionGiven { .. }));
        prop_assert!(decided.is_none() || given < decided && given.is_some());
    }
}
