//! Organisations, catalogue entries and nodes.

use anyhow::{Context as _, ensure};
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, PublishResourceRequest, RegisterOrganisationRequest, ResourceDescription,
    ReturnResourceRequest, Role, SubmitResourceRequest,
};
use publicdata_proto::exchange::v1::ListNodesRequest;

use super::{Cast, refused};
use crate::commands::answer;
use crate::fleet::{NodeDataset, NodeWork};
use crate::output::from_json;
use crate::sample::{self, AUTHORITY, CITY_REGION, CONSUMER, ORGANISATIONS, PROVIDER};
use crate::session::{Session, new_command_id};

/// The two entries of the story.
pub(super) struct Entries {
    /// 成都市社区（村）名录, by its id.
    pub(super) villages_id: String,
    /// 成都市行政区划, by its id.
    pub(super) areas_id: String,
}

pub(super) async fn organisations(cast: &mut Cast<'_>) -> anyhow::Result<()> {
    let authority = cast.authority()?;
    for organisation in &ORGANISATIONS {
        let title = match organisation.code == AUTHORITY.code {
            true => format!("{} registers itself", organisation.name),
            false => format!("{} registers {}", AUTHORITY.name, organisation.name),
        };
        let step = async {
            sample::register(&authority, organisation).await?;
            let roles: Vec<_> = organisation.roles.iter().map(|role| role.as_str_name()).collect();
            let officer = organisation.accounts[0].0;
            Ok((
                (),
                format!("{} {}, security officer {officer}", organisation.code, roles.join(" ")),
            ))
        };
        cast.narrator.step(&title, step).await?;
    }
    let step = async { Ok(((), wrong_code(&authority).await?)) };
    cast.narrator.step("A code with a wrong check digit is refused", step).await?;

    let data = cast.fleet.data().to_owned();
    let step = async {
        let mut issued = 0;
        for organisation in &ORGANISATIONS {
            issued += sample::issue(&authority, &data, organisation).await?;
        }
        Ok((
            (),
            format!("{issued} pairs of certificates (双证书), SPIFFE ids, mutual TLS everywhere"),
        ))
    };
    cast.narrator.step("The authority issues certificates for accounts and nodes", step).await
}

async fn wrong_code(authority: &Session) -> anyhow::Result<String> {
    let request = RegisterOrganisationRequest {
        command_id: new_command_id(),
        code: "11510100MB0000027A".to_owned(),
        name: "某局".to_owned(),
        region_code: CITY_REGION.to_owned(),
        roles: vec![Role::Consumer.into()],
        ..RegisterOrganisationRequest::default()
    };
    let result = answer(authority.organisations()?.register_organisation(request).await);
    refused(result.map_err(Into::into), "FIELD_INVALID")
}

pub(super) async fn catalogue(cast: &mut Cast<'_>) -> anyhow::Result<Entries> {
    let (provider, authority) = (cast.provider()?, cast.authority()?);

    let step = async {
        let (id, code) = draft(&provider, String::new(), sample::VILLAGES_ENTRY).await?;
        submit(&provider, &id).await?;
        Ok((id, format!("{code}, six items, the name sensitive; conditional sharing (有条件共享)")))
    };
    let title = format!("{} catalogues 成都市社区（村）名录 and submits it", PROVIDER.name);
    let villages_id = cast.narrator.step(&title, step).await?;

    let step = async {
        let request = ReturnResourceRequest {
            command_id: new_command_id(),
            resource_id: villages_id.clone(),
            reason: "摘要须写明更新时间".to_owned(),
        };
        answer(authority.resources()?.return_resource(request).await)?;
        let corrected = sample::VILLAGES_ENTRY.replace("区（市）县。", "区（市）县，每年更新。");
        draft(&provider, villages_id.clone(), &corrected).await?;
        submit(&provider, &villages_id).await?;
        Ok(((), "returned: 摘要须写明更新时间; corrected and submitted again".to_owned()))
    };
    cast.narrator.step("The authority returns it for correction (退回)", step).await?;

    let step = async { Ok(((), publish(&authority, &villages_id).await?)) };
    cast.narrator.step("The authority publishes it (发布)", step).await?;

    let step = async {
        let (id, code) = draft(&provider, String::new(), sample::AREAS_ENTRY).await?;
        submit(&provider, &id).await?;
        let version = publish(&authority, &id).await?;
        Ok((id, format!("{code}, unconditional sharing (无条件共享), may be opened; {version}")))
    };
    let areas_id = cast.narrator.step("So it goes with 成都市行政区划", step).await?;
    Ok(Entries { villages_id, areas_id })
}

pub(super) async fn draft(
    provider: &Session,
    id: String,
    json: &str,
) -> anyhow::Result<(String, String)> {
    let description: ResourceDescription = from_json(json)?;
    let request = DraftResourceRequest {
        command_id: new_command_id(),
        resource_id: id,
        description: Some(description),
    };
    let done = answer(provider.resources()?.draft_resource(request).await)?;
    Ok((done.resource_id, done.code))
}

pub(super) async fn submit(provider: &Session, id: &str) -> anyhow::Result<()> {
    let request =
        SubmitResourceRequest { command_id: new_command_id(), resource_id: id.to_owned() };
    answer(provider.resources()?.submit_resource(request).await)?;
    Ok(())
}

pub(super) async fn publish(authority: &Session, id: &str) -> anyhow::Result<String> {
    let request =
        PublishResourceRequest { command_id: new_command_id(), resource_id: id.to_owned() };
    let done = answer(authority.resources()?.publish_resource(request).await)?;
    Ok(format!("version {}", done.version))
}

pub(super) async fn nodes(cast: &mut Cast<'_>, entries: &Entries) -> anyhow::Result<()> {
    let database = cast.fleet.data().join("civil-affairs.sqlite");
    let step = async {
        let rows = sample::load_villages(&database).await?;
        ensure!(rows == 3_047, "the villages' file has 3,047 rows, not {rows}");
        Ok(((), format!("{rows} rows in {}", database.display())))
    };
    cast.narrator
        .step(&format!("{} has its data in its own database", PROVIDER.name), step)
        .await?;

    let datasets = vec![NodeDataset {
        resource_id: entries.villages_id.clone(),
        database: database.clone(),
        table: "villages".to_owned(),
        order_by: vec!["code".to_owned()],
        services: vec![("village", "code")],
        watermark: Some("changed"),
    }];
    let serving = NodeWork { datasets, ..NodeWork::default() };
    let authority = cast.authority()?;
    let fleet = &mut *cast.fleet;
    let step = async {
        fleet.configure_node(&PROVIDER, serving).await?;
        fleet.configure_node(&CONSUMER, NodeWork::default()).await?;
        fleet.nodes_connected(2).await?;
        let nodes = answer(authority.links()?.list_nodes(ListNodesRequest {}).await)?;
        let ids: Vec<_> = nodes.nodes.into_iter().map(|node| node.id).collect();
        ensure!(ids.len() >= 2, "two nodes must be connected, not {}", ids.len());
        Ok(((), ids.join("\n")))
    };
    cast.narrator.step("Both departments' nodes dial out to the bus", step).await.context("nodes")
}
