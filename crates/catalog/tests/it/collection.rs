//! One source for each datum, and no double collection.

use futures::future::join_all;
use publicdata_proto::catalog::v1::{
    AllowCollectionRequest, CheckCollectionRequest, ClaimSourceRequest, ClaimSourceResponse,
    CollectedItem, ContestSourceRequest, ContestWinner, DataSource, DeclareSynonymsRequest,
    DraftResourceRequest, EndCollectionPlanRequest, GetVocabularyRequest, Item, LikenessReason,
    ListCollectionPlansRequest, ListContestsRequest, ListSourceConflictsRequest,
    ListSourcesRequest, RegisterCollectionPlanRequest, RegisteredPlan, ReleaseSourceRequest,
    ResourceDescription, ResumeResourceRequest, Role, SettleContestRequest, SharingType,
    SourceConflict, SourceContest, SuspendResourceRequest, VocabularyKind, WithdrawResourceRequest,
    WithdrawSynonymRequest,
};
use publicdata_service_kit::Problem;
use tonic::Status;

use crate::fixture::{
    CITY, Catalogue, JINJIANG, QINGYANG, User, command_id, description, draft, reason,
};

/// A published resource.
struct Published {
    id: String,
    code: String,
}

fn item(name: &str, title: &str) -> Item {
    let template = description("91350100M000100Y43".parse().unwrap(), "模板").items.remove(0);
    Item { name: name.to_owned(), title: title.to_owned(), ..template }
}

/// Drafts, submits and publishes a resource about an entity, with these items.
async fn publish(
    by: &mut User,
    city: &mut User,
    entity: &str,
    items: &[(&str, &str)],
) -> Published {
    let items = items.iter().map(|(name, title)| item(name, title)).collect();
    publish_as(by, city, |description| ResourceDescription {
        entity: entity.to_owned(),
        items,
        ..description
    })
    .await
}

async fn publish_as(
    by: &mut User,
    city: &mut User,
    change: impl FnOnce(ResourceDescription) -> ResourceDescription,
) -> Published {
    let described = change(description(by.code, &format!("名录 {}", command_id())));
    let drafted = by.resources.draft_resource(draft(described)).await.unwrap().into_inner();
    by.submit(&drafted.resource_id).await;
    city.publish(&drafted.resource_id).await.unwrap();
    Published { id: drafted.resource_id, code: drafted.code }
}

async fn declare(by: &mut User, kind: VocabularyKind, terms: &[&str]) -> Result<(), Status> {
    let request = DeclareSynonymsRequest {
        command_id: command_id(),
        kind: kind.into(),
        terms: terms.iter().map(|term| (*term).to_owned()).collect(),
    };
    by.vocabularies.declare_synonyms(request).await.map(drop)
}

fn claiming(resource: &Published, items: &[&str]) -> ClaimSourceRequest {
    ClaimSourceRequest {
        command_id: command_id(),
        resource_id: resource.id.clone(),
        items: items.iter().map(|item| (*item).to_owned()).collect(),
        difference: String::new(),
    }
}

async fn claim(
    by: &mut User,
    resource: &Published,
    items: &[&str],
) -> Result<ClaimSourceResponse, Status> {
    by.sources.claim_source(claiming(resource, items)).await.map(tonic::Response::into_inner)
}

async fn sources(by: &mut User, entity: &str) -> Vec<DataSource> {
    let request = ListSourcesRequest { entity: entity.to_owned(), ..ListSourcesRequest::default() };
    by.sources.list_sources(request).await.unwrap().into_inner().sources
}

async fn contest(
    by: &mut User,
    (resource, item): (&Published, &str),
    (holder, held): (&Published, &str),
) -> Result<String, Status> {
    let request = ContestSourceRequest {
        command_id: command_id(),
        resource_id: resource.id.clone(),
        item: item.to_owned(),
        holder_resource_code: holder.code.clone(),
        holder_item: held.to_owned(),
        grounds: "依法由本部门登记".to_owned(),
    };
    by.sources.contest_source(request).await.map(|done| done.into_inner().contest_id)
}

