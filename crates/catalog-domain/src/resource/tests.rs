use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::*;
use crate::description::tests::{item, villages};

const CITY: &str = "510100";
const DISTRICT: &str = "510104";
const AUTHORITY: &str = "12100000400002259P";
const PROVIDER: &str = "91110000802100433B";
const STRANGER: &str = "91350100M000100Y43";
const TODAY: Date = date(2026, 1, 4);

fn actor(code: &str, region: &str, roles: impl IntoIterator<Item = Role>) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: roles.into_iter().collect(),
        region: region.parse().unwrap(),
    }
}

fn provider() -> Actor {
    actor(PROVIDER, DISTRICT, [Role::Provider])
}

fn stranger() -> Actor {
    actor(STRANGER, DISTRICT, [Role::Provider])
}

fn city() -> Actor {
    actor(AUTHORITY, CITY, [Role::Authority])
}

fn code() -> ResourceCode {
    "302001/00001".parse().unwrap()
}

fn revised() -> Description {
    let mut description = villages();
    description.items.push(item("kind", "城乡分类"));
    description
}

fn draft(description: Description) -> Command {
    Command::Draft { code: code(), description, leadership: Leadership::Provider, by: provider() }
}

fn drafted(description: Description) -> Event {
    Event::Drafted { code: code(), description, region: DISTRICT.parse().unwrap() }
}

fn published(version: u32) -> Event {
    Event::Published { version, on: TODAY }
}

fn returned() -> Event {
    Event::Returned { reason: "缺少更新说明".to_owned() }
}

fn publish(by: Actor) -> Command {
    Command::Publish { on: TODAY, by }
}

fn return_(by: Actor) -> Command {
    Command::Return { reason: "缺少更新说明".to_owned(), by }
}

fn not_owner() -> Rejection {
    Rejection::Denied(Denied::OtherOrganisation {
        organisation: STRANGER.parse().unwrap(),
        owner: PROVIDER.parse().unwrap(),
    })
}

/// R12.3: draft, submitted, published.
#[test]
fn entry_is_drafted_submitted_and_published() {
    given::<Resource>([]).when(draft(villages())).then([drafted(villages())]);
    given::<Resource>([drafted(villages())])
        .when(Command::Submit { leadership: Leadership::Provider, by: provider() })
        .then([Event::Submitted]);

    let resource = given::<Resource>([drafted(villages()), Event::Submitted])
        .when(publish(city()))
        .then([published(1)]);
    assert_eq!(resource.entry().map(|entry| entry.version), Some(1));
}

/// R12.3: returned with a reason, drafted anew.
#[test]
fn entry_is_returned_and_drafted_anew() {
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(return_(city()))
        .then([returned()]);

    let returned = || given::<Resource>([drafted(villages()), Event::Submitted, returned()]);
    returned()
        .when(Command::Submit { leadership: Leadership::Provider, by: provider() })
        .then_rejected(Rejection::NoDraft);
    returned().when(draft(revised())).then([drafted(revised())]);
    returned().when(draft(villages())).then([drafted(villages())]);
}

#[test]
fn returning_needs_a_reason() {
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(Command::Return { reason: " ".to_owned(), by: city() })
        .then_rejected(Rejection::ReasonMissing);
}

/// R12.3: a revision is a new draft over what was published, and counts on.
#[test]
fn published_entry_is_revised_by_a_new_draft() {
    let history = || [drafted(villages()), Event::Submitted, published(1)];

    given::<Resource>(history()).when(draft(revised())).then([drafted(revised())]);
    given::<Resource>(history().into_iter().chain([drafted(revised()), Event::Submitted]))
        .when(publish(city()))
        .then([published(2)]);
}

