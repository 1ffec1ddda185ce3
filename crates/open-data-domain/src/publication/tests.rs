use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::{Denied, Role};
use uuid::Uuid;

use super::*;

const PROVIDER: &str = "91110000802100433B";
const AUTHORITY: &str = "12100000400002259P";
const REGION: &str = "510104";

fn actor(code: &str, region: &str, role: Role, account: &str) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/{account}"),
        organisation: code.parse().unwrap(),
        roles: BTreeSet::from([role]),
        region: region.parse().unwrap(),
    }
}

/// The provider's own people, by account.
fn own(account: &str) -> Actor {
    actor(PROVIDER, REGION, Role::Provider, account)
}

fn city() -> Actor {
    actor(AUTHORITY, "510100", Role::Authority, "u9")
}

fn areas() -> ResourceFacts {
    ResourceFacts {
        id: ResourceId::from_uuid(Uuid::from_u128(1)),
        code: "101002/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        open_items: BTreeSet::from(["code".to_owned(), "name".to_owned()]),
    }
}

fn content(columns: &[&str]) -> Content {
    Content {
        digest: Digest::of("code,name\n510104,锦江区\n"),
        bytes: 28,
        rows: 1,
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
    }
}

fn propose(by: Actor) -> Command {
    Command::Propose { resource: areas(), content: content(&["code", "name"]), by }
}

fn review(outcome: Outcome, by: Actor) -> Command {
    Command::Review {
        outcome,
        basis: "不含秘密、商业和个人信息".to_owned(),
        digest: content(&[]).digest,
        region: REGION.parse().unwrap(),
        by,
    }
}

fn publish(by: Actor) -> Command {
    Command::Publish { region: REGION.parse().unwrap(), by }
}

fn withdraw(by: Actor) -> Command {
    Command::Withdraw { reason: "数据有误".to_owned(), region: REGION.parse().unwrap(), by }
}

fn proposed() -> Event {
    let ResourceFacts { id, code, provider, .. } = areas();
    Event::Proposed(Proposal {
        resource: id,
        resource_code: code,
        provider,
        content: content(&["code", "name"]),
        proposed_by: own("u1").id,
    })
}

fn reviewed(outcome: Outcome) -> Event {
    Event::SecrecyReviewed(Review {
        outcome,
        basis: "不含秘密、商业和个人信息".to_owned(),
        reviewed_by: own("u2").id,
        digest: content(&[]).digest,
    })
}

fn published() -> Event {
    Event::Published { published_by: own("u1").id }
}

fn withdrawn() -> Event {
    Event::Withdrawn { reason: "数据有误".to_owned() }
}

/// R40.1: proposed by one person, reviewed by a second, published.
#[test]
fn content_is_proposed_reviewed_and_published() {
    given::<Publication>([]).when(propose(own("u1"))).then([proposed()]);
    given::<Publication>([proposed()])
        .when(review(Outcome::Passed, own("u2")))
        .then([reviewed(Outcome::Passed)]);
    given::<Publication>([proposed(), reviewed(Outcome::Passed)])
        .when(publish(own("u1")))
        .then([published()]);
}

/// R40.1: nobody reviews what they proposed.
#[test]
fn proposer_cannot_review() {
    given::<Publication>([proposed()])
        .when(review(Outcome::Passed, own("u1")))
        .then_rejected(Rejection::ReviewerProposed);
}

/// R40.1: nobody publishes what they reviewed.
#[test]
fn reviewer_cannot_publish() {
    given::<Publication>([proposed(), reviewed(Outcome::Passed)])
        .when(publish(own("u2")))
        .then_rejected(Rejection::PublisherReviewed);
}

/// R40.1: nothing is published without a review that passed.
#[test]
fn unreviewed_and_rejected_content_is_not_published() {
    given::<Publication>([proposed()])
        .when(publish(own("u1")))
        .then_rejected(Rejection::NotReviewed);
    given::<Publication>([proposed()])
        .when(review(Outcome::Rejected, own("u2")))
        .then([reviewed(Outcome::Rejected)]);
    given::<Publication>([proposed(), reviewed(Outcome::Rejected)])
        .when(publish(own("u1")))
        .then_rejected(Rejection::Rejected);
}

/// R40.1: a review counts for the content it saw, and says what it rests on.
#[test]
fn review_is_of_this_content_and_has_a_basis() {
    let review = |basis: &str, digest| Command::Review {
        outcome: Outcome::Passed,
        basis: basis.to_owned(),
        digest,
        region: REGION.parse().unwrap(),
        by: own("u2"),
    };

    given::<Publication>([proposed()])
        .when(review("依据", Digest::of("other")))
        .then_rejected(Rejection::OtherContent { proposed: content(&[]).digest });
    given::<Publication>([proposed()])
        .when(review(" ", content(&[]).digest))
        .then_rejected(Rejection::BasisMissing);
}

/// R13.1: the authority over the provider takes part as well.
#[test]
fn authority_over_the_provider_takes_part() {
    given::<Publication>([proposed(), reviewed(Outcome::Passed)])
        .when(publish(city()))
        .then([Event::Published { published_by: city().id }]);
    given::<Publication>([proposed(), reviewed(Outcome::Passed), published()])
        .when(withdraw(city()))
        .then([withdrawn()]);
}