async fn settle(by: &mut User, contest_id: &str, winner: ContestWinner) -> Result<(), Status> {
    let request = SettleContestRequest {
        command_id: command_id(),
        contest_id: contest_id.to_owned(),
        winner: winner.into(),
        reason: "职责规定".to_owned(),
    };
    by.sources.settle_contest(request).await.map(drop)
}

async fn contests(by: &mut User, request: ListContestsRequest) -> Vec<SourceContest> {
    by.sources.list_contests(request).await.unwrap().into_inner().contests
}

async fn conflicts(by: &mut User) -> Result<Vec<SourceConflict>, Status> {
    let request = ListSourceConflictsRequest::default();
    Ok(by.sources.list_source_conflicts(request).await?.into_inner().conflicts)
}

fn planning(entity: &str, titles: &[&str]) -> RegisterCollectionPlanRequest {
    RegisterCollectionPlanRequest {
        command_id: command_id(),
        entity: entity.to_owned(),
        items: collected(titles),
        purpose: "慢性病管理".to_owned(),
        legal_basis: "《基本医疗卫生与健康促进法》".to_owned(),
        method: "问卷".to_owned(),
        from: String::new(),
        until: "2999-12-31".to_owned(),
        difference: String::new(),
    }
}

fn collected(titles: &[&str]) -> Vec<CollectedItem> {
    let item = |title: &&str| CollectedItem { title: (*title).to_owned(), name: String::new() };
    titles.iter().map(item).collect()
}

async fn register(by: &mut User, plan: RegisterCollectionPlanRequest) -> Result<String, Status> {
    let done = by.collection.register_collection_plan(plan).await;
    done.map(|done| done.into_inner().plan_id)
}

async fn plans(by: &mut User, request: ListCollectionPlansRequest) -> Vec<RegisteredPlan> {
    by.collection.list_collection_plans(request).await.unwrap().into_inner().plans
}

/// R17.1: each item has one source: a second claim on the same datum is refused with the first one named, and why the two are
/// thought to be the same: by title, by identifier, or by a synonym that the authority declared.
#[tokio::test]
async fn a_second_claim_is_refused_with_the_first_one_named() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut police = catalogue.registered(&city, 2, CITY, &[Role::Provider]).await;
    let mut civil = catalogue.registered(&city, 3, CITY, &[Role::Provider]).await;
    declare(&mut city, VocabularyKind::Entity, &["自然人", "公民"]).await.unwrap();
    declare(&mut city, VocabularyKind::Item, &["公民身份号码", "身份证号"]).await.unwrap();
    let people = [("id_card", "公民身份号码"), ("csrq", "出生日期"), ("xm", "姓名")];
    let first = publish(&mut police, &mut city, "自然人", &people).await;
    let others =
        [("IDCARD", "证件"), ("sfz", "身份证号"), ("birthday", "出生 日期"), ("hyzk", "婚姻状况")];
    let second = publish(&mut civil, &mut city, "公民", &others).await;

    let request = claiming(&first, &[]);
    let done = police.sources.claim_source(request.clone()).await.unwrap().into_inner();
    assert_eq!(done.sources.len(), 3);
    let again = police.sources.claim_source(request).await.unwrap().into_inner();
    assert_eq!(again.sequence, done.sequence);

    for (item, why) in [
        ("IDCARD", "the identifiers are the same"),
        ("sfz", "the vocabulary knows both as 公民身份号码"),
        ("birthday", "the titles are the same"),
    ] {
        let refused = claim(&mut civil, &second, &[item]).await.unwrap_err();
        assert_eq!(reason(&refused), "SOURCE_CLAIMED");
        for word in [&police.code.to_string(), &first.code, why] {
            assert!(refused.message().contains(word), "{refused} does not say {word}");
        }
        let problem = Problem::from_status(&refused);
        assert_eq!(problem.metadata["resource_codes"], first.code);
    }
    claim(&mut civil, &second, &["hyzk"]).await.unwrap();

    let mut all: Vec<String> =
        sources(&mut civil, "公民").await.into_iter().map(|source| source.item_title).collect();
    all.sort();
    assert_eq!(all, ["公民身份号码", "出生日期", "姓名", "婚姻状况"]);
}