/// R12.2: the code follows the classification, and stays over revisions.
#[test]
fn code_follows_the_classification_and_stays() {
    let elsewhere: ResourceCode = "101001/00001".parse().unwrap();
    let draft_as = |code| Command::Draft {
        code,
        description: villages(),
        leadership: Leadership::Provider,
        by: provider(),
    };

    given::<Resource>([])
        .when(draft_as(elsewhere.clone()))
        .then_rejected(Rejection::CodeElsewhere { code: elsewhere });
    given::<Resource>([drafted(villages())])
        .when(draft_as("302001/00002".parse().unwrap()))
        .then_rejected(Rejection::CodeChanged { code: code() });
    given::<Resource>([drafted(villages())])
        .when(draft(Description { classification: "302002".parse().unwrap(), ..villages() }))
        .then_rejected(Rejection::CodeChanged { code: code() });
}

#[test]
fn description_with_mistakes_is_refused_with_all_of_them() {
    given::<Resource>([])
        .when(draft(Description { name: String::new(), items: Vec::new(), ..villages() }))
        .then_rejected(Rejection::Invalid {
            mistakes: vec![Mistake::Empty { field: "name" }, Mistake::ItemsMissing],
        });
}

/// R12.3: the provider writes, and nobody else.
#[test]
fn stranger_cannot_write() {
    given::<Resource>([])
        .when(Command::Draft {
            code: code(),
            description: villages(),
            leadership: Leadership::Provider,
            by: stranger(),
        })
        .then_rejected(not_owner());
    given::<Resource>([drafted(villages())])
        .when(Command::Submit { leadership: Leadership::Provider, by: stranger() })
        .then_rejected(not_owner());
}

/// R12.3: another provider's entry is not taken over by naming oneself in it.
#[test]
fn stranger_cannot_take_over() {
    let own = Description { provider: STRANGER.parse().unwrap(), ..villages() };
    let take = Command::Draft {
        code: code(),
        description: own,
        leadership: Leadership::Provider,
        by: stranger(),
    };

    given::<Resource>([drafted(villages())])
        .when(take.clone())
        .then_rejected(Rejection::ProviderChanged { provider: PROVIDER.parse().unwrap() });
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(take)
        .then_rejected(not_owner());
}

/// R16.1: an entry of a library passes to its next lead by a revision, and the lead before writes it no more.
#[test]
fn entry_of_a_library_passes_to_its_next_lead() {
    let led = || {
        let (library, lead) = ("101".parse().unwrap(), STRANGER.parse().unwrap());
        Leadership::Led { library, lead }
    };
    let history = || [drafted(villages()), Event::Submitted, published(1), drafted(revised())];
    let own = Description { provider: STRANGER.parse().unwrap(), ..villages() };
    let draft =
        |description, by| Command::Draft { code: code(), description, leadership: led(), by };

    given::<Resource>(history()).when(draft(own.clone(), stranger())).then([drafted(own)]);
    let NotWriter::Led { library, lead } =
        led().may_write(&PROVIDER.parse().unwrap(), &provider()).unwrap_err()
    else {
        panic!("the lead before is no lead");
    };
    let refused = || Rejection::NotWriter(NotWriter::Led { library: library.clone(), lead });
    given::<Resource>(history()).when(draft(revised(), provider())).then_rejected(refused());
    given::<Resource>(history())
        .when(Command::Submit { leadership: led(), by: provider() })
        .then_rejected(refused());
}

/// R13.1: the authority over the provider's region reviews, and no other.
#[test]
fn neighbouring_authority_cannot_review() {
    let outside = Rejection::Denied(Denied::OutsideRegion {
        region: "510105".parse().unwrap(),
        target: DISTRICT.parse().unwrap(),
    });
    let neighbour = || actor(AUTHORITY, "510105", [Role::Authority]);

    for command in [publish(neighbour()), return_(neighbour())] {
        given::<Resource>([drafted(villages()), Event::Submitted])
            .when(command)
            .then_rejected(outside.clone());
    }
}

/// R13.1: a provider that is no authority reviews nothing.
#[test]
fn provider_cannot_publish() {
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(publish(provider()))
        .then_rejected(Rejection::Denied(Denied::RoleMissing {
            organisation: PROVIDER.parse().unwrap(),
            role: Role::Authority,
        }));
}

