use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::{Denied, Role};

use super::*;
use crate::terms::tests::{
    CONSUMER, PROVIDER, PURPOSE, STRANGER, application, field, fields, open_villages, request,
    standing_offer, terms, villages,
};
use crate::{Mistake, Usage};

const TODAY: Date = date(2026, 1, 4);

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
    actor(STRANGER, "510100", Role::Authority)
}

fn deadline() -> Deadline {
    application().deadline
}

fn apply_for(resource: ResourceFacts, request: Request) -> Command {
    Command::Apply { resource, request, deadline: deadline(), today: TODAY, by: consumer() }
}

fn apply() -> Command {
    apply_for(villages(), request())
}

fn refuse(legal_basis: &str, by: Actor) -> Command {
    Command::Refuse { legal_basis: legal_basis.to_owned(), reason: "不符".to_owned(), by }
}

fn signed() -> SignedBytes {
    SignedBytes(vec![1, 2, 3])
}

fn issue(terms: Terms) -> Command {
    Command::Issue { resource: villages(), terms, signed: signed(), by: provider() }
}

fn offer(terms: Terms) -> Command {
    Command::Issue { resource: open_villages(), terms, signed: signed(), by: provider() }
}

fn revoke(by: Actor) -> Command {
    Command::Revoke { reason: "用途改变".to_owned(), region: "510104".parse().unwrap(), by }
}

fn applied() -> Event {
    Event::ApplicationSubmitted(application())
}

fn issued() -> Event {
    Event::Issued { terms: terms(), signed: signed() }
}

fn refused() -> Event {
    Event::ApplicationRefused { legal_basis: "某法".to_owned(), reason: "不符".to_owned() }
}

fn revoked() -> Event {
    Event::Revoked { reason: "用途改变".to_owned() }
}

fn overdue() -> Event {
    Event::ApplicationOverdue { deadline: deadline() }
}

fn other_organisation() -> Rejection {
    Rejection::Denied(Denied::OtherOrganisation {
        organisation: STRANGER.parse().unwrap(),
        owner: PROVIDER.parse().unwrap(),
    })
}

/// R26.1: an application has a deadline.
#[test]
fn consumer_applies() {
    given::<Grant>([]).when(apply()).then([applied()]);
}

/// R26.1: the row filter is kept in its one text.
#[test]
fn application_keeps_the_canonical_filter() {
    let spaced = Request { row_filter: Some("CODE  like '5101%'".to_owned()), ..request() };
    given::<Grant>([]).when(apply_for(villages(), spaced)).then([applied()]);
}

/// H1: sent again, even on a later day, the application's time counts from the first.
#[test]
fn repeated_application_says_nothing() {
    let later = Deadline { on: date(2026, 1, 20), ..deadline() };
    given::<Grant>([applied()])
        .when(Command::Apply {
            resource: villages(),
            request: request(),
            deadline: later,
            today: date(2026, 1, 5),
            by: consumer(),
        })
        .then_nothing();
    given::<Grant>([applied()])
        .when(apply_for(villages(), Request { purpose: "其他".to_owned(), ..request() }))
        .then_rejected(Rejection::Exists);
}

#[test]
fn only_a_consumer_applies() {
    given::<Grant>([])
        .when(Command::Apply {
            resource: villages(),
            request: request(),
            deadline: deadline(),
            today: TODAY,
            by: actor(STRANGER, "510104", Role::Provider),
        })
        .then_rejected(Rejection::Denied(Denied::RoleMissing {
            organisation: STRANGER.parse().unwrap(),
            role: Role::Consumer,
        }));
    given::<Grant>([])
        .when(Command::Apply {
            resource: villages(),
            request: request(),
            deadline: deadline(),
            today: TODAY,
            by: actor(PROVIDER, "510104", Role::Consumer),
        })
        .then_rejected(Rejection::OwnResource);
}

