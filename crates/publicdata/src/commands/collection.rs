//! `publicdata collection`: who collects what, and who is the source of what.

mod source;
pub mod vocabulary;

use clap::{Args, Subcommand};
use publicdata_proto::catalog::v1::{
    AllowCollectionRequest, CheckCollectionRequest, CollectedItem, EndCollectionPlanRequest,
    Likeness, ListCollectionPlansRequest, RegisterCollectionPlanRequest, RegisteredPlan,
};

use super::{answer, short};
use crate::context::Context;

/// What can be done about collection and sources.
///
/// Before collecting: `check` says what is to be had already, `plan` registers what is not. As a provider: `claim` the items
/// that one is the source of; where another is, `contest` puts it to the authority, which decides with `settle`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See what items that one means to collect are like, without registering anything (采集查重).
    Check(Asked),
    /// Register what one's organisation means to collect (采集计划); refused if it is to be had by sharing.
    Plan(Plan),
    /// End a plan before its last day.
    End {
        /// The plan's id.
        plan: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Let an organisation collect what is to be had; the authority over it does this.
    Allow(Allow),
    /// List plans: of one's organisation, or of one's region as an authority.
    Plans(Plans),
    /// Claim to be the source of items of a published resource (一数一源).
    Claim(source::Claim),
    /// Give claims up, or end those of an organisation that one is the authority over.
    Release(source::Release),
    /// List who is the source of what.
    Sources(source::Sources),
    /// List sources that a synonym declared since makes the same; an authority does this.
    Conflicts {
        /// Only those of this entity.
        #[arg(long, default_value = "")]
        entity: String,
    },
    /// Put to the authority who is the source (异议).
    Contest(source::Contest),
    /// Decide a contest, as the authority over both parties.
    Settle(source::Settle),
    /// List contests that one is a party to, or the authority over a party.
    Contests(source::Contests),
    /// The names that mean the same (同义词), which likeness rests on.
    #[command(subcommand)]
    Vocabulary(vocabulary::Command),
}

/// Items of an entity.
#[derive(Debug, Args)]
pub struct Asked {
    /// What the data are about (数据对象), such as 自然人.
    #[arg(long)]
    pub entity: String,
    /// An item: its title, or `identifier=title`; may be given several times.
    #[arg(long = "item", required = true)]
    pub items: Vec<String>,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// What is to be collected.
    #[command(flatten)]
    pub asked: Asked,
    /// What for.
    #[arg(long)]
    pub purpose: String,
    /// By which law (采集依据).
    #[arg(long)]
    pub legal_basis: String,
    /// How (采集方式): by form, by survey, by sensor.
    #[arg(long)]
    pub method: String,
    /// The first day; today without it.
    #[arg(long, default_value = "")]
    pub from: String,
    /// The last day.
    #[arg(long)]
    pub until: String,
    /// In what the items differ from those that merely look like them.
    #[arg(long, default_value = "")]
    pub difference: String,
}

/// Arguments of `allow`.
#[derive(Debug, Args)]
pub struct Allow {
    /// Who may collect, by its unified social credit code.
    #[arg(long)]
    pub organisation: String,
    /// What.
    #[command(flatten)]
    pub asked: Asked,
    /// Why, although it is to be had.
    #[arg(long)]
    pub reason: String,
}

/// Arguments of `plans`.
#[derive(Debug, Args)]
pub struct Plans {
    /// Only those of this organisation.
    #[arg(long, default_value = "")]
    pub organisation: String,
    /// Only those about this entity; its synonyms count.
    #[arg(long, default_value = "")]
    pub entity: String,
    /// Also those that are no longer in force.
    #[arg(long)]
    pub all: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    pub page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    pub page_token: String,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check(asked) => check(context, asked).await,
        Command::Plan(arguments) => plan(context, arguments).await,
        Command::End { plan: plan_id, reason } => {
            let command_id = context.command_id();
            let request = EndCollectionPlanRequest { command_id, plan_id, reason };
            let mut collection = context.session()?.collection()?;
            let done = answer(collection.end_collection_plan(request).await)?;
            context.output.record(&done, &[("ended at", done.sequence.to_string())])
        }
        Command::Allow(arguments) => allow(context, arguments).await,
        Command::Plans(arguments) => plans(context, arguments).await,
        Command::Claim(arguments) => source::claim(context, arguments).await,
        Command::Release(arguments) => source::release(context, arguments).await,
        Command::Sources(arguments) => source::sources(context, arguments).await,
        Command::Conflicts { entity } => source::conflicts(context, entity).await,
        Command::Contest(arguments) => source::contest(context, arguments).await,
        Command::Settle(arguments) => source::settle(context, arguments).await,
        Command::Contests(arguments) => source::contests(context, arguments).await,
        Command::Vocabulary(command) => vocabulary::run(context, command).await,
    }
}

