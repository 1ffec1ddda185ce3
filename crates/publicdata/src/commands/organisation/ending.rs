//! `publicdata organisation change` and `close`: what becomes of an organisation.

use clap::Args;
use publicdata_proto::catalog::v1::{ChangeOrganisationRequest, CloseOrganisationRequest, Role};

use super::super::answer;
use super::RoleName;
use crate::context::Context;
use crate::session::Session;

/// Arguments of `change`. What is not named is kept.
#[derive(Debug, Args)]
pub struct Change {
    /// The organisation's code; it never changes.
    pub code: String,
    /// Name from now on.
    #[arg(long, default_value = "")]
    pub name: String,
    /// Administrative division from now on (行政区划代码), six digits.
    #[arg(long, default_value = "")]
    pub region: String,
    /// Revision of GB/T 2260 that the division's code is of, a year; by default the one that the platform knows.
    #[arg(long, default_value = "")]
    pub region_revision: String,
    /// What it may do from now on; may be given several times.
    #[arg(long = "role", value_enum)]
    pub roles: Vec<RoleName>,
    /// Why, such as 区划调整 or 机构改革.
    #[arg(long)]
    pub reason: String,
}

/// Arguments of `close`.
#[derive(Debug, Args)]
pub struct Close {
    /// The organisation's code.
    pub code: String,
    /// Who takes over its functions, by its code.
    #[arg(long, default_value = "")]
    pub successor: String,
    /// Why.
    #[arg(long)]
    pub reason: String,
}

pub(super) async fn change(
    context: &Context,
    session: &Session,
    arguments: Change,
) -> anyhow::Result<()> {
    let request = ChangeOrganisationRequest {
        command_id: context.command_id(),
        code: arguments.code,
        name: arguments.name,
        region_code: arguments.region,
        region_revision: arguments.region_revision,
        roles: arguments.roles.into_iter().map(|role| Role::from(role).into()).collect(),
        reason: arguments.reason,
    };
    let done = answer(session.organisations()?.change_organisation(request).await)?;
    context.output.record(&done, &[("changed at", done.sequence.to_string())])
}

pub(super) async fn close(
    context: &Context,
    session: &Session,
    arguments: Close,
) -> anyhow::Result<()> {
    let request = CloseOrganisationRequest {
        command_id: context.command_id(),
        code: arguments.code,
        successor_code: arguments.successor,
        reason: arguments.reason,
    };
    let done = answer(session.organisations()?.close_organisation(request).await)?;
    context.output.record(&done, &[("closed at", done.sequence.to_string())])
}