/// H3: everything that is wrong with an application, at once.
#[test]
fn application_names_all_its_mistakes() {
    let wrong = Request {
        purpose: " ".to_owned(),
        legal_basis: String::new(),
        fields: fields(&["code", "code", "salary", "secret"]),
        row_filter: Some("contact = '1'".to_owned()),
        modes: BTreeSet::new(),
        valid_from: date(2026, 1, 5),
        valid_until: date(2026, 1, 4),
        renews: None,
    };
    given::<Grant>([]).when(apply_for(villages(), wrong)).then_rejected(Rejection::Application {
        mistakes: vec![
            Mistake::PurposeMissing,
            Mistake::LegalBasisMissing,
            Mistake::FieldRepeated { field: "code".to_owned() },
            Mistake::FieldUnknown { field: "salary".to_owned() },
            Mistake::FieldNotShared { field: "secret".to_owned() },
            Mistake::FilterOnSensitive { item: "contact".to_owned() },
            Mistake::ModesMissing,
            Mistake::PeriodReversed,
        ],
    });
}

#[test]
fn application_for_the_past_is_refused() {
    let until = date(2026, 1, 3);
    let past = Request { valid_from: date(2026, 1, 1), valid_until: until, ..request() };
    given::<Grant>([])
        .when(apply_for(villages(), past))
        .then_rejected(Rejection::Application { mistakes: vec![Mistake::PeriodPast { until }] });
}

/// R26.1: what is not shared is not applied for; what is shared with all needs no application.
#[test]
fn application_fits_the_sharing_type() {
    let closed = ResourceFacts { sharing: SharingType::NotShared, ..villages() };
    given::<Grant>([]).when(apply_for(closed, request())).then_rejected(Rejection::NotShared);

    let unconditional = Request { fields: fields(&["code", "title"]), ..request() };
    given::<Grant>([])
        .when(apply_for(open_villages(), unconditional))
        .then_rejected(Rejection::NotNeeded);
    given::<Grant>([]).when(apply_for(open_villages(), request())).then([applied()]);
}

/// R22.1: refused on a legal basis, and on nothing else.
#[test]
fn refusal_needs_a_legal_basis() {
    given::<Grant>([applied()])
        .when(refuse(" ", provider()))
        .then_rejected(Rejection::LegalBasisMissing);
    given::<Grant>([applied()]).when(refuse("某法", provider())).then([refused()]);
    given::<Grant>([applied()])
        .when(Command::Refuse {
            legal_basis: "某法".to_owned(),
            reason: String::new(),
            by: provider(),
        })
        .then_rejected(Rejection::ReasonMissing);
}

/// R24.1: the provider decides, and nobody else.
#[test]
fn only_the_provider_decides() {
    let stranger = || actor(STRANGER, "510104", Role::Provider);
    given::<Grant>([applied()])
        .when(refuse("某法", stranger()))
        .then_rejected(other_organisation());
    given::<Grant>([applied()])
        .when(Command::Issue {
            resource: villages(),
            terms: terms(),
            signed: signed(),
            by: stranger(),
        })
        .then_rejected(other_organisation());
    // Nor by naming itself in the terms.
    given::<Grant>([applied()])
        .when(Command::Issue {
            resource: villages(),
            terms: Terms { provider: STRANGER.parse().unwrap(), ..terms() },
            signed: signed(),
            by: stranger(),
        })
        .then_rejected(other_organisation());
}

/// R26.1, R26.2: approval makes a grant, within what was applied for.
#[test]
fn provider_grants_within_the_application() {
    given::<Grant>([applied()]).when(issue(terms())).then([issued()]);
    given::<Grant>([applied(), overdue()]).when(issue(terms())).then([issued()]);
    given::<Grant>([applied()])
        .when(issue(Terms { purpose: "其他".to_owned(), ..terms() }))
        .then_rejected(Rejection::Terms { mistakes: vec![Mistake::PurposeChanged] });
    given::<Grant>([]).when(issue(terms())).then_rejected(Rejection::Absent);
}