async fn check(context: &Context, asked: Asked) -> anyhow::Result<()> {
    let request = CheckCollectionRequest { items: asked.collected(), entity: asked.entity };
    let found = answer(context.session()?.collection()?.check_collection(request).await)?;
    let rows = found.likenesses.iter().map(likeness).collect();
    let header = ["item", "is like", "of", "sharing", "to be had from", "because", "so"];
    context.output.table(&found, &header, rows)
}

async fn plan(context: &Context, arguments: Plan) -> anyhow::Result<()> {
    let request = RegisterCollectionPlanRequest {
        command_id: context.command_id(),
        items: arguments.asked.collected(),
        entity: arguments.asked.entity,
        purpose: arguments.purpose,
        legal_basis: arguments.legal_basis,
        method: arguments.method,
        from: arguments.from,
        until: arguments.until,
        difference: arguments.difference,
    };
    let done = answer(context.session()?.collection()?.register_collection_plan(request).await)?;
    context.output.record(&done, &[("plan", done.plan_id.clone())])
}

async fn allow(context: &Context, arguments: Allow) -> anyhow::Result<()> {
    let request = AllowCollectionRequest {
        command_id: context.command_id(),
        organisation_code: arguments.organisation,
        items: arguments.asked.collected(),
        entity: arguments.asked.entity,
        reason: arguments.reason,
    };
    let done = answer(context.session()?.collection()?.allow_collection(request).await)?;
    context.output.record(&done, &[("allowed at", done.sequence.to_string())])
}

async fn plans(context: &Context, arguments: Plans) -> anyhow::Result<()> {
    let request = ListCollectionPlansRequest {
        organisation_code: arguments.organisation,
        entity: arguments.entity,
        all: arguments.all,
        page_size: arguments.page_size,
        page_token: arguments.page_token,
    };
    let page = answer(context.session()?.collection()?.list_collection_plans(request).await)?;
    let rows = page.plans.iter().map(registered).collect();
    let header = ["id", "organisation", "entity", "items", "purpose", "until", "stands"];
    context.output.table(&page, &header, rows)
}

impl Asked {
    fn collected(&self) -> Vec<CollectedItem> {
        let item = |text: &String| match text.split_once('=') {
            Some((name, title)) => CollectedItem { title: title.to_owned(), name: name.to_owned() },
            None => CollectedItem { title: text.clone(), name: String::new() },
        };
        self.items.iter().map(item).collect()
    }
}

fn likeness(like: &Likeness) -> Vec<String> {
    let so = match (like.refuses, like.plan_id.is_empty()) {
        (true, true) => "apply for it (publicdata grant apply)",
        (true, false) => "ask whoever collects it",
        (false, _) => "say in what it differs (--difference)",
    };
    vec![
        like.item.clone(),
        like.known_item.clone(),
        if like.plan_id.is_empty() { &like.resource_code } else { &like.plan_id }.clone(),
        short(like.sharing_type().as_str_name(), "SHARING_TYPE_").replace("unspecified", ""),
        like.organisation_name.clone(),
        like.explanation.clone(),
        so.to_owned(),
    ]
}

fn registered(registered: &RegisteredPlan) -> Vec<String> {
    let plan = registered.plan.clone().unwrap_or_default();
    let titles: Vec<String> = plan.items.into_iter().map(|item| item.title).collect();
    let stands = match (registered.in_force, registered.end_reason.as_str()) {
        (true, _) => "in force".to_owned(),
        (false, "") => "over".to_owned(),
        (false, reason) => format!("ended: {reason}"),
    };
    vec![
        registered.id.clone(),
        registered.organisation_name.clone(),
        plan.entity,
        titles.join("、"),
        plan.purpose,
        plan.until,
        stands,
    ]
}