/// R17.1, H1: of many claims on one datum at the same moment exactly one holds.
#[tokio::test]
async fn of_two_claims_at_once_one_holds() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut contenders = Vec::new();
    for number in 2..7 {
        let mut by = catalogue.registered(&city, number, CITY, &[Role::Provider]).await;
        let items = [("a", "出生日期")];
        let resource = publish(&mut by, &mut city, "自然人", &items).await;
        contenders.push((by, resource));
    }

    let claims = contenders.iter_mut().map(|(by, resource)| claim(by, resource, &["a"]));
    let outcomes = join_all(claims).await;

    let held = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(held, 1, "{outcomes:?}");
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(reason(&refused), "SOURCE_CLAIMED");
    }
    assert_eq!(sources(&mut city, "自然人").await.len(), 1);
}

/// R17.1: who is the source is put to the authority and settled by it; the claim that loses ends. R13.1: over a border between
/// districts the city decides, and who is concerned by neither side sees nothing of it.
#[tokio::test]
async fn the_authority_settles_a_contest() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let mut police = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let mut civil = catalogue.registered(&city, 5, JINJIANG, &[Role::Provider]).await;
    let mut abroad = catalogue.registered(&city, 6, QINGYANG, &[Role::Provider]).await;
    let items = [("hyzk", "婚姻状况")];
    let held = publish(&mut police, &mut city, "自然人", &items).await;
    let within = publish(&mut civil, &mut city, "自然人", &items).await;
    let over = publish(&mut abroad, &mut city, "自然人", &items).await;
    claim(&mut police, &held, &[]).await.unwrap();

    let first = contest(&mut civil, (&within, "hyzk"), (&held, "hyzk")).await.unwrap();
    assert_eq!(contests(&mut qingyang, ListContestsRequest::default()).await, []);
    let unseen = settle(&mut qingyang, &first, ContestWinner::Challenger).await.unwrap_err();
    assert_eq!(reason(&unseen), "CONTEST_ABSENT");
    let party = settle(&mut civil, &first, ContestWinner::Challenger).await.unwrap_err();
    assert_eq!(reason(&party), "ROLE_MISSING");
    settle(&mut jinjiang, &first, ContestWinner::Challenger).await.unwrap();
    let now = sources(&mut city, "自然人").await;
    assert_eq!((now.len(), &now[0].resource_code), (1, &within.code));

    let second = contest(&mut abroad, (&over, "hyzk"), (&within, "hyzk")).await.unwrap();
    for district in [&mut jinjiang, &mut qingyang] {
        assert_eq!(contests(district, ListContestsRequest::default()).await.len(), 1);
        let border = settle(district, &second, ContestWinner::Holder).await.unwrap_err();
        assert_eq!(reason(&border), "OUTSIDE_REGION");
    }
    settle(&mut city, &second, ContestWinner::Holder).await.unwrap();

    assert_eq!(contests(&mut city, ListContestsRequest::default()).await, []);
    let all = ListContestsRequest { all: true, ..ListContestsRequest::default() };
    let all = contests(&mut city, all).await;
    assert_eq!(all.len(), 2);
    let won: Vec<_> = all.iter().filter(|contest| contest.id == first).collect();
    assert_eq!(won[0].winner(), ContestWinner::Challenger);
    assert_eq!(won[0].reason, "职责规定");
}

