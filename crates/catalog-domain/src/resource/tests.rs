use std::collections::BTreeSet;

use jiff::Span;
use jiff::civil::date;
use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::{Denied, Role};

use super::*;
use crate::description::tests::{item, villages};
use crate::description::{Mistake, Text};
use crate::leadership::NotWriter;

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
    draft_by(description, provider())
}

fn draft_by(description: Description, by: Actor) -> Command {
    Command::Draft { code: code(), description, facts: Facts::default(), by }
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
    Command::Publish { on: TODAY, alike: None, leadership: Leadership::Provider, by }
}

fn return_(by: Actor) -> Command {
    Command::Return { reason: "缺少更新说明".to_owned(), by }
}

fn suspend(by: Actor) -> Command {
    let reason = "数据有误，核查中".to_owned();
    Command::Suspend { reason, leadership: Leadership::Provider, by }
}

fn suspended(authority: Option<&str>) -> Event {
    let authority = authority.map(|region| region.parse().unwrap());
    Event::Suspended { reason: "数据有误，核查中".to_owned(), authority }
}

fn withdraw(by: Actor) -> Command {
    let reason = "职能已划转".to_owned();
    Command::Withdraw { reason, leadership: Leadership::Provider, by }
}

fn withdrawn() -> Event {
    Event::Withdrawn { reason: "职能已划转".to_owned() }
}

fn update(current_on: Date, by: Actor) -> Command {
    Command::RecordUpdate { update: Update { current_on, rows: Some(3_300) }, today: TODAY, by }
}

fn district() -> Actor {
    actor(AUTHORITY, DISTRICT, [Role::Authority])
}

/// An entry of which version 1 was published, and what came after.
fn held(after: impl IntoIterator<Item = Event>) -> Vec<Event> {
    [drafted(villages()), Event::Submitted, published(1)].into_iter().chain(after).collect()
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
        facts: Facts::default(),
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
            mistakes: vec![Mistake::Empty { text: Text::Name }, Mistake::ItemsMissing],
        });
}

/// R12.3: the provider writes, and nobody else.
#[test]
fn stranger_cannot_write() {
    given::<Resource>([]).when(draft_by(villages(), stranger())).then_rejected(not_owner());
    given::<Resource>([drafted(villages())])
        .when(Command::Submit { leadership: Leadership::Provider, by: stranger() })
        .then_rejected(not_owner());
}

