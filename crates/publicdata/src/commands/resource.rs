//! `publicdata catalog`: catalogue entries.

mod life;
mod show;
mod tree;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, PublishResourceRequest, ResourceDescription, ReturnResourceRequest,
    SubmitResourceRequest,
};

use super::answer;
use super::search::{self, Search};
use crate::context::Context;
use crate::output::{from_json, print_line};

/// What `publicdata catalog --help` ends with: the way that an entry goes.
pub const GUIDE: &str = "\
The life of an entry, and who takes each step (编目、审核、发布、修订、暂停、撤销):

  provider   catalog template > entry.json          start from an example, and fill it in
  provider   catalog classes                        find its class (类、项、目)
  provider   catalog draft entry.json               write a draft; mistakes are named by field, all at once
  provider   catalog submit ID                      hand it to the authority
  authority  catalog diff ID                        see what a revision changes
  authority  catalog publish ID                     publish it, or:
  authority  catalog return ID --reason …           return it for correction
  provider   catalog draft entry.json --id ID       revise it: what is published holds until the next version is
  provider   catalog update ID --current-on …       record that the data were updated, as the update cycle asks
  either     catalog suspend ID --reason …          take it out of use for a time; whoever did so ends it:
  either     catalog resume ID
  either     catalog withdraw ID --reason …         take it out of use for good; its code is never given again

Everybody reads: search, show, versions, diff, history; drafts are for their provider and the authority over it.
`show --valid-on DAY --as-of MOMENT` says what held on a day, as it was believed at a moment.
Choose who acts with --as, such as `--as civil-affairs`; `--output json` prints for machines.";

/// What can be done with catalogue entries.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print an example of a description, to start one's own from.
    Template,
    /// List the classification tree, with how many published entries lie below each node (分类).
    Classes(tree::Classes),
    /// Write a draft, from a description in JSON (see `template`) (编目).
    Draft {
        /// The description, in JSON; `-` reads it from standard input.
        file: PathBuf,
        /// The entry to write over; a new one without it.
        #[arg(long, default_value = "")]
        id: String,
    },
    /// Hand a draft to the authority for review (提交审核).
    Submit {
        /// The entry's id.
        id: String,
    },
    /// Return a submitted entry to its provider (退回).
    Return {
        /// The entry's id.
        id: String,
        /// What must be corrected.
        #[arg(long)]
        reason: String,
    },
    /// Publish a submitted entry (发布).
    Publish {
        /// The entry's id.
        id: String,
    },
    /// Record that the data of a published entry were updated (更新登记).
    Update(life::Update),
    /// Take a published entry out of use for a time (暂停).
    Suspend(life::WithReason),
    /// Put a suspended entry back into use (恢复).
    Resume {
        /// The entry's id.
        id: String,
    },
    /// Take an entry out of use for good; its code is never given again (撤销).
    Withdraw(life::WithReason),
    /// Search entries by words, pinyin or code, and count what can be chosen (检索).
    Search(Box<Search>),
    /// Show one entry, by id or code: now, at a past moment, or as it held on a day.
    Show(show::Show),
    /// List the versions of an entry that were published (版本).
    Versions {
        /// The entry's id.
        id: String,
    },
    /// Say field by field what a version, or the draft under review, says otherwise than the one before (差异).
    Diff(show::Diff),
    /// List what happened to an entry, when and by whom (变更记录).
    History(show::History),
    /// Add a node to the classification tree, or name it anew; the city's authority does (分类命名).
    NameClass(tree::Name),
    /// Build the search index anew from the first event on (重建索引). Called by the city's authority.
    Reindex,
    /// Show how far the search index has come (索引状态). Called by the city's authority.
    IndexStatus,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Template => print_line(include_str!("../sample/villages.json").trim_end()),
        Command::Classes(arguments) => tree::list(context, arguments).await,
        Command::NameClass(arguments) => tree::name(context, arguments).await,
        Command::Draft { file, id } => draft(context, &file, id).await,
        Command::Submit { id } => {
            let command_id = context.command_id();
            let request = SubmitResourceRequest { command_id, resource_id: id };
            let mut resources = context.session()?.resources()?;
            let done = answer(resources.submit_resource(request).await)?;
            context.output.record(&done, &[("submitted at", done.sequence.to_string())])
        }
        Command::Return { id, reason } => {
            let command_id = context.command_id();
            let request = ReturnResourceRequest { command_id, resource_id: id, reason };
            let mut resources = context.session()?.resources()?;
            let done = answer(resources.return_resource(request).await)?;
            context.output.record(&done, &[("returned at", done.sequence.to_string())])
        }
        Command::Publish { id } => {
            let command_id = context.command_id();
            let request = PublishResourceRequest { command_id, resource_id: id };
            let mut resources = context.session()?.resources()?;
            let done = answer(resources.publish_resource(request).await)?;
            context.output.record(&done, &[("version", done.version.to_string())])
        }
        Command::Update(arguments) => life::update(context, arguments).await,
        Command::Suspend(arguments) => life::suspend(context, arguments).await,
        Command::Resume { id } => life::resume(context, id).await,
        Command::Withdraw(arguments) => life::withdraw(context, arguments).await,
        Command::Search(arguments) => search::search(context, *arguments).await,
        Command::Reindex => search::reindex(context).await,
        Command::IndexStatus => search::index_status(context).await,
        Command::Show(arguments) => show::show(context, arguments).await,
        Command::Versions { id } => show::versions(context, id).await,
        Command::Diff(arguments) => show::diff(context, arguments).await,
        Command::History(arguments) => show::history(context, arguments).await,
    }
}

async fn draft(context: &Context, file: &Path, id: String) -> anyhow::Result<()> {
    let text = read(file)?;
    let description: ResourceDescription =
        from_json(&text).with_context(|| format!("{} is no description", file.display()))?;
    let request = DraftResourceRequest {
        command_id: context.command_id(),
        resource_id: id,
        description: Some(description),
    };
    let done = answer(context.session()?.resources()?.draft_resource(request).await)?;
    let lines = [("id", done.resource_id.clone()), ("code", done.code.clone())];
    context.output.record(&done, &lines)
}

fn read(file: &Path) -> anyhow::Result<String> {
    let text = match file == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    text.with_context(|| format!("cannot read {}", file.display()))
}