/// R17.1: a synonym that is declared later brings conflicts to light; new claims are held against all of them, and the
/// authority ends one to settle it. H1: that may be repeated.
#[tokio::test]
async fn a_synonym_declared_later_brings_conflicts_to_light() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut police = catalogue.registered(&city, 3, CITY, &[Role::Provider]).await;
    let mut civil = catalogue.registered(&city, 4, CITY, &[Role::Provider]).await;
    let mut third = catalogue.registered(&city, 5, CITY, &[Role::Provider]).await;
    let items = [("hyzk", "婚姻状况")];
    let people = publish(&mut police, &mut city, "自然人", &items).await;
    let citizens = publish(&mut civil, &mut city, "公民", &items).await;
    let persons = publish(&mut third, &mut city, "个人", &items).await;
    claim(&mut police, &people, &[]).await.unwrap();
    claim(&mut civil, &citizens, &[]).await.unwrap();
    assert_eq!(conflicts(&mut city).await.unwrap(), []);

    declare(&mut city, VocabularyKind::Entity, &["个人", "自然人", "公民"]).await.unwrap();

    let found = conflicts(&mut city).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].first.as_ref().unwrap().resource_code, people.code);
    assert_eq!(found[0].second.as_ref().unwrap().resource_code, citizens.code);
    assert_eq!(found[0].reason(), LikenessReason::SameTitle);
    assert_eq!(conflicts(&mut jinjiang).await.unwrap(), []);
    assert_eq!(reason(&conflicts(&mut civil).await.unwrap_err()), "ROLE_MISSING");
    let refused = claim(&mut third, &persons, &[]).await.unwrap_err();
    let codes = Problem::from_status(&refused).metadata["resource_codes"].clone();
    assert!(codes.contains(&people.code) && codes.contains(&citizens.code), "{refused}");

    let release = ReleaseSourceRequest {
        command_id: command_id(),
        resource_id: citizens.id.clone(),
        items: vec![],
        reason: "以公安为准".to_owned(),
    };
    let refused = third.sources.release_source(release.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "ROLE_MISSING");
    for _ in 0..2 {
        city.sources.release_source(release.clone()).await.unwrap();
    }
    assert_eq!(conflicts(&mut city).await.unwrap(), []);

    // What was claimed under the old names is contested and settled there, and the new source stands under the new one.
    let disputed = contest(&mut third, (&persons, "hyzk"), (&people, "hyzk")).await.unwrap();
    settle(&mut city, &disputed, ContestWinner::Challenger).await.unwrap();
    let now = sources(&mut city, "公民").await;
    assert_eq!((now.len(), &now[0].resource_code), (1, &persons.code));
    let release = ReleaseSourceRequest {
        command_id: command_id(),
        resource_id: persons.id.clone(),
        items: vec![],
        reason: "职责调整".to_owned(),
    };
    third.sources.release_source(release).await.unwrap();
    claim(&mut police, &people, &[]).await.unwrap();
}

/// R17.1: what is claimed is one's own, published, about something, and there; a person settles what merely looks alike.
#[tokio::test]
async fn claims_are_checked() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut police = catalogue.registered(&city, 2, CITY, &[Role::Provider]).await;
    let mut civil = catalogue.registered(&city, 3, CITY, &[Role::Provider]).await;
    let people = publish(&mut police, &mut city, "自然人", &[("csrq", "出生日期")]).await;
    let near = publish(&mut civil, &mut city, "自然人", &[("csrq2", "出身日期")]).await;
    let unsaid = publish(&mut civil, &mut city, "", &[("csrq", "出生日期")]).await;
    let drafted = police.draft("草稿").await;
    let unpublished = Published { id: drafted.resource_id, code: drafted.code };

    for (refused, expected) in [
        (claim(&mut civil, &people, &[]).await, "OTHER_ORGANISATION"),
        (claim(&mut police, &people, &["xm"]).await, "FIELD_INVALID"),
        (claim(&mut police, &unpublished, &[]).await, "RESOURCE_NOT_PUBLISHED"),
        (claim(&mut civil, &unpublished, &[]).await, "RESOURCE_NOT_PUBLISHED"),
        (claim(&mut civil, &unsaid, &[]).await, "ENTITY_UNSAID"),
    ] {
        assert_eq!(reason(&refused.unwrap_err()), expected);
    }

    claim(&mut police, &people, &[]).await.unwrap();
    let unsettled = claim(&mut civil, &near, &[]).await.unwrap_err();
    assert_eq!(reason(&unsettled), "LIKENESS_UNSETTLED");
    let difference = "登记家庭出身之日".to_owned();
    let request = ClaimSourceRequest { difference, ..claiming(&near, &[]) };
    civil.sources.claim_source(request).await.unwrap();
    let absent = contest(&mut civil, (&near, "csrq2"), (&near, "xm")).await.unwrap_err();
    assert_eq!(reason(&absent), "SOURCE_ABSENT");
}

