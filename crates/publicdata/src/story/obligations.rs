//! A law changes: whom it affects has 15 working days, is warned, and says by which entry it followed.

use anyhow::{Context as _, ensure};
use publicdata_proto::catalog::v1::{
    FulfilObligationRequest, FulfilObligationResponse, Obligation, ObligationState,
};
use publicdata_service_kit::holidays;

use super::exchange::eventually;
use super::preparation::{self, Entries};
use super::{Cast, refused};
use crate::commands::change::{Kind, Record, record};
use crate::commands::{answer, obligation};
use crate::sample::{self, AUTHORITY, PROVIDER};
use crate::session::{Session, new_command_id};

/// Article 14.
const WORKING_DAYS: u32 = 15;
/// How many working days ahead of the last one a warning comes.
const WARNED_AHEAD: u32 = 3;

pub(super) async fn follow_a_law(cast: &mut Cast<'_>, entries: &Entries) -> anyhow::Result<()> {
    let id = change(cast).await?;
    warning(cast).await?;
    fulfilment(cast, entries, &id).await
}

/// A law changes today; the id of the obligation that follows.
async fn change(cast: &mut Cast<'_>) -> anyhow::Result<String> {
    let (authority, provider) = (cast.authority()?, cast.provider()?);
    let calendar = holidays::load(None)?;
    let today = publicdata_types::china_date(cast.fleet.clock().now());

    let step = async {
        let change = law("《四川省数据条例》修订", today);
        let done = record(&authority, new_command_id(), change).await?;
        let due = done.deadline.context("a change has a limit")?;
        let counted = calendar.due(today, WORKING_DAYS);
        ensure!(due.due_on == counted.on.to_string(), "{} is not 15 working days on", due.due_on);
        let said = format!(
            "due on {} (15 个工作日, counted from {today} by calendar {}{})",
            due.due_on,
            due.calendar_version,
            if due.provisional {
                ", provisional until next year's holidays are announced"
            } else {
                ""
            }
        );
        Ok((done.change_id, said))
    };
    let title = format!("{} records that a law was revised, and whom it affects", AUTHORITY.name);
    let change = cast.narrator.step(&title, step).await?;

    let step = async {
        let open = opened(&provider, &change).await?;
        ensure!(
            open.state() == ObligationState::Open && !open.warned,
            "it has only begun: {open:?}"
        );
        Ok((
            open.id.clone(),
            format!("{} must bring its catalogue up to date", open.organisation_name),
        ))
    };
    let title = format!("{} finds the obligation that follows", PROVIDER.name);
    cast.narrator.step(&title, step).await
}

/// A law changed so long ago that three working days are left.
async fn warning(cast: &mut Cast<'_>) -> anyhow::Result<()> {
    let (authority, provider) = (cast.authority()?, cast.provider()?);
    let calendar = holidays::load(None)?;
    let today = publicdata_types::china_date(cast.fleet.clock().now());

    let step = async {
        let last = calendar.due(today, WARNED_AHEAD).on;
        let began = calendar.working_days_before(last, WORKING_DAYS);
        let done = record(&authority, new_command_id(), law("《统计法》修订", began)).await?;
        let open = opened(&provider, &done.change_id).await?;
        let due = open.deadline.clone().unwrap_or_default();
        ensure!(open.warned && due.due_on == last.to_string(), "it must warn at once: {open:?}");
        Ok(((), format!("a law of {began}, due on {}: three working days are left", due.due_on)))
    };
    cast.narrator.step("Of a law that was recorded late it is warned at once (预警)", step).await
}

async fn fulfilment(cast: &mut Cast<'_>, entries: &Entries, id: &str) -> anyhow::Result<()> {
    let (authority, provider) = (cast.authority()?, cast.provider()?);

    let step = async {
        let early = fulfil(&provider, id, vec![], "").await.map(drop);
        let said = refused(early, "FULFILMENT_EMPTY")?;
        let revised = sample::AREAS_ENTRY.replace("代码和名称。", "代码和名称，依据现行标准。");
        ensure!(revised != sample::AREAS_ENTRY, "the revision must change something");
        preparation::draft(&provider, entries.areas_id.clone(), &revised).await?;
        preparation::submit(&provider, &entries.areas_id).await?;
        let version = preparation::publish(&authority, &entries.areas_id).await?;
        let done = fulfil(&provider, id, vec![entries.areas_id.clone()], "").await?;
        let met = done.obligation.unwrap_or_default();
        ensure!(
            met.state() == ObligationState::Met && !met.late,
            "it must be met in time: {met:?}"
        );
        Ok(((), format!("{said}\nmet on {} by {version} of 成都市行政区划", met.met_on)))
    };
    let title = "Saying nothing does not count; a revision that is published does (履行)";
    cast.narrator.step(title, step).await
}

fn law(title: &str, effective_on: jiff::civil::Date) -> Record {
    Record {
        kind: Kind::Law,
        title: title.to_owned(),
        description: "目录须写明所依据的现行标准".to_owned(),
        effective_on,
        organisations: vec![PROVIDER.code.to_owned()],
    }
}

/// The obligation that follows from a change, once it is there.
async fn opened(provider: &Session, change: &str) -> anyhow::Result<Obligation> {
    eventually(async || {
        let arguments =
            obligation::List { cause: change.to_owned(), page_size: 2, ..Default::default() };
        let found = obligation::list(provider, arguments).await?.obligations;
        ensure!(found.len() == 1, "a change opens one obligation on each, not {}", found.len());
        found.into_iter().next().context("it has just been counted")
    })
    .await
}

async fn fulfil(
    provider: &Session,
    id: &str,
    resource_ids: Vec<String>,
    note: &str,
) -> anyhow::Result<FulfilObligationResponse> {
    let request = FulfilObligationRequest {
        command_id: new_command_id(),
        obligation_id: id.to_owned(),
        resource_ids,
        note: note.to_owned(),
    };
    Ok(answer(provider.obligations()?.fulfil_obligation(request).await)?)
}
