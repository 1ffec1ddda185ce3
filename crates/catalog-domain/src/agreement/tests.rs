use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::*;

const OWN: &str = "91110000802100433B";
const PROVIDER: &str = "12100000400002259P";

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn region() -> RegionCode {
    "510104".parse().unwrap()
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
    actor(OWN, "510104", Role::Provider)
}

fn terms() -> Terms {
    Terms {
        provider_name: "成都某科技有限公司".to_owned(),
        provider: PROVIDER.parse().unwrap(),
        scope: "数据清洗".to_owned(),
        from: date("2026-01-01"),
        until: date("2026-03-31"),
        security_agreement_number: "2026-安-007".to_owned(),
    }
}

fn register(terms: Terms) -> Command {
    Command::Register { terms, on: date("2026-01-04"), by: own() }
}

fn registered() -> Event {
    Event::Registered { owner: Owner::of(&own()), terms: terms() }
}

fn terminate(on: &str, by: Actor) -> Command {
    Command::Terminate { on: date(on), reason: "违约".to_owned(), region: region(), by }
}

fn end(on: &str) -> Command {
    Command::End { on: date(on) }
}

fn id() -> AgreementId {
    AgreementId::from_uuid(uuid::Uuid::from_u128(7))
}

/// R44.1: an agreement ends on its last day, not before.
#[test]
fn an_agreement_ends_when_its_last_day_has_passed() {
    let ended = Event::Ended { until: date("2026-03-31") };

    given::<Agreement>([]).when(register(terms())).then([registered()]);
    given::<Agreement>([registered()]).when(register(terms())).then_nothing();
    given::<Agreement>([registered()]).when(end("2026-03-31")).then_nothing();
    given::<Agreement>([registered()]).when(end("2026-04-01")).then([ended.clone()]);
    given::<Agreement>([registered(), ended.clone()]).when(end("2026-04-02")).then_nothing();
    given::<Agreement>([registered(), ended]).when(terminate("2026-04-02", own())).then_nothing();
    given::<Agreement>([registered()])
        .when(terminate("2026-04-02", own()))
        .then_rejected(Rejection::Over { on: date("2026-03-31") });
}

/// R44.1, R13.1: the department or the authority over it ends an agreement before its last day.
#[test]
fn an_agreement_is_terminated_by_the_department_or_its_authority() {
    let terminated = Event::Terminated { on: date("2026-02-01"), reason: "违约".to_owned() };
    for by in [own(), actor(PROVIDER, "510100", Role::Authority)] {
        given::<Agreement>([registered()])
            .when(terminate("2026-02-01", by))
            .then([terminated.clone()]);
    }
    given::<Agreement>([registered()])
        .when(terminate("2026-02-01", actor(PROVIDER, "510105", Role::Authority)))
        .then_rejected(Rejection::Denied(Denied::OutsideRegion {
            region: "510105".parse().unwrap(),
            target: region(),
        }));
    given::<Agreement>([registered(), terminated]).when(end("2026-04-01")).then_nothing();
    given::<Agreement>([]).when(terminate("2026-02-01", own())).then_rejected(Rejection::Absent);
}

/// R44.1: credentials rest on an agreement from its first day to its last, in China's time.
#[test]
fn credentials_rest_on_an_agreement_while_it_holds() {
    let agreement = given::<Agreement>([registered()]).state();
    let cover = |at: &str| agreement.cover(id(), at.parse().unwrap());

    let held = cover("2026-01-31T00:00:00Z").unwrap();
    assert_eq!(held.not_after.to_string(), "2026-03-31T15:59:59Z");
    assert_eq!(held.organisation.as_str(), OWN);
    assert!(cover("2026-03-31T15:59:59Z").is_ok());
    let over = Err(Rejection::Over { on: date("2026-03-31") });
    assert_eq!(cover("2026-03-31T16:00:00Z"), over);
    let early = Err(Rejection::NotBegun { from: date("2026-01-01") });
    assert_eq!(cover("2025-12-31T15:59:59Z"), early);
    assert!(cover("2025-12-31T16:00:00Z").is_ok());
    let absent = Agreement::Absent.cover(id(), "2026-01-31T00:00:00Z".parse().unwrap());
    assert_eq!(absent, Err(Rejection::Absent));
}

#[test]
fn terms_make_sense() {
    let missing = |field| Rejection::Text(TextMistake::Empty { field });
    let number = Terms { security_agreement_number: String::new(), ..terms() };
    given::<Agreement>([])
        .when(register(number))
        .then_rejected(missing("security agreement number"));
    let itself = Terms { provider: OWN.parse().unwrap(), ..terms() };
    given::<Agreement>([]).when(register(itself)).then_rejected(Rejection::OwnProvider);
    let until = date("2025-12-31");
    given::<Agreement>([])
        .when(register(Terms { until, ..terms() }))
        .then_rejected(Rejection::EndsBeforeBeginning { until, from: terms().from });
    let from = date("2025-01-01");
    given::<Agreement>([])
        .when(register(Terms { from, until, ..terms() }))
        .then_rejected(Rejection::AlreadyOver { until });
}

proptest! {
    /// R44.1: whatever happens, an agreement is over for good, and never covers anything beyond its last day.
    #[test]
    fn nothing_rests_on_an_agreement_that_is_over(
        steps in prop::collection::vec((0_i64..150, 0_u8..3), 0..12),
    ) {
        let mut agreement = Agreement::default();
        let mut over = false;
        for (days, step) in steps {
            let on = date("2026-01-01").checked_add(jiff::Span::new().days(days)).unwrap();
            let command = match step {
                0 => Command::Register { terms: terms(), on, by: own() },
                1 => Command::End { on },
                _ => terminate(&on.to_string(), own()),
            };
            let Ok(events) = agreement.decide(command) else { continue };
            agreement = replay(agreement, &events);
            over |= matches!(agreement, Agreement::Over { .. });
            prop_assert_eq!(over, matches!(agreement, Agreement::Over { .. }));
            let cover = agreement.cover(id(), china_day_end(on));
            prop_assert!(cover.is_err() || (!over && on <= terms().until));
        }
    }
}
