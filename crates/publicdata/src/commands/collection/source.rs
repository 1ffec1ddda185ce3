//! Who is the source of what: claims, contests, conflicts.

use clap::{Args, ValueEnum};
use publicdata_proto::catalog::v1::{
    ClaimSourceRequest, ContestSourceRequest, ContestWinner, DataSource, ListContestsRequest,
    ListSourceConflictsRequest, ListSourcesRequest, ReleaseSourceRequest, SettleContestRequest,
    SourceConflict, SourceContest,
};

use crate::commands::{answer, short, time_text};
use crate::context::Context;

/// Arguments of `claim`.
#[derive(Debug, Args)]
pub struct Claim {
    /// The resource's id; it is published, and says what its rows are about.
    pub resource: String,
    /// The identifier of an item; may be given several times. All items without it.
    #[arg(long = "item")]
    pub items: Vec<String>,
    /// In what the items differ from those that merely look like them.
    #[arg(long, default_value = "")]
    pub difference: String,
}

/// Arguments of `release`.
#[derive(Debug, Args)]
pub struct Release {
    /// The resource's id.
    pub resource: String,
    /// The identifier of an item; may be given several times. All that are claimed without it.
    #[arg(long = "item")]
    pub items: Vec<String>,
    /// Why.
    #[arg(long)]
    pub reason: String,
}

