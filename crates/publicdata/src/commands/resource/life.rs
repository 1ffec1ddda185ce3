//! The life of an entry once it is published: `update`, `suspend`, `resume`, `withdraw`.

use clap::Args;
use jiff::civil::Date;
use publicdata_proto::catalog::v1::{
    RecordResourceUpdateRequest, ResumeResourceRequest, SuspendResourceRequest,
    WithdrawResourceRequest,
};

use super::answer;
use crate::context::Context;

/// Arguments of `update`.
#[derive(Debug, Args)]
pub struct Update {
    /// The entry's id.
    pub id: String,
    /// The day up to which the data are current, such as 2026-03-01.
    #[arg(long)]
    pub current_on: Date,
    /// How many rows the data have now.
    #[arg(long, default_value_t = 0)]
    pub rows: u64,
}

/// Arguments of `suspend` and `withdraw`.
#[derive(Debug, Args)]
pub struct WithReason {
    /// The entry's id.
    pub id: String,
    /// Why; everybody can read it.
    #[arg(long)]
    pub reason: String,
}

pub(super) async fn update(context: &Context, arguments: Update) -> anyhow::Result<()> {
    let request = RecordResourceUpdateRequest {
        command_id: context.command_id(),
        resource_id: arguments.id,
        current_on: arguments.current_on.to_string(),
        rows: arguments.rows,
    };
    let done = answer(context.session()?.resources()?.record_resource_update(request).await)?;
    context.output.record(&done, &[("recorded at", done.sequence.to_string())])
}

pub(super) async fn suspend(context: &Context, arguments: WithReason) -> anyhow::Result<()> {
    let WithReason { id, reason } = arguments;
    let command_id = context.command_id();
    let request = SuspendResourceRequest { command_id, resource_id: id, reason };
    let done = answer(context.session()?.resources()?.suspend_resource(request).await)?;
    context.output.record(&done, &[("suspended at", done.sequence.to_string())])
}

pub(super) async fn resume(context: &Context, id: String) -> anyhow::Result<()> {
    let request = ResumeResourceRequest { command_id: context.command_id(), resource_id: id };
    let done = answer(context.session()?.resources()?.resume_resource(request).await)?;
    context.output.record(&done, &[("resumed at", done.sequence.to_string())])
}

pub(super) async fn withdraw(context: &Context, arguments: WithReason) -> anyhow::Result<()> {
    let WithReason { id, reason } = arguments;
    let command_id = context.command_id();
    let request = WithdrawResourceRequest { command_id, resource_id: id, reason };
    let done = answer(context.session()?.resources()?.withdraw_resource(request).await)?;
    context.output.record(&done, &[("withdrawn at", done.sequence.to_string())])
}
