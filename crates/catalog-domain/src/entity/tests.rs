use jiff::civil::date;
use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::{Denied, Role};
use uuid::Uuid;

use super::*;
use crate::likeness::Why;
use crate::text::TextMistake;

const CITY: &str = "510100";
const JINJIANG: &str = "510104";
const QINGYANG: &str = "510105";
const AUTHORITY: &str = "12100000400002259P";
const POLICE: &str = "91110000802100433B";
const CIVIL: &str = "91350100M000100Y43";
const TODAY: Date = date(2026, 1, 4);

fn actor(code: &str, region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn police() -> Actor {
    actor(POLICE, JINJIANG, Role::Provider)
}

fn civil() -> Actor {
    actor(CIVIL, JINJIANG, Role::Provider)
}

fn authority(region: &str) -> Actor {
    actor(AUTHORITY, region, Role::Authority)
}

fn resource(number: u128) -> ResourceId {
    ResourceId::from_uuid(Uuid::from_u128(number))
}

fn datum(name: &str, title: &str) -> Datum {
    Datum { entity: "自然人".to_owned(), name: name.to_owned(), title: title.to_owned() }
}

fn source(provider: &Actor, number: u128, name: &str, title: &str) -> Source {
    Source {
        key: SourceKey { resource: resource(number), item: name.to_owned() },
        code: format!("302001/{number:05}").parse().unwrap(),
        provider: provider.organisation,
        region: provider.region,
        datum: datum(name, title),
    }
}

fn claim(sources: Vec<Source>, by: Actor) -> Command {
    Command::Claim {
        sources,
        elsewhere: vec![],
        withdrawn: BTreeSet::new(),
        vocabularies: Arc::default(),
        difference: String::new(),
        by,
    }
}

fn claimed(source: Source) -> Event {
    Event::SourceClaimed { source, difference: String::new() }
}

fn births() -> Source {
    source(&police(), 1, "csrq", "出生日期")
}

fn like(source: &Source, item: &str, why: Why) -> Like {
    let counterpart = Counterpart::Source { code: source.code.clone(), provider: source.provider };
    Like { item: item.to_owned(), known: source.datum.title.clone(), counterpart, why }
}

fn id(number: u128) -> ContestId {
    ContestId::from_uuid(Uuid::from_u128(number))
}

fn plan_id(number: u128) -> PlanId {
    PlanId::from_uuid(Uuid::from_u128(number))
}

fn dispute() -> Contest {
    Contest {
        challenger: source(&civil(), 2, "birthday", "出生 日期"),
        holder: births().key,
        grounds: "依法由民政登记".to_owned(),
    }
}

fn contest() -> Command {
    let Contest { challenger, holder, grounds } = dispute();
    let vocabularies = Arc::default();
    Command::Contest { contest: id(1), challenger, holder, grounds, vocabularies, by: civil() }
}

fn contested() -> Event {
    Event::SourceContested { contest: id(1), dispute: dispute() }
}

fn settle(winner: Winner, by: Actor) -> Command {
    Command::Settle {
        contest: id(1),
        winner,
        reason: "职责规定".to_owned(),
        elsewhere: vec![],
        vocabularies: Arc::default(),
        by,
    }
}

fn settled(winner: Winner) -> Event {
    Event::SourceSettled { contest: id(1), winner, reason: "职责规定".to_owned() }
}

fn released(key: SourceKey) -> Event {
    Event::SourceReleased { key, reason: "职责规定".to_owned() }
}

/// R17.1: a second claim is refused with the first one named, and why the two are thought to be the same.
#[test]
fn a_second_claim_is_refused_with_the_first_one_named() {
    let second = source(&civil(), 2, "birthday", "出生 日期");

    given::<Entity>([]).when(claim(vec![births()], police())).then([claimed(births())]);
    given::<Entity>([claimed(births())]).when(claim(vec![births()], police())).then_nothing();
    let refusal =
        Rejection::Claimed { likes: vec![like(&births(), "出生 日期", Why::SameTitle)] };
    let text = refusal.to_string();
    assert!(text.contains(POLICE) && text.contains("302001/00001"), "{text}");
    given::<Entity>([claimed(births())]).when(claim(vec![second], civil())).then_rejected(refusal);
}

/// R17.1: a claim that stands in another register, from before its entity's name was declared a synonym, counts as well.
#[test]
fn claims_of_other_registers_count() {
    let second = source(&civil(), 2, "birthday", "出生日期");
    let command = Command::Claim {
        sources: vec![second],
        elsewhere: vec![births()],
        withdrawn: BTreeSet::new(),
        vocabularies: Arc::default(),
        difference: String::new(),
        by: civil(),
    };

    given::<Entity>([]).when(command).then_rejected(Rejection::Claimed {
        likes: vec![like(&births(), "出生日期", Why::SameTitle)],
    });
}

/// R17.1: what a withdrawn resource claimed lapses with the next claim.
#[test]
fn claims_of_a_withdrawn_resource_lapse() {
    let second = source(&civil(), 2, "birthday", "出生日期");
    let command = Command::Claim {
        sources: vec![second.clone()],
        elsewhere: vec![],
        withdrawn: [resource(1)].into(),
        vocabularies: Arc::default(),
        difference: String::new(),
        by: civil(),
    };
    let reason = "the resource was withdrawn".to_owned();
    let lapsed = Event::SourceReleased { key: births().key, reason };

    let entity =
        given::<Entity>([claimed(births())]).when(command.clone()).then([lapsed, claimed(second)]);
    assert_eq!(entity.decide(command), Ok(vec![]));
}

/// R17.1: what merely looks alike is settled by a person, who says in what it differs; what is the same never is.
#[test]
fn a_person_settles_what_merely_looks_alike() {
    let near = || source(&civil(), 2, "birthday", "出身日期");
    let differing = |source, difference: &str| Command::Claim {
        sources: vec![source],
        elsewhere: vec![],
        withdrawn: BTreeSet::new(),
        vocabularies: Arc::default(),
        difference: difference.to_owned(),
        by: civil(),
    };

    given::<Entity>([claimed(births())]).when(differing(near(), " ")).then_rejected(
        Rejection::Unsettled { likes: vec![like(&births(), "出身日期", Why::NearTitle)] },
    );
    given::<Entity>([claimed(births())]).when(differing(near(), "家庭出身登记之日")).then([
        Event::SourceClaimed { source: near(), difference: "家庭出身登记之日".to_owned() },
    ]);
    let same = source(&civil(), 2, "birthday", "出生日期");
    assert!(matches!(
        given::<Entity>([claimed(births())]).state().decide(differing(same, "不同")),
        Err(Rejection::Claimed { .. })
    ));
}

#[test]
fn a_provider_claims_for_itself_alone() {
    given::<Entity>([]).when(claim(vec![births()], civil())).then_rejected(
        Denied::OtherOrganisation {
            organisation: CIVIL.parse().unwrap(),
            owner: POLICE.parse().unwrap(),
        }
        .into(),
    );
    given::<Entity>([]).when(claim(vec![], civil())).then_rejected(Rejection::NothingToClaim);
}

/// R17.1: the authority settles a contest: the loser's claim ends, the winner's holds.
#[test]
fn the_authority_settles_a_contest() {
    given::<Entity>([claimed(births())]).when(contest()).then([contested()]);
    let open = || [claimed(births()), contested()];
    given::<Entity>(open()).when(contest()).then_nothing();
    given::<Entity>(open())
        .when(settle(Winner::Holder, authority(JINJIANG)))
        .then([settled(Winner::Holder)]);
    let entity = given::<Entity>(open()).when(settle(Winner::Challenger, authority(CITY))).then([
        settled(Winner::Challenger),
        released(births().key),
        Event::SourceClaimed {
            source: dispute().challenger, difference: "职责规定".to_owned()
        },
    ]);
    assert_eq!(entity.sources().collect::<Vec<_>>(), [&dispute().challenger]);
    assert_eq!(
        entity.decide(settle(Winner::Holder, authority(CITY))),
        Err(Rejection::ContestAbsent)
    );
}

/// R17.1: a contest is against a like claim of somebody else.
#[test]
fn only_a_like_claim_of_another_is_contested() {
    let against = |challenger: Source, by| Command::Contest {
        contest: id(1),
        challenger,
        holder: births().key,
        grounds: "依法".to_owned(),
        vocabularies: Arc::default(),
        by,
    };
    let other = source(&civil(), 2, "zz", "住址");
    let own = source(&police(), 3, "csrq", "出生日期");

    given::<Entity>([]).when(contest()).then_rejected(Rejection::SourceAbsent);
    given::<Entity>([claimed(births())])
        .when(against(other, civil()))
        .then_rejected(Rejection::NotLike);
    given::<Entity>([claimed(births())])
        .when(against(own, police()))
        .then_rejected(Rejection::OwnClaim);
    let no_grounds = Command::Contest {
        contest: id(1),
        challenger: dispute().challenger,
        holder: births().key,
        grounds: " ".to_owned(),
        vocabularies: Arc::default(),
        by: civil(),
    };
    given::<Entity>([claimed(births())])
        .when(no_grounds)
        .then_rejected(TextMistake::Empty { field: "grounds" }.into());
}

/// R13.1: a district authority settles what is between organisations of its district alone, and nothing of its own.
#[test]
fn a_contest_over_the_border_is_the_citys() {
    let abroad = Contest {
        challenger: source(&actor(CIVIL, QINGYANG, Role::Provider), 2, "birthday", "出生日期"),
        ..dispute()
    };
    let open =
        || [claimed(births()), Event::SourceContested { contest: id(1), dispute: abroad.clone() }];
    let outside = Denied::OutsideRegion {
        region: JINJIANG.parse().unwrap(),
        target: QINGYANG.parse().unwrap(),
    };

    given::<Entity>(open())
        .when(settle(Winner::Holder, authority(JINJIANG)))
        .then_rejected(outside.into());
    given::<Entity>(open())
        .when(settle(Winner::Holder, authority(CITY)))
        .then([settled(Winner::Holder)]);
    given::<Entity>([claimed(births()), contested()])
        .when(settle(Winner::Holder, actor(POLICE, JINJIANG, Role::Authority)))
        .then_rejected(Rejection::OwnMatter { organisation: POLICE.parse().unwrap() });
}

/// R17.1: whoever released a claim, or whose authority ended it, is the source no more; a contest against it lapses.
#[test]
fn a_claim_is_released() {
    let release = |items: &[&str], by| Command::Release {
        resource: resource(1),
        items: items.iter().map(|item| (*item).to_owned()).collect(),
        reason: "职责规定".to_owned(),
        by,
    };
    let history = || [claimed(births()), contested()];

    for by in [police(), authority(JINJIANG)] {
        let entity =
            given::<Entity>(history()).when(release(&[], by)).then([released(births().key)]);
        assert_eq!(
            entity.decide(settle(Winner::Holder, authority(CITY))),
            Err(Rejection::ContestAbsent)
        );
    }
    given::<Entity>(history())
        .when(release(&["csrq", "xm"], police()))
        .then_rejected(Rejection::SourceAbsent);
    assert!(matches!(
        given::<Entity>(history()).state().decide(release(&[], civil())),
        Err(Rejection::Denied(_))
    ));
}

fn plan_of(by: &Actor, title: &str) -> Plan {
    Plan {
        organisation: by.organisation,
        region: by.region,
        items: vec![datum("", title)],
        purpose: "慢性病管理".to_owned(),
        legal_basis: "《基本医疗卫生与健康促进法》".to_owned(),
        method: "问卷".to_owned(),
        from: TODAY,
        until: date(2026, 12, 31),
    }
}

fn plan(number: u128, plan: Plan, shared: Vec<Shared>, by: Actor) -> Command {
    let known = Known { shared, elsewhere: vec![], vocabularies: Arc::default(), today: TODAY };
    Command::Plan { id: plan_id(number), plan, known, difference: String::new(), by }
}

fn planned(number: u128, plan: Plan) -> Event {
    Event::CollectionPlanned { id: plan_id(number), plan, difference: String::new() }
}

fn shared() -> Shared {
    let Source { key, code, provider, datum, .. } = births();
    Shared { key, code, provider, sharing: SharingType::Conditional, datum }
}

/// R18.1: what is to be had by sharing is not collected again; the refusal says what to apply for. One's own data are.
#[test]
fn what_is_to_be_had_is_not_collected_again() {
    let refusal = Rejection::ToBeHad {
        likes: vec![Like {
            item: "出生日期".to_owned(),
            known: "出生日期".to_owned(),
            counterpart: Counterpart::Shared {
                code: births().code,
                provider: births().provider,
                sharing: SharingType::Conditional,
            },
            why: Why::SameTitle,
        }],
    };
    assert!(refusal.to_string().contains("apply for 302001/00001"), "{refusal}");

    given::<Entity>([])
        .when(plan(1, plan_of(&civil(), "出生日期"), vec![shared()], civil()))
        .then_rejected(refusal);
    given::<Entity>([])
        .when(plan(1, plan_of(&police(), "出生日期"), vec![shared()], police()))
        .then([planned(1, plan_of(&police(), "出生日期"))]);
    given::<Entity>([])
        .when(plan(1, plan_of(&civil(), "血型"), vec![shared()], civil()))
        .then([planned(1, plan_of(&civil(), "血型"))]);
}

/// R18.1: what another organisation collects is not collected again while its plan is in force.
#[test]
fn what_another_collects_is_not_collected_again() {
    let first = planned(1, plan_of(&civil(), "血型"));
    let second = || plan(2, plan_of(&police(), "血型"), vec![], police());
    let ended = Event::CollectionEnded { id: plan_id(1), reason: "已完成".to_owned() };
    let past = planned(1, Plan { until: date(2026, 1, 3), ..plan_of(&civil(), "血型") });

    assert!(matches!(
        given::<Entity>([first.clone()]).state().decide(second()),
        Err(Rejection::ToBeHad { .. })
    ));
    let allowed = planned(2, plan_of(&police(), "血型"));
    given::<Entity>([first.clone(), ended]).when(second()).then([allowed.clone()]);
    given::<Entity>([past]).when(second()).then([allowed]);
    let again = plan(1, plan_of(&civil(), "血型"), vec![], civil());
    given::<Entity>([first]).when(again).then_nothing();
}

/// R18.1: the authority over an organisation allows it to collect what is to be had, and says why.
#[test]
fn the_authority_allows_an_exception() {
    let except = |by| Command::Except {
        organisation: CIVIL.parse().unwrap(),
        region: JINJIANG.parse().unwrap(),
        items: vec![datum("", "出生日期")],
        reason: "应急".to_owned(),
        by,
    };
    let excepted = Event::CollectionExcepted {
        organisation: CIVIL.parse().unwrap(),
        region: JINJIANG.parse().unwrap(),
        items: vec![datum("", "出生日期")],
        reason: "应急".to_owned(),
    };

    given::<Entity>([]).when(except(authority(JINJIANG))).then([excepted.clone()]);
    given::<Entity>([excepted.clone()]).when(except(authority(CITY))).then_nothing();
    given::<Entity>([excepted])
        .when(plan(1, plan_of(&civil(), "出生日期"), vec![shared()], civil()))
        .then([planned(1, plan_of(&civil(), "出生日期"))]);
    for by in [civil(), authority(QINGYANG)] {
        assert!(matches!(Entity::default().decide(except(by)), Err(Rejection::Denied(_))));
    }
    given::<Entity>([])
        .when(except(actor(CIVIL, JINJIANG, Role::Authority)))
        .then_rejected(Rejection::OwnMatter { organisation: CIVIL.parse().unwrap() });
}

#[test]
fn a_plan_says_what_and_why_and_until_when() {
    let whole = plan_of(&civil(), "血型");
    for (wrong, expected) in [
        (Plan { items: vec![], ..whole.clone() }, Rejection::PlanItems { found: 0, max: 200 }),
        (Plan { until: date(2026, 1, 3), ..whole.clone() }, Rejection::PlanPeriod),
        (Plan { from: date(2027, 1, 1), ..whole.clone() }, Rejection::PlanPeriod),
        (
            Plan { purpose: " ".to_owned(), ..whole.clone() },
            TextMistake::Empty { field: "purpose" }.into(),
        ),
        (
            Plan { legal_basis: String::new(), ..whole.clone() },
            TextMistake::Empty { field: "legal basis" }.into(),
        ),
        (
            Plan { items: vec![datum("", " ")], ..whole },
            TextMistake::Empty { field: "title of an item" }.into(),
        ),
    ] {
        given::<Entity>([]).when(plan(1, wrong, vec![], civil())).then_rejected(expected);
    }
}

fn any_claim() -> impl Strategy<Value = Command> {
    let title = prop::sample::select(vec!["出生日期", "出生 日期", "出身日期", "住址", "地址"]);
    let by = prop_oneof![Just(police()), Just(civil())];
    let source_of = |(number, title, by): (u128, &str, Actor)| {
        let sources = vec![source(&by, number, "item", title)];
        let difference = if number % 2 == 0 { "不同" } else { "" }.to_owned();
        Command::Claim {
            sources,
            elsewhere: vec![],
            withdrawn: BTreeSet::new(),
            vocabularies: Arc::default(),
            difference,
            by,
        }
    };
    (1..8_u128, title, by).prop_map(source_of)
}

proptest! {
    /// R17.1: whatever is claimed, no two sources of different resources are ever the same datum.
    #[test]
    fn each_datum_has_one_source(claims in prop::collection::vec(any_claim(), 0..30)) {
        let mut entity = Entity::default();
        for command in claims {
            let Ok(events) = entity.decide(command.clone()) else { continue };
            entity = replay(entity, &events);
            prop_assert_eq!(entity.decide(command), Ok(vec![]));
        }
        let sources: Vec<_> = entity.sources().collect();
        for left in &sources {
            for right in &sources {
                if left.key.resource != right.key.resource {
                    let why = Vocabularies::default().like(&left.datum, &right.datum);
                    prop_assert!(why.is_none_or(|why| !why.refuses()));
                }
            }
        }
    }
}
