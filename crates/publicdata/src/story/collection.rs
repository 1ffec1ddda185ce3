//! No double collection: what another department has is applied for, not collected again.

use anyhow::{Context as _, ensure};
use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    CheckCollectionRequest, ClaimSourceRequest, CollectedItem, GetResourceRequest,
    RegisterCollectionPlanRequest,
};

use super::preparation::Entries;
use super::{Cast, refused};
use crate::commands::answer;
use crate::commands::collection::vocabulary::load_starter;
use crate::sample::{CONSUMER, PROVIDER};
use crate::session::{Session, new_command_id};

/// What the health commission calls what civil affairs calls 社区（村）.
const ENTITY: &str = "村";
const NAME: &str = "村名称";

pub(super) async fn refuse_double(cast: &mut Cast<'_>, entries: &Entries) -> anyhow::Result<()> {
    let (authority, provider, consumer) = (cast.authority()?, cast.provider()?, cast.consumer()?);

    let step = async {
        let loaded = load_starter(&authority).await?;
        let (entities, items) = (loaded.entity_groups, loaded.item_groups);
        Ok(((), format!("{entities} groups of entities, {items} of items, such as 社区（村）= 村")))
    };
    cast.narrator.step("The authority declares which names mean the same (同义词)", step).await?;

    let step = async {
        let request = ClaimSourceRequest {
            command_id: new_command_id(),
            resource_id: entries.villages_id.clone(),
            ..Default::default()
        };
        let claimed = answer(provider.sources()?.claim_source(request).await)?.sources;
        ensure!(claimed.len() == 6, "six items are claimed, not {}", claimed.len());
        Ok(((), format!("{} items of {}", claimed.len(), claimed[0].resource_code)))
    };
    let title = format!("{} claims to be their one source (一数一源)", PROVIDER.name);
    cast.narrator.step(&title, step).await?;

    let step = async {
        let code = code_of(&consumer, &entries.villages_id).await?;
        let request = CheckCollectionRequest { entity: ENTITY.to_owned(), items: collected(NAME) };
        let found = answer(consumer.collection()?.check_collection(request).await)?.likenesses;
        let like = found.first().context("the check must find the village names")?;
        ensure!(like.resource_code == code, "the check names {}", like.resource_code);
        let words = refused(register(&consumer, NAME).await, "DATUM_TO_BE_HAD")?;
        ensure!(words.contains(&code), "the refusal must name {code}: {words}");
        Ok(((), words))
    };
    let title = format!("{} means to collect {NAME}, and is told what to apply for", CONSUMER.name);
    cast.narrator.step(&title, step).await?;

    let step = async {
        let plan = register(&consumer, "家庭医生签约户数").await?;
        Ok(((), format!("plan {plan}")))
    };
    cast.narrator.step("What nobody has it may collect (采集计划)", step).await
}

async fn code_of(session: &Session, id: &str) -> anyhow::Result<String> {
    let request = GetResourceRequest {
        key: Some(Key::ResourceId(id.to_owned())),
        ..GetResourceRequest::default()
    };
    let found = answer(session.resources()?.get_resource(request).await)?;
    Ok(found.resource.context("the answer holds no entry")?.code)
}

async fn register(session: &Session, title: &str) -> anyhow::Result<String> {
    let request = RegisterCollectionPlanRequest {
        command_id: new_command_id(),
        entity: ENTITY.to_owned(),
        items: collected(title),
        purpose: "社区公共卫生服务网格划分".to_owned(),
        legal_basis: "《基本医疗卫生与健康促进法》第十六条".to_owned(),
        method: "入户调查".to_owned(),
        until: "2999-12-31".to_owned(),
        ..Default::default()
    };
    let done = answer(session.collection()?.register_collection_plan(request).await)?;
    Ok(done.plan_id)
}

fn collected(title: &str) -> Vec<CollectedItem> {
    vec![CollectedItem { title: title.to_owned(), name: String::new() }]
}