/// R12.3: another provider's entry is not taken over by naming oneself in it.
#[test]
fn stranger_cannot_take_over() {
    let own = Description { provider: STRANGER.parse().unwrap(), ..villages() };
    let take = draft_by(own, stranger());

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
    let draft = |description, by| {
        let facts = Facts { leadership: led(), ..Facts::default() };
        Command::Draft { code: code(), description, facts, by }
    };

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

    // It takes nothing out of use either; the authority does, whoever leads.
    let reason = || "职能已划转".to_owned();
    let suspend = |by| Command::Suspend { reason: reason(), leadership: led(), by };
    let withdraw = |by| Command::Withdraw { reason: reason(), leadership: led(), by };
    for command in [suspend(provider()), withdraw(provider())] {
        given::<Resource>(history()).when(command).then_rejected(refused());
    }
    given::<Resource>(history())
        .when(withdraw(city()))
        .then([Event::Withdrawn { reason: reason() }]);
    // A draft that was never published stands in nobody's way, and what is withdrawn stays so.
    given::<Resource>([drafted(villages())])
        .when(withdraw(provider()))
        .then([Event::Withdrawn { reason: reason() }]);
    given::<Resource>(history().into_iter().chain([Event::Withdrawn { reason: reason() }]))
        .when(withdraw(provider()))
        .then([]);
    // Nor is published what it had handed in before.
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(Command::Publish { on: TODAY, alike: None, leadership: led(), by: city() })
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

/// R12.3: whoever suspends an entry ends that; a revision does not.
#[test]
fn an_entry_is_suspended_and_resumed_by_its_provider() {
    given::<Resource>(held([])).when(suspend(provider())).then([suspended(None)]);
    given::<Resource>(held([suspended(None)])).when(suspend(provider())).then_nothing();
    given::<Resource>(held([suspended(None)]))
        .when(Command::Resume { by: provider() })
        .then([Event::Resumed]);
    given::<Resource>(held([])).when(Command::Resume { by: provider() }).then_nothing();
    given::<Resource>(held([suspended(None)]))
        .when(Command::Resume { by: city() })
        .then_rejected(Rejection::SuspendedByProvider);

    let revision = [suspended(None), drafted(revised()), Event::Submitted];
    let still = given::<Resource>(held(revision)).when(publish(city())).then([published(2)]);
    assert!(still.entry().unwrap().suspension.is_some());
}

/// R12.3, R13.1: what an authority suspended, that authority or one above it resumes.
#[test]
fn an_authoritys_suspension_is_ended_by_an_authority_as_high() {
    given::<Resource>(held([])).when(suspend(city())).then([suspended(Some(CITY))]);
    for by in [provider(), district()] {
        for command in [Command::Resume { by: by.clone() }, suspend(by)] {
            given::<Resource>(held([suspended(Some(CITY))]))
                .when(command)
                .then_rejected(Rejection::SuspendedByAuthority { region: CITY.parse().unwrap() });
        }
    }
    for by in [district(), city()] {
        given::<Resource>(held([suspended(Some(DISTRICT))]))
            .when(Command::Resume { by })
            .then([Event::Resumed]);
    }
    given::<Resource>(held([suspended(None)]))
        .when(suspend(district()))
        .then([suspended(Some(DISTRICT))]);
    given::<Resource>(held([suspended(Some(DISTRICT))]))
        .when(suspend(city()))
        .then([suspended(Some(CITY))]);
}

#[test]
fn suspending_and_withdrawing_need_a_reason_that_says_something() {
    for reason in ["", " ", "无", "/"] {
        let reason = reason.to_owned();
        for command in [
            Command::Suspend {
                reason: reason.clone(),
                leadership: Leadership::Provider,
                by: city(),
            },
            Command::Withdraw { reason, leadership: Leadership::Provider, by: city() },
        ] {
            given::<Resource>(held([])).when(command).then_rejected(Rejection::ReasonMissing);
        }
    }
    given::<Resource>(held([]))
        .when(Command::Suspend {
            reason: "长".repeat(2_001),
            leadership: Leadership::Provider,
            by: city(),
        })
        .then_rejected(Rejection::ReasonTooLong { found: 2_001, max: 2_000 });
}

/// R12.2, R12.3: withdrawing is for good.
#[test]
fn nothing_follows_a_withdrawal() {
    given::<Resource>(held([])).when(withdraw(provider())).then([withdrawn()]);
    given::<Resource>(held([suspended(None), drafted(revised())]))
        .when(withdraw(city()))
        .then([withdrawn()]);

    let gone = || given::<Resource>(held([withdrawn()]));
    gone().when(withdraw(city())).then_nothing();
    for command in [
        draft(revised()),
        Command::Submit { leadership: Leadership::Provider, by: provider() },
        publish(city()),
        return_(city()),
        suspend(provider()),
        Command::Resume { by: provider() },
        update(TODAY, provider()),
    ] {
        gone().when(command).then_rejected(Rejection::Withdrawn);
    }
}

#[test]
fn what_was_never_published_is_its_providers_to_drop() {
    let drafted = || given::<Resource>([drafted(villages())]);
    drafted().when(withdraw(provider())).then([withdrawn()]);
    for command in [withdraw(city()), suspend(provider()), update(TODAY, provider())] {
        drafted().when(command).then_rejected(Rejection::NotPublished);
    }
}

/// R12.3: an update says how current the data are, and does not go back.
#[test]
fn an_update_says_how_current_the_data_are() {
    let yesterday = date(2026, 1, 3);
    let updated = |current_on| Event::Updated(Update { current_on, rows: Some(3_300) });

    given::<Resource>(held([])).when(update(yesterday, provider())).then([updated(yesterday)]);
    given::<Resource>(held([updated(yesterday)]))
        .when(update(TODAY, provider()))
        .then([updated(TODAY)]);
    given::<Resource>(held([updated(TODAY)])).when(update(TODAY, provider())).then_nothing();
    given::<Resource>(held([updated(TODAY)]))
        .when(update(yesterday, provider()))
        .then_rejected(Rejection::CurrentGoesBack { known: TODAY });
    let tomorrow = date(2026, 1, 5);
    given::<Resource>(held([]))
        .when(update(tomorrow, provider()))
        .then_rejected(Rejection::CurrentInFuture { current_on: tomorrow, today: TODAY });
    given::<Resource>(held([])).when(update(TODAY, stranger())).then_rejected(not_owner());
}

/// R13.1: neither a neighbouring authority nor another provider has a say in an entry's life.
#[test]
fn strangers_do_not_end_what_holds() {
    let outside = Rejection::Denied(Denied::OutsideRegion {
        region: "510105".parse().unwrap(),
        target: DISTRICT.parse().unwrap(),
    });
    let no_authority = Rejection::Denied(Denied::RoleMissing {
        organisation: STRANGER.parse().unwrap(),
        role: Role::Authority,
    });
    let neighbour = || actor(AUTHORITY, "510105", [Role::Authority]);
    for (by, rejection) in [(neighbour(), outside), (stranger(), no_authority)] {
        for command in
            [suspend(by.clone()), withdraw(by.clone()), Command::Resume { by: by.clone() }]
        {
            given::<Resource>(held([])).when(command).then_rejected(rejection.clone());
        }
    }
}

/// Two drafts with one name are told apart when the second one is published.
#[test]
fn a_name_that_was_published_meanwhile_is_not_published_again() {
    let alike = Alike { code: "302001/00002".parse().unwrap(), name: "社区名录".to_owned() };
    let alike_at_publishing = Command::Publish {
        on: TODAY,
        alike: Some(alike.clone()),
        leadership: Leadership::Provider,
        by: city(),
    };
    given::<Resource>([drafted(villages()), Event::Submitted])
        .when(alike_at_publishing)
        .then_rejected(Rejection::NameAlike { alike });
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
        8 => (descriptions, actors()).prop_map(|(description, by)| draft_by(description, by)),
        6 => actors().prop_map(|by| Command::Submit { leadership: Leadership::Provider, by }),
        4 => actors().prop_map(return_),
        6 => actors().prop_map(publish),
        3 => actors().prop_map(suspend),
        3 => actors().prop_map(|by| Command::Resume { by }),
        1 => actors().prop_map(withdraw),
        3 => (actors(), -2_i64..3).prop_map(|(by, days)| update(TODAY + Span::new().days(days), by)),
    ]
}