/// R26.1: an unconditional resource is offered to every consumer.
#[test]
fn provider_offers_to_every_consumer() {
    given::<Grant>([])
        .when(offer(standing_offer()))
        .then([Event::Issued { terms: standing_offer(), signed: signed() }]);

    let mut wider = standing_offer();
    wider.fields.push(field("contact", None));
    given::<Grant>([]).when(offer(wider)).then_rejected(Rejection::Terms {
        mistakes: vec![Mistake::FieldNotUnconditional { field: "contact".to_owned() }],
    });
}

/// H1
#[test]
fn repeated_decisions_say_nothing() {
    given::<Grant>([applied(), issued()]).when(issue(terms())).then_nothing();
    given::<Grant>([applied(), refused()]).when(refuse("某法", provider())).then_nothing();
    given::<Grant>([applied(), issued(), revoked()]).when(revoke(provider())).then_nothing();
}

#[test]
fn decisions_are_final() {
    given::<Grant>([applied(), refused()])
        .when(issue(terms()))
        .then_rejected(Rejection::AlreadyRefused);
    given::<Grant>([applied(), issued()])
        .when(refuse("某法", provider()))
        .then_rejected(Rejection::AlreadyIssued);
    given::<Grant>([applied(), issued(), revoked()])
        .when(issue(terms()))
        .then_rejected(Rejection::AlreadyRevoked);
    given::<Grant>([applied(), issued()])
        .when(Command::Issue {
            resource: villages(),
            terms: terms(),
            signed: SignedBytes(vec![9]),
            by: provider(),
        })
        .then_rejected(Rejection::AlreadyIssued);
}

/// R26.1: overdue after ten working days, once, and only while it waits.
#[test]
fn undecided_application_becomes_overdue() {
    let elapsed = |today| Command::DeadlineElapsed { today };
    let (last, after) = (date(2026, 1, 19), date(2026, 1, 20));

    given::<Grant>([applied()]).when(elapsed(last)).then_nothing();
    given::<Grant>([applied()]).when(elapsed(after)).then([overdue()]);
    given::<Grant>([applied(), overdue()]).when(elapsed(after)).then_nothing();
    given::<Grant>([applied(), issued()]).when(elapsed(after)).then_nothing();
    given::<Grant>([applied(), refused()]).when(elapsed(after)).then_nothing();
    given::<Grant>([]).when(elapsed(after)).then_nothing();
}

/// R26.2: the provider revokes, or the authority over it.
#[test]
fn provider_or_authority_revokes() {
    for by in [provider(), city()] {
        given::<Grant>([applied(), issued()]).when(revoke(by)).then([revoked()]);
    }
    given::<Grant>([applied(), issued()])
        .when(revoke(actor(STRANGER, "510105", Role::Authority)))
        .then_rejected(Rejection::Denied(Denied::OutsideRegion {
            region: "510105".parse().unwrap(),
            target: "510104".parse().unwrap(),
        }));
    given::<Grant>([applied(), issued()]).when(revoke(consumer())).then_rejected(
        Rejection::Denied(Denied::RoleMissing {
            organisation: CONSUMER.parse().unwrap(),
            role: Role::Authority,
        }),
    );
}

#[test]
fn only_what_was_issued_is_revoked_and_with_a_reason() {
    given::<Grant>([applied()]).when(revoke(provider())).then_rejected(Rejection::NotIssued);
    given::<Grant>([applied(), issued()])
        .when(Command::Revoke {
            reason: " ".to_owned(),
            region: "510104".parse().unwrap(),
            by: provider(),
        })
        .then_rejected(Rejection::ReasonMissing);
}

