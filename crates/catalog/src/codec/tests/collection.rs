//! What of sources, contests, plans and vocabularies is stored.

use publicdata_catalog_domain::entity::{Contest, Event, Plan, Source, SourceKey, Winner};
use publicdata_catalog_domain::likeness::Datum;
use publicdata_catalog_domain::vocabulary;

use super::*;

const CONTEST: &str = "11111111-2222-4333-8444-666666666666";
const PLAN: &str = "11111111-2222-4333-8444-777777777777";

fn key() -> SourceKey {
    SourceKey {
        resource: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
        item: "id_card".to_owned(),
    }
}

fn source() -> Source {
    Source {
        key: key(),
        code: "302001/00007".parse().unwrap(),
        provider: "91350100M000100Y43".parse().unwrap(),
        region: "510104".parse().unwrap(),
        datum: Datum {
            entity: "自然人".to_owned(),
            name: "id_card".to_owned(),
            title: "公民身份号码".to_owned(),
        },
    }
}

fn item() -> Datum {
    Datum { entity: "自然人".to_owned(), name: "blood".to_owned(), title: "血型".to_owned() }
}

#[test]
fn synonyms_declared_v1() {
    let terms = vec!["自然人".to_owned(), "公民".to_owned()];
    check::<Vocabulary>("synonyms_declared", vocabulary::Event::Declared { terms });
}

#[test]
fn synonym_withdrawn_v1() {
    let (term, reason) = ("公民".to_owned(), "另有所指".to_owned());
    check::<Vocabulary>("synonym_withdrawn", vocabulary::Event::Withdrawn { term, reason });
}

#[test]
fn source_claimed_v1() {
    let difference = "户籍所用".to_owned();
    check::<Entity>("source_claimed", Event::SourceClaimed { source: source(), difference });
}

#[test]
fn source_released_v1() {
    let reason = "职责调整".to_owned();
    check::<Entity>("source_released", Event::SourceReleased { key: key(), reason });
}

#[test]
fn source_contested_v1() {
    let grounds = "依法由本部门登记".to_owned();
    let holder = SourceKey { item: "sfzh".to_owned(), ..key() };
    let dispute = Contest { challenger: source(), holder, grounds };
    let contest = CONTEST.parse().unwrap();
    check::<Entity>("source_contested", Event::SourceContested { contest, dispute });
}

#[test]
fn source_settled_v1() {
    let event = |winner| Event::SourceSettled {
        contest: CONTEST.parse().unwrap(),
        winner,
        reason: "职责规定".to_owned(),
    };
    check::<Entity>("source_settled", event(Winner::Challenger));
    check::<Entity>("source_settled_holder", event(Winner::Holder));
}

/// R18.1: every field of a plan is stored.
#[test]
fn collection_planned_v1() {
    let plan = Plan {
        organisation: "91350100M000100Y43".parse().unwrap(),
        region: "510104".parse().unwrap(),
        items: vec![item()],
        purpose: "慢性病管理".to_owned(),
        legal_basis: "《基本医疗卫生与健康促进法》".to_owned(),
        method: "问卷".to_owned(),
        from: "2026-01-04".parse().unwrap(),
        until: "2026-12-31".parse().unwrap(),
    };
    let (id, difference) = (PLAN.parse().unwrap(), "与体检所录不同".to_owned());
    check::<Entity>("collection_planned", Event::CollectionPlanned { id, plan, difference });
}

#[test]
fn collection_ended_v1() {
    let (id, reason) = (PLAN.parse().unwrap(), "已完成".to_owned());
    check::<Entity>("collection_ended", Event::CollectionEnded { id, reason });
}

#[test]
fn collection_excepted_v1() {
    check::<Entity>(
        "collection_excepted",
        Event::CollectionExcepted {
            organisation: "91350100M000100Y43".parse().unwrap(),
            region: "510104".parse().unwrap(),
            items: vec![item()],
            reason: "应急".to_owned(),
        },
    );
}

#[test]
fn events_of_later_versions_are_errors() {
    let type_url = "type.googleapis.com/publicdata.catalog.v2.Other".to_owned();
    let any = Any { type_url, value: vec![] };
    assert!(Entity::decode(&any).is_err());
    assert!(Vocabulary::decode(&any).is_err());
}