proptest! {
    /// R12.2, R12.3: whatever callers try, code and provider stay, versions count without gaps, what
    /// is held is valid, and a repeated command says nothing.
    #[test]
    fn entry_stays_what_it_is(commands in prop::collection::vec(commands(), 0..40)) {
        let mut resource = Resource::default();
        let mut version = 0;
        let (mut updated, mut withdrawn) = (None, false);
        let mut providers = BTreeSet::new();
        for command in commands {
            let Ok(events) = resource.decide(command.clone()) else { continue };
            prop_assert!(!withdrawn || events.is_empty(), "nothing follows a withdrawal");
            resource = replay(resource, &events);
            withdrawn = matches!(resource, Resource::Withdrawn(_));

            if events.iter().any(|event| matches!(event, Event::Published { .. })) {
                version += 1;
            }
            prop_assert_eq!(resource.decide(command), Ok(vec![]));
            if let Some(entry) = resource.entry() {
                providers.insert(entry.description.provider);
                prop_assert_eq!(&entry.code, &code());
                prop_assert_eq!(entry.version, version);
                prop_assert_eq!(entry.description.mistakes(), vec![]);
                prop_assert!(entry.suspension.is_none() || version > 0);
                prop_assert!(entry.update.is_none_or(|update| update.current_on <= TODAY));
                prop_assert!(updated <= entry.update.map(|update| update.current_on));
                updated = entry.update.map(|update| update.current_on);
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