/// R18.1: what is to be had by sharing is not collected again: the refusal names the resource to apply for. What is not shared,
/// or not published, is collected; so is one's own.
#[tokio::test]
async fn a_double_collection_is_refused_with_the_resource_to_apply_for() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut civil = catalogue.registered(&city, 2, CITY, &[Role::Provider]).await;
    let mut health = catalogue.registered(&city, 3, CITY, &[Role::Consumer]).await;
    declare(&mut city, VocabularyKind::Entity, &["社区（村）", "社区", "村"]).await.unwrap();
    let items = vec![
        item("name", "社区（村）名称"),
        Item {
            sharing_type: SharingType::NotShared.into(),
            open: false,
            ..item("tel", "负责人电话")
        },
    ];
    let villages = publish_as(&mut civil, &mut city, |description| ResourceDescription {
        entity: "社区（村）".to_owned(),
        items,
        ..description
    })
    .await;

    let check = CheckCollectionRequest {
        entity: "村".to_owned(),
        items: collected(&["村名称", "负责人电话", "常住人口"]),
    };
    let checked = health.collection.check_collection(check).await.unwrap().into_inner();
    assert_eq!(checked.likenesses.len(), 1, "{checked:?}");
    let like = &checked.likenesses[0];
    assert_eq!((&like.resource_code, like.reason()), (&villages.code, LikenessReason::SameTitle));
    assert_eq!(like.organisation_code, civil.code.to_string());
    assert_eq!(like.sharing_type(), SharingType::Conditional);
    assert!(like.refuses);

    let refused = register(&mut health, planning("村", &["村名称"])).await.unwrap_err();
    assert_eq!(reason(&refused), "DATUM_TO_BE_HAD");
    let apply = format!("apply for {}", villages.code);
    assert!(refused.message().contains(&apply), "{refused}");
    assert_eq!(Problem::from_status(&refused).metadata["resource_codes"], villages.code);

    let plan = planning("村", &["负责人电话", "常住人口"]);
    let id = register(&mut health, plan.clone()).await.unwrap();
    assert_eq!(register(&mut health, plan).await.unwrap(), id);
    register(&mut civil, planning("社区", &["社区名称"])).await.unwrap();
}

/// R18.1: what is suspended is not to be had until it is resumed, whatever is published of it meanwhile. R17.1: what is withdrawn
/// is nobody's source: the next claim holds.
#[tokio::test]
async fn what_is_out_of_use_is_neither_to_be_had_nor_a_source() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut civil = catalogue.registered(&city, 2, CITY, &[Role::Provider]).await;
    let mut police = catalogue.registered(&city, 3, CITY, &[Role::Provider]).await;
    let mut health = catalogue.registered(&city, 4, CITY, &[Role::Consumer]).await;
    let items = [("hyzk", "婚姻状况")];
    let first = publish(&mut civil, &mut city, "自然人", &items).await;
    let second = publish(&mut police, &mut city, "公民", &items).await;
    claim(&mut civil, &first, &[]).await.unwrap();
    let (resource_id, reason_given) = (first.id.clone(), "停用".to_owned());
    let check = || CheckCollectionRequest {
        entity: "自然人".to_owned(),
        items: collected(&["婚姻状况"]),
    };

    let suspend = SuspendResourceRequest {
        command_id: command_id(),
        resource_id: resource_id.clone(),
        reason: reason_given.clone(),
    };
    civil.resources.suspend_resource(suspend).await.unwrap();
    let revised = DraftResourceRequest {
        resource_id: resource_id.clone(),
        ..draft(ResourceDescription {
            entity: "自然人".to_owned(),
            items: vec![item("hyzk", "婚姻状况")],
            ..description(civil.code, "修订后的名录")
        })
    };
    civil.resources.draft_resource(revised).await.unwrap();
    civil.submit(&resource_id).await;
    city.publish(&resource_id).await.unwrap();
    let found = health.collection.check_collection(check()).await.unwrap().into_inner();
    assert_eq!(found.likenesses, []);

    let resume =
        ResumeResourceRequest { command_id: command_id(), resource_id: resource_id.clone() };
    civil.resources.resume_resource(resume).await.unwrap();
    let found = health.collection.check_collection(check()).await.unwrap().into_inner();
    assert_eq!(found.likenesses.len(), 1);

    declare(&mut city, VocabularyKind::Entity, &["自然人", "公民"]).await.unwrap();
    let refused = claim(&mut police, &second, &[]).await.unwrap_err();
    assert_eq!(reason(&refused), "SOURCE_CLAIMED");
    let withdraw =
        WithdrawResourceRequest { command_id: command_id(), resource_id, reason: reason_given };
    civil.resources.withdraw_resource(withdraw).await.unwrap();
    claim(&mut police, &second, &[]).await.unwrap();
    let now = sources(&mut city, "公民").await;
    assert_eq!((now.len(), &now[0].resource_code), (1, &second.code));
}