/// Arguments of `sources`.
#[derive(Debug, Args)]
pub struct Sources {
    /// Only those of this entity; its synonyms count.
    #[arg(long, default_value = "")]
    pub entity: String,
    /// Only those of this provider.
    #[arg(long, default_value = "")]
    pub provider: String,
    /// Only those of this resource, by its id.
    #[arg(long, default_value = "")]
    pub resource: String,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Arguments of `contest`.
#[derive(Debug, Args)]
pub struct Contest {
    /// The id of one's own resource that would be the source.
    pub resource: String,
    /// The identifier of its item.
    pub item: String,
    /// The code of the resource whose claim is contested, as the refusal named it.
    #[arg(long)]
    pub against: String,
    /// The identifier of the item that is claimed there; the same as one's own without it.
    #[arg(long)]
    pub held: Option<String>,
    /// On which grounds.
    #[arg(long)]
    pub grounds: String,
}

/// Arguments of `settle`.
#[derive(Debug, Args)]
pub struct Settle {
    /// The contest's id.
    pub contest: String,
    /// Who is the source.
    #[arg(long, value_enum)]
    pub winner: Winner,
    /// Why.
    #[arg(long)]
    pub reason: String,
}

/// Arguments of `contests`.
#[derive(Debug, Args)]
pub struct Contests {
    /// Also those that wait for nobody any more.
    #[arg(long)]
    pub all: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Who is the source, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Winner {
    /// Whoever held the claim.
    Holder,
    /// Whoever contested it.
    Challenger,
}

pub(super) async fn claim(context: &Context, arguments: Claim) -> anyhow::Result<()> {
    let request = ClaimSourceRequest {
        command_id: context.command_id(),
        resource_id: arguments.resource,
        items: arguments.items,
        difference: arguments.difference,
    };
    let done = answer(context.session()?.sources()?.claim_source(request).await)?;
    let rows = done.sources.iter().map(source).collect();
    context.output.table(&done, &SOURCE, rows)
}

pub(super) async fn release(context: &Context, arguments: Release) -> anyhow::Result<()> {
    let request = ReleaseSourceRequest {
        command_id: context.command_id(),
        resource_id: arguments.resource,
        items: arguments.items,
        reason: arguments.reason,
    };
    let done = answer(context.session()?.sources()?.release_source(request).await)?;
    context.output.record(&done, &[("released at", done.sequence.to_string())])
}

pub(super) async fn sources(context: &Context, arguments: Sources) -> anyhow::Result<()> {
    let request = ListSourcesRequest {
        entity: arguments.entity,
        provider_code: arguments.provider,
        resource_id: arguments.resource,
        page_size: arguments.page_size,
        page_token: arguments.page_token,
    };
    let page = answer(context.session()?.sources()?.list_sources(request).await)?;
    let rows = page.sources.iter().map(source).collect();
    context.output.table(&page, &SOURCE, rows)
}

pub(super) async fn conflicts(context: &Context, entity: String) -> anyhow::Result<()> {
    let request = ListSourceConflictsRequest { entity };
    let found = answer(context.session()?.sources()?.list_source_conflicts(request).await)?;
    let rows = found.conflicts.iter().map(conflict).collect();
    let header = ["claimed first", "by", "claimed later", "by", "because"];
    context.output.table(&found, &header, rows)
}

pub(super) async fn contest(context: &Context, arguments: Contest) -> anyhow::Result<()> {
    let request = ContestSourceRequest {
        command_id: context.command_id(),
        resource_id: arguments.resource,
        holder_item: arguments.held.unwrap_or_else(|| arguments.item.clone()),
        item: arguments.item,
        holder_resource_code: arguments.against,
        grounds: arguments.grounds,
    };
    let done = answer(context.session()?.sources()?.contest_source(request).await)?;
    context.output.record(&done, &[("contest", done.contest_id.clone())])
}

pub(super) async fn settle(context: &Context, arguments: Settle) -> anyhow::Result<()> {
    let winner = match arguments.winner {
        Winner::Holder => ContestWinner::Holder,
        Winner::Challenger => ContestWinner::Challenger,
    };
    let request = SettleContestRequest {
        command_id: context.command_id(),
        contest_id: arguments.contest,
        winner: winner.into(),
        reason: arguments.reason,
    };
    let done = answer(context.session()?.sources()?.settle_contest(request).await)?;
    context.output.record(&done, &[("settled at", done.sequence.to_string())])
}

pub(super) async fn contests(context: &Context, arguments: Contests) -> anyhow::Result<()> {
    let request = ListContestsRequest {
        all: arguments.all,
        page_size: arguments.page_size,
        page_token: arguments.page_token,
    };
    let page = answer(context.session()?.sources()?.list_contests(request).await)?;
    let rows = page.contests.iter().map(disputed).collect();
    let header = ["id", "challenger", "holder", "grounds", "since", "stands"];
    context.output.table(&page, &header, rows)
}

const SOURCE: [&str; 5] = ["entity", "item", "identifier", "resource", "provider"];

fn source(source: &DataSource) -> Vec<String> {
    vec![
        source.entity.clone(),
        source.item_title.clone(),
        source.item_name.clone(),
        source.resource_code.clone(),
        source.provider_code.clone(),
    ]
}

fn named(source: Option<&DataSource>) -> String {
    source
        .map(|source| format!("{} {}", source.resource_code, source.item_title))
        .unwrap_or_default()
}

fn conflict(conflict: &SourceConflict) -> Vec<String> {
    let provider = |source: Option<&DataSource>| {
        source.map(|source| source.provider_code.clone()).unwrap_or_default()
    };
    vec![
        named(conflict.first.as_ref()),
        provider(conflict.first.as_ref()),
        named(conflict.second.as_ref()),
        provider(conflict.second.as_ref()),
        conflict.explanation.clone(),
    ]
}

fn disputed(contest: &SourceContest) -> Vec<String> {
    let stands = match (contest.open, contest.winner()) {
        (true, _) => "open".to_owned(),
        (false, ContestWinner::Unspecified) => format!("lapsed: {}", contest.reason),
        (false, winner) => {
            let winner = short(winner.as_str_name(), "CONTEST_WINNER_");
            format!("for the {winner}: {}", contest.reason)
        }
    };
    vec![
        contest.id.clone(),
        named(contest.challenger.as_ref()),
        named(contest.holder.as_ref()),
        contest.grounds.clone(),
        time_text(contest.contested_at),
        stands,
    ]
}