/// R26.2: only an issued grant allows anything, until it is revoked.
#[test]
fn only_an_issued_grant_allows_a_use() {
    let wanted_fields = fields(&["code"]);
    let wanted = Use {
        consumer: CONSUMER.parse().unwrap(),
        fields: &wanted_fields,
        purpose: PURPOSE,
        mode: publicdata_types::DeliveryMode::Bulk,
        proof: None,
        case_number: "",
        at: "2026-06-01T00:00:00Z".parse().unwrap(),
        used: &Usage::default(),
    };
    let reason = |events: &[Event]| {
        let grant = replay(Grant::default(), events);
        grant.authorise(&wanted).map(|_| ()).map_err(|refusal| refusal.reason())
    };

    assert_eq!(reason(&[]), Err("GRANT_UNKNOWN"));
    assert_eq!(reason(&[applied()]), Err("GRANT_UNKNOWN"));
    assert_eq!(reason(&[applied(), refused()]), Err("GRANT_UNKNOWN"));
    assert_eq!(reason(&[applied(), issued()]), Ok(()));
    assert_eq!(reason(&[applied(), issued(), revoked()]), Err("GRANT_REVOKED"));
}

fn actors() -> impl Strategy<Value = Actor> {
    let codes = prop::sample::select(vec![PROVIDER, CONSUMER, STRANGER]);
    let regions = prop::sample::select(vec!["510100", "510104", "510105"]);
    let roles = prop::sample::select(Role::ALL.to_vec());
    prop_oneof![
        Just(provider()),
        Just(consumer()),
        (codes, regions, roles).prop_map(|(code, region, role)| actor(code, region, role)),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    let all_terms = || {
        prop::sample::select(vec![
            terms(),
            standing_offer(),
            Terms { fields: vec![field("title", None), field("secret", None)], ..terms() },
            Terms { row_filter: None, ..terms() },
            Terms { provider: STRANGER.parse().unwrap(), ..terms() },
        ])
    };
    let resources = || prop::sample::select(vec![villages(), open_villages()]);
    prop_oneof![
        (resources(), actors()).prop_map(|(resource, by)| Command::Apply {
            resource,
            request: request(),
            deadline: deadline(),
            today: TODAY,
            by
        }),
        (prop::sample::select(vec!["", "某法"]), actors())
            .prop_map(|(legal_basis, by)| refuse(legal_basis, by)),
        (resources(), all_terms(), actors()).prop_map(|(resource, terms, by)| Command::Issue {
            resource,
            terms,
            signed: signed(),
            by
        }),
        actors().prop_map(revoke),
        (0_i64..30).prop_map(|days| Command::DeadlineElapsed {
            today: TODAY.checked_add(jiff::Span::new().days(days)).unwrap()
        }),
    ]
}

proptest! {
    /// R22.1, R24.1, R26.2: whatever callers try, a grant is the provider's own act, gives nothing
    /// that is not shared, and once revoked it stays so; a repeated command says nothing.
    #[test]
    fn grant_is_the_providers_and_ends_for_good(
        commands in prop::collection::vec(commands(), 0..40),
    ) {
        let mut grant = Grant::default();
        for command in commands {
            let Ok(events) = grant.decide(command.clone()) else { continue };
            let was_revoked = matches!(grant, Grant::Revoked { .. });
            grant = replay(grant, &events);

            prop_assert!(!was_revoked || events.is_empty());
            prop_assert_eq!(grant.decide(command.clone()), Ok(vec![]));
            match (&command, &events[..]) {
                (Command::Issue { by, terms, resource, .. }, [Event::Issued { .. }]) => {
                    prop_assert_eq!(by.organisation, terms.provider);
                    prop_assert_eq!(terms.provider, resource.provider);
                    prop_assert!(terms.fields.iter().all(|field| field.name != "secret"));
                }
                (Command::Refuse { .. }, [Event::ApplicationRefused { legal_basis, .. }]) => {
                    prop_assert!(!legal_basis.is_empty());
                }
                _ => {}
            }
        }
    }
}