/// R18.1: what another organisation collects is not collected again while its plan is in force; the authority over an
/// organisation allows an exception, with its reason.
#[tokio::test]
async fn what_another_collects_is_not_collected_again() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let mut health = catalogue.registered(&city, 4, JINJIANG, &[Role::Consumer]).await;
    let mut sports = catalogue.registered(&city, 5, JINJIANG, &[Role::Consumer]).await;
    let mut school = catalogue.registered(&city, 6, QINGYANG, &[Role::Consumer]).await;

    let first = register(&mut health, planning("自然人", &["血型"])).await.unwrap();
    let refused = register(&mut sports, planning("自然人", &["血型"])).await.unwrap_err();
    assert_eq!(reason(&refused), "DATUM_TO_BE_HAD");
    assert!(refused.message().contains(&health.code.to_string()), "{refused}");

    let allow = |to: &User| AllowCollectionRequest {
        command_id: command_id(),
        organisation_code: to.code.to_string(),
        entity: "自然人".to_owned(),
        items: collected(&["血型"]),
        reason: "应急".to_owned(),
    };
    let border = qingyang.collection.allow_collection(allow(&sports)).await.unwrap_err();
    assert_eq!(reason(&border), "OUTSIDE_REGION");
    jinjiang.collection.allow_collection(allow(&sports)).await.unwrap();
    register(&mut sports, planning("自然人", &["血型"])).await.unwrap();
    let still = register(&mut school, planning("自然人", &["血型"])).await.unwrap_err();
    assert_eq!(reason(&still), "DATUM_TO_BE_HAD");

    let all = ListCollectionPlansRequest::default;
    for (who, seen) in [
        (&mut health, 1),
        (&mut sports, 1),
        (&mut jinjiang, 2),
        (&mut city, 2),
        (&mut school, 0),
        (&mut qingyang, 0),
    ] {
        assert_eq!(plans(who, all()).await.len(), seen);
    }
    let end = |plan_id: &str| EndCollectionPlanRequest {
        command_id: command_id(),
        plan_id: plan_id.to_owned(),
        reason: "已完成".to_owned(),
    };
    let unseen = qingyang.collection.end_collection_plan(end(&first)).await.unwrap_err();
    assert_eq!(reason(&unseen), "PLAN_ABSENT");
    health.collection.end_collection_plan(end(&first)).await.unwrap();
    assert_eq!(plans(&mut health, all()).await, []);
    let kept = ListCollectionPlansRequest { all: true, ..all() };
    let kept = plans(&mut health, kept).await;
    assert_eq!((kept[0].end_reason.as_str(), kept[0].in_force), ("已完成", false));
}

/// R18.1, H1: of two plans to collect the same at the same moment one is refused.
#[tokio::test]
async fn of_two_plans_at_once_one_is_accepted() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut health = catalogue.registered(&city, 2, CITY, &[Role::Consumer]).await;
    let mut sports = catalogue.registered(&city, 3, CITY, &[Role::Consumer]).await;

    let outcomes = join_all([
        register(&mut health, planning("自然人", &["血型"])),
        register(&mut sports, planning("自然人", &["血型"])),
    ])
    .await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
}

