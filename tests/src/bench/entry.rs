//! A catalogue entry like any other, to be written again and again.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use prost_types::Any;
use publicdata_catalog::codec::Resource;
use publicdata_catalog_domain::description::Facts;
use publicdata_event_store::NewCommit;
use publicdata_event_store::aggregates::{Codec as _, CommandOf, EventOf};
use publicdata_proto::catalog::v1::{
    DeliveryMode, Format, Item, ItemType, Mask, ResourceDescription, ResourceDrafted, SharingType,
    UpdateCycle,
};
use publicdata_types::{Actor, CommandId, Role};
use uuid::Uuid;

type Command = CommandOf<Resource>;
type Event = EventOf<Resource>;

const PROVIDER: &str = "11510100MB0000027K";
const REGION: &str = "510100";
const CLASSIFICATION: &str = "3010100";

/// The command that writes such an entry. Editions differ, so that there always is something to say, and are of one size.
pub(super) fn draft(edition: u32) -> anyhow::Result<Command> {
    let Event::Drafted { code, description, .. } = drafted(edition)? else {
        bail!("a draft was drafted");
    };
    Ok(Command::Draft { code, description, facts: Facts::default(), by: actor()? })
}

/// The commit that such a command leads to.
pub(super) fn commit() -> anyhow::Result<NewCommit> {
    Ok(NewCommit {
        command_id: new_command_id(),
        actor: actor()?.id,
        occurred_at: occurred_at()?,
        traceparent: None,
        events: vec![Resource::encode(&drafted(0)?)],
    })
}

pub(super) fn new_command_id() -> CommandId {
    CommandId::from_uuid(Uuid::new_v4())
}

pub(super) fn occurred_at() -> anyhow::Result<Timestamp> {
    Ok("2026-01-04T09:00:00+08:00".parse()?)
}

pub(super) fn actor() -> anyhow::Result<Actor> {
    Ok(Actor {
        id: format!("spiffe://chengdu.internal/org/{PROVIDER}/user/catalog-01"),
        organisation: PROVIDER.parse()?,
        roles: [Role::Provider].into(),
        region: REGION.parse()?,
    })
}

fn drafted(edition: u32) -> anyhow::Result<Event> {
    let event = ResourceDrafted {
        code: format!("{CLASSIFICATION}/00001"),
        description: Some(description(edition)),
        region_code: REGION.to_owned(),
    };
    Resource::decode(&Any::from_msg(&event)?)?.context("the catalogue knows what a draft is")
}

fn description(edition: u32) -> ResourceDescription {
    let item = |name: &str, title: &str, length| Item {
        name: name.to_owned(),
        title: title.to_owned(),
        r#type: ItemType::Text.into(),
        length,
        required: true,
        ..Item::default()
    };
    ResourceDescription {
        name: "成都市社区（村）名录".to_owned(),
        r#abstract: format!("全市社区（村）的区划代码、名称及所属区（市）县，第{edition:07}版。"),
        classification_code: CLASSIFICATION.to_owned(),
        provider_code: PROVIDER.to_owned(),
        format: Format::Database.into(),
        items: vec![
            item("code", "统计用区划代码", 12),
            Item { mask: Mask::Partial.into(), ..item("name", "社区（村）名称", 100) },
            item("streetCode", "街道（镇）代码", 9),
            item("provinceCode", "省级代码", 2),
            item("cityCode", "市级代码", 4),
            item("areaCode", "区（市）县代码", 6),
        ],
        sharing_type: SharingType::Conditional.into(),
        sharing_condition: "限于履行基层治理和公共卫生职责，须说明用途和法律依据。".to_owned(),
        delivery_modes: vec![DeliveryMode::Bulk.into()],
        update_cycle: UpdateCycle::Yearly.into(),
        use_requirements: "不得提供给第三方。".to_owned(),
        ..ResourceDescription::default()
    }
}
