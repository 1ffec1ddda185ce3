//! A city's organisations and catalogue, as its events tell of them.

use prost::{Message, Name};
use prost_types::Any;
use publicdata_event_store::{NewCommit, Store, Subject};
use publicdata_proto::catalog::v1::{
    Item, ItemType, Mask, OrganisationRegistered, ResourceDescription, ResourceDrafted,
    ResourcePublished, Role, UpdateCycle,
};
use publicdata_types::CommandId;
use uuid::Uuid;

pub(crate) const AUTHORITY: &str = "11510100MB0000019Q";
pub(crate) const PROVIDER: &str = "11510100MB0000027K";
pub(crate) const CONSUMER: &str = "11510100MB0000035E";
pub(crate) const AUDITOR: &str = "11510100MB00000439";
/// An authority of another city.
pub(crate) const ELSEWHERE: &str = "12100000400002259P";
/// A code that is valid, and not registered.
pub(crate) const UNREGISTERED: &str = "91110000802100433B";

pub(crate) const AREAS: &str = include_str!("../../../../deploy/data/chengdu-areas.csv");
pub(crate) const AREAS_CODE: &str = "3010100/00001";

/// Registers the organisations.
pub(crate) async fn register(store: &Store) {
    for (code, name, region, role) in [
        (AUTHORITY, "成都市大数据和电子政务管理办公室", "510100", Role::Authority),
        (PROVIDER, "成都市民政局", "510100", Role::Provider),
        (CONSUMER, "成都市卫生健康委员会", "510100", Role::Consumer),
        (AUDITOR, "成都市审计局", "510100", Role::Auditor),
        (ELSEWHERE, "北京市某局", "110100", Role::Authority),
    ] {
        let registered = OrganisationRegistered {
            code: code.to_owned(),
            name: name.to_owned(),
            region_code: region.to_owned(),
            roles: vec![role.into()],
            ..OrganisationRegistered::default()
        };
        append(store, "organisation", code, 0, vec![event(&registered)]).await;
    }
}

/// The districts of Chengdu, with an item that is closed and one that is sensitive.
pub(crate) fn areas() -> ResourceDescription {
    let open = |name: &str, title: &str| Item { open: true, ..item(name, title) };
    ResourceDescription {
        name: "成都市行政区划".to_owned(),
        r#abstract: "成都市各区（市）县的行政区划代码和名称。".to_owned(),
        provider_code: PROVIDER.to_owned(),
        items: vec![
            Item { required: true, length: 6, ..open("code", "行政区划代码") },
            open("name", "区（市）县名称"),
            open("cityCode", "市级代码"),
            open("provinceCode", "省级代码"),
            Item { r#type: ItemType::Integer.into(), ..open("people", "人口数") },
            item("internal", "内部编号"),
            Item { mask: Mask::Partial.into(), ..item("phone", "联系电话") },
        ],
        open: true,
        use_requirements: "使用时请注明来源。".to_owned(),
        update_cycle: UpdateCycle::Yearly.into(),
        ..ResourceDescription::default()
    }
}

fn item(name: &str, title: &str) -> Item {
    Item {
        name: name.to_owned(),
        title: title.to_owned(),
        r#type: ItemType::Text.into(),
        ..Item::default()
    }
}

/// Writes a catalogue entry, and publishes it; says its last sequence.
pub(crate) async fn publish_entry(
    store: &Store,
    id: Uuid,
    code: &str,
    description: ResourceDescription,
) -> u64 {
    let drafted = draft(store, id, code, description).await;
    let published = ResourcePublished { version: 1, published_on: "2026-01-04".to_owned() };
    append(store, "resource", &id.to_string(), drafted, vec![event(&published)]).await
}

/// Writes a draft.
pub(crate) async fn draft(
    store: &Store,
    id: Uuid,
    code: &str,
    description: ResourceDescription,
) -> u64 {
    let drafted = ResourceDrafted {
        code: code.to_owned(),
        description: Some(description),
        region_code: "510100".to_owned(),
    };
    let subject = Subject::new("catalog", "resource", &id.to_string()).unwrap();
    let last = store.tail(&subject, 0).await.unwrap().last().map_or(0, |commit| commit.sequence);
    append(store, "resource", &id.to_string(), last, vec![event(&drafted)]).await
}

/// Has the catalogue say that something happened to an entry; says the sequence.
pub(crate) async fn say<M: Message + Name>(store: &Store, id: Uuid, message: &M) -> u64 {
    let subject = Subject::new("catalog", "resource", &id.to_string()).unwrap();
    let last = store.tail(&subject, 0).await.unwrap().last().map_or(0, |commit| commit.sequence);
    append(store, "resource", &id.to_string(), last, vec![event(message)]).await
}

async fn append(store: &Store, aggregate: &str, id: &str, last: u64, events: Vec<Any>) -> u64 {
    let subject = Subject::new("catalog", aggregate, id).unwrap();
    let commit = NewCommit {
        command_id: CommandId::from_uuid(Uuid::new_v4()),
        actor: "spiffe://test.internal/service/catalog".to_owned(),
        occurred_at: "2026-01-04T01:00:00Z".parse().unwrap(),
        traceparent: None,
        events,
    };
    store.append(&subject, last, commit).await.unwrap().sequence
}

fn event<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}