/// R18.1, H3: what a plan lacks is said; what merely looks alike asks a person, also where a resource does not say what it is
/// about.
#[tokio::test]
async fn plans_are_checked() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut civil = catalogue.registered(&city, 2, CITY, &[Role::Provider]).await;
    let mut health = catalogue.registered(&city, 3, CITY, &[Role::Consumer]).await;
    publish(&mut civil, &mut city, "", &[("hyzk", "婚姻状况"), ("mc", "名称")]).await;

    for (plan, expected) in [
        (planning("自然人", &[]), "PLAN_ITEMS"),
        (planning(" ", &["血型"]), "FIELD_INVALID"),
        (planning("自然人", &[" "]), "TEXT_MISSING"),
        (
            RegisterCollectionPlanRequest {
                until: "2020-01-01".to_owned(),
                ..planning("自然人", &["血型"])
            },
            "PLAN_PERIOD",
        ),
        (
            RegisterCollectionPlanRequest {
                until: "明年".to_owned(),
                ..planning("自然人", &["血型"])
            },
            "FIELD_INVALID",
        ),
        (planning("自然人", &["婚姻状况"]), "LIKENESS_UNSETTLED"),
    ] {
        assert_eq!(reason(&register(&mut health, plan).await.unwrap_err()), expected);
    }
    register(&mut health, planning("自然人", &["名称"])).await.unwrap();
    let settled = RegisterCollectionPlanRequest {
        difference: "就诊时自述".to_owned(),
        ..planning("自然人", &["婚姻状况"])
    };
    register(&mut health, settled).await.unwrap();
}

/// R17.1: the city's authority keeps the vocabularies; everybody reads them.
#[tokio::test]
async fn vocabularies_are_the_citys() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut health = catalogue.registered(&city, 3, CITY, &[Role::Consumer]).await;
    let entity = VocabularyKind::Entity;

    declare(&mut city, entity, &["自然人", "公民", "个人"]).await.unwrap();
    for (refused, expected) in [
        (declare(&mut jinjiang, entity, &["法人", "企业"]).await, "OUTSIDE_REGION"),
        (declare(&mut health, entity, &["法人", "企业"]).await, "ROLE_MISSING"),
        (declare(&mut city, entity, &["法人"]).await, "SYNONYMS_TOO_FEW"),
        (declare(&mut city, VocabularyKind::Unspecified, &["法人", "企业"]).await, "FIELD_INVALID"),
    ] {
        assert_eq!(reason(&refused.unwrap_err()), expected);
    }
    let withdraw = |term: &str| WithdrawSynonymRequest {
        command_id: command_id(),
        kind: entity.into(),
        term: term.to_owned(),
        reason: "另有所指".to_owned(),
    };
    city.vocabularies.withdraw_synonym(withdraw("个人")).await.unwrap();
    let unknown = city.vocabularies.withdraw_synonym(withdraw("个人")).await.unwrap_err();
    assert_eq!(reason(&unknown), "SYNONYM_UNKNOWN");

    let request = GetVocabularyRequest { kind: entity.into() };
    let found = health.vocabularies.get_vocabulary(request).await.unwrap().into_inner();
    assert_eq!(found.groups.len(), 1);
    assert_eq!(found.groups[0].terms, ["自然人", "公民"]);
}

/// H2: the views of items, sources and plans are rebuilt from events to the same rows. H4: a service that starts anew goes on.
#[tokio::test]
async fn sources_and_plans_are_rebuilt_from_events() {
    let mut catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut civil = catalogue.registered(&city, 2, CITY, &[Role::Provider]).await;
    let mut health = catalogue.registered(&city, 3, CITY, &[Role::Provider]).await;
    let held = publish(&mut civil, &mut city, "自然人", &[("hyzk", "婚姻状况")]).await;
    let other = publish(&mut health, &mut city, "自然人", &[("hyzk", "婚姻状况")]).await;
    claim(&mut civil, &held, &[]).await.unwrap();
    contest(&mut health, (&other, "hyzk"), (&held, "hyzk")).await.unwrap();
    register(&mut health, planning("自然人", &["血型"])).await.unwrap();

    for view in &catalogue.collection {
        let before = view.content().await.unwrap();
        assert_eq!(view.rebuild().await.unwrap().content, before);
    }
    catalogue.restart().await;
    let mut health = catalogue.user(health.code);
    let refused = register(&mut health, planning("自然人", &["婚姻状况"])).await.unwrap_err();
    assert_eq!(reason(&refused), "DATUM_TO_BE_HAD");
    assert_eq!(contests(&mut health, ListContestsRequest::default()).await.len(), 1);
}