#[test]
fn strangers_take_no_part() {
    let stranger = || actor(AUTHORITY, "510105", Role::Authority, "u9");
    let outside = Rejection::Denied(Denied::OutsideRegion {
        region: "510105".parse().unwrap(),
        target: REGION.parse().unwrap(),
    });

    for command in [review(Outcome::Passed, stranger()), publish(stranger()), withdraw(stranger())]
    {
        given::<Publication>([proposed()]).when(command).then_rejected(outside.clone());
    }
    given::<Publication>([]).when(propose(city())).then_rejected(Rejection::Denied(
        Denied::OtherOrganisation {
            organisation: AUTHORITY.parse().unwrap(),
            owner: PROVIDER.parse().unwrap(),
        },
    ));
}

/// R39.1: only what the catalogue opens is proposed.
#[test]
fn only_open_columns_are_proposed() {
    let check = |columns: &[&str], rejection| {
        given::<Publication>([])
            .when(Command::Propose { resource: areas(), content: content(columns), by: own("u1") })
            .then_rejected(rejection);
    };

    check(&[], Rejection::ColumnsMissing);
    check(&["code", "code"], Rejection::ColumnRepeated { column: "code".to_owned() });
    check(&["code", "contact"], Rejection::ColumnNotOpen { column: "contact".to_owned() });
    given::<Publication>([])
        .when(Command::Propose {
            resource: ResourceFacts { open_items: BTreeSet::new(), ..areas() },
            content: content(&["code"]),
            by: own("u1"),
        })
        .then_rejected(Rejection::NotOpen);
}

#[test]
fn withdrawn_content_stays_withdrawn() {
    let history = || [proposed(), reviewed(Outcome::Passed), published(), withdrawn()];

    given::<Publication>(history()).when(publish(own("u1"))).then_rejected(Rejection::Withdrawn);
    given::<Publication>(history())
        .when(review(Outcome::Passed, own("u2")))
        .then_rejected(Rejection::Withdrawn);
    given::<Publication>([proposed()])
        .when(Command::Withdraw {
            reason: String::new(),
            region: REGION.parse().unwrap(),
            by: own("u1"),
        })
        .then_rejected(Rejection::ReasonMissing);
}

/// H1
#[test]
fn repeated_commands_say_nothing() {
    let passed = || reviewed(Outcome::Passed);
    for (history, command) in [
        (vec![proposed()], propose(own("u1"))),
        (vec![proposed(), passed()], review(Outcome::Passed, own("u2"))),
        (vec![proposed(), passed(), published()], publish(own("u1"))),
        (vec![proposed(), withdrawn()], withdraw(own("u1"))),
    ] {
        given::<Publication>(history).when(command).then_nothing();
    }
    given::<Publication>([proposed(), passed()])
        .when(review(Outcome::Rejected, own("u3")))
        .then_rejected(Rejection::AlreadyReviewed);
    given::<Publication>([proposed()]).when(propose(own("u3"))).then_rejected(Rejection::Exists);
}

#[test]
fn nothing_happens_to_what_was_not_proposed() {
    for command in [review(Outcome::Passed, own("u2")), publish(own("u1")), withdraw(own("u1"))] {
        given::<Publication>([]).when(command).then_rejected(Rejection::Absent);
    }
}

fn commands() -> impl Strategy<Value = Command> {
    let actors = || {
        prop_oneof![
            prop::sample::select(vec!["u1", "u2", "u3"]).prop_map(own),
            Just(city()),
            Just(actor(AUTHORITY, "510105", Role::Authority, "u8")),
            Just(actor(AUTHORITY, REGION, Role::Provider, "u7")),
        ]
    };
    let outcomes = prop::sample::select(vec![Outcome::Passed, Outcome::Rejected]);
    prop_oneof![
        actors().prop_map(propose),
        (outcomes, actors()).prop_map(|(outcome, by)| review(outcome, by)),
        actors().prop_map(publish),
        actors().prop_map(withdraw),
    ]
}

proptest! {
    /// R40.1: whatever callers try, nothing is published without a passed review by someone other
    /// than its proposer and its publisher; a repeated command says nothing.
    #[test]
    fn nothing_is_published_without_a_review_by_someone_else(
        commands in prop::collection::vec(commands(), 0..40),
    ) {
        let mut publication = Publication::default();
        let mut history = Vec::new();
        for command in commands {
            let Ok(events) = publication.decide(command.clone()) else { continue };
            publication = replay(publication, &events);
            prop_assert_eq!(publication.decide(command), Ok(vec![]));
            history.extend(events);
        }

        let mut proposer = None;
        let mut passed_by = None;
        for event in history {
            match event {
                Event::Proposed(proposal) => proposer = Some(proposal.proposed_by),
                Event::SecrecyReviewed(review) if review.outcome == Outcome::Passed => {
                    passed_by = Some(review.reviewed_by);
                }
                Event::Published { published_by } => {
                    prop_assert!(passed_by.is_some());
                    prop_assert_ne!(&passed_by, &proposer);
                    prop_assert_ne!(&passed_by, &Some(published_by));
                }
                Event::SecrecyReviewed(_) | Event::Withdrawn { .. } => {}
            }
        }
    }
}