/// R13.1: a district authority leaves its own entries to the city; the city has none above it.
#[test]
fn only_the_highest_authority_reviews_its_own() {
    let roles = [Role::Authority, Role::Provider];
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(publish(actor(PROVIDER, DISTRICT, roles)))
        .then_rejected(Rejection::OwnEntry { organisation: PROVIDER.parse().unwrap() });
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(publish(actor(PROVIDER, CITY, roles)))
        .then([published(1)]);
}

#[test]
fn entry_under_review_is_not_changed() {
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(draft(revised()))
        .then_rejected(Rejection::UnderReview);
}

#[test]
fn only_what_was_submitted_is_reviewed() {
    for history in [
        vec![drafted(villages())],
        vec![drafted(villages()), Event::Submitted, returned(), drafted(villages())],
    ] {
        for command in [publish(city()), return_(city())] {
            given::<Resource>(history.clone()).when(command).then_rejected(Rejection::NotSubmitted);
        }
    }
}

#[test]
fn nothing_happens_to_what_was_not_drafted() {
    for command in [
        Command::Submit { leadership: Leadership::Provider, by: provider() },
        publish(city()),
        return_(city()),
    ] {
        given::<Resource>([]).when(command).then_rejected(Rejection::Absent);
    }
}

fn actors() -> impl Strategy<Value = Actor> {
    let codes = prop::sample::select(vec![AUTHORITY, PROVIDER, STRANGER]);
    let regions = prop::sample::select(vec!["510000", CITY, DISTRICT, "510105"]);
    let roles = prop::sample::subsequence(Role::ALL.to_vec(), 0..=Role::ALL.len());
    (codes, regions, roles).prop_map(|(code, region, roles)| actor(code, region, roles))
}

fn commands() -> impl Strategy<Value = Command> {
    let descriptions = prop::sample::select(vec![
        villages(),
        revised(),
        Description { items: Vec::new(), ..villages() },
        Description { provider: STRANGER.parse().unwrap(), ..villages() },
    ]);
    let actors = || prop_oneof![Just(provider()), Just(city()), actors()];
    prop_oneof![
        (descriptions, actors()).prop_map(|(description, by)| Command::Draft {
            code: code(),
            description,
            leadership: Leadership::Provider,
            by
        }),
        actors().prop_map(|by| Command::Submit { leadership: Leadership::Provider, by }),
        actors().prop_map(return_),
        actors().prop_map(publish),
    ]
}

proptest! {
    /// R12.2, R12.3: whatever callers try, code and provider stay, versions count without gaps, what
    /// is held is valid, and a repeated command says nothing.
    #[test]
    fn entry_stays_what_it_is(commands in prop::collection::vec(commands(), 0..40)) {
        let mut resource = Resource::default();
        let mut version = 0;
        let mut providers = BTreeSet::new();
        for command in commands {
            let Ok(events) = resource.decide(command.clone()) else { continue };
            resource = replay(resource, &events);

            if events.iter().any(|event| matches!(event, Event::Published { .. })) {
                version += 1;
            }
            prop_assert_eq!(resource.decide(command), Ok(vec![]));
            if let Some(entry) = resource.entry() {
                providers.insert(entry.description.provider);
                prop_assert_eq!(&entry.code, &code());
                prop_assert_eq!(entry.version, version);
                prop_assert_eq!(entry.description.mistakes(), vec![]);
            }
        }
        prop_assert!(providers.len() <= 1);
    }

    /// R13.1: whoever publishes is an authority whose region contains the provider's.
    #[test]
    fn only_an_authority_over_the_region_publishes(by in actors()) {
        let submitted = replay(Resource::default(), &[drafted(villages()), Event::Submitted]);
        if submitted.decide(publish(by.clone())).is_ok() {
            prop_assert!(by.roles.contains(&Role::Authority));
            prop_assert!(by.region.contains(&DISTRICT.parse().unwrap()));
        }
    }
}
