//! `publicdata grant`: applications, and what providers grant.

mod limits;
mod modes;
mod renew;
mod told;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use publicdata_identity::Signer;
use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{GetResourceRequest, Resource};
use publicdata_proto::exchange::v1::grant_service_client::GrantServiceClient;
use publicdata_proto::exchange::v1::{
    FieldRules, FilterItem, GetGrantRequest, GrantTerms, GrantedField, IssueGrantRequest,
    ListGrantsRequest, RefuseApplicationRequest, RevokeGrantRequest, SubmitApplicationRequest,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_transfer::signed;

use super::answer;
use crate::context::Context;
use crate::session::{Session, new_command_id};
pub use limits::Limits;
pub use modes::{Mode, Modes};

/// What can be done with applications and grants.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply for a conditionally shared resource (申请).
    Apply(Apply),
    /// Apply for the same once more, for another period (续期).
    Renew(renew::Renew),
    /// Approve an application: sign the terms and issue the grant (授权).
    Approve(Approve),
    /// Offer an unconditionally shared resource to every registered consumer (无条件共享).
    Offer(Offer),
    /// Refuse an application; the law asks for a legal basis (拒绝).
    Refuse {
        /// The application's id.
        id: String,
        /// The law, regulation or rule that the refusal rests on.
        #[arg(long)]
        legal_basis: String,
        /// The reason.
        #[arg(long)]
        reason: String,
    },
    /// End a grant, and stop its running transfers (撤销).
    Revoke {
        /// The grant's id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Show one application or grant.
    Show {
        /// Its id.
        id: String,
    },
    /// List the applications and grants that you may see, newest first.
    List {
        /// Only those of this resource (id).
        #[arg(long, default_value = "")]
        resource: String,
        /// Only those in force that end within so many days, to be renewed in time.
        #[arg(long, value_name = "DAYS")]
        ending_within: Option<u16>,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
        /// Where to go on, as the page before said.
        #[arg(long, default_value = "")]
        page_token: String,
    },
}

/// Arguments of `apply`.
#[derive(Clone, Debug, Args)]
pub struct Apply {
    /// The resource's id.
    #[arg(long)]
    pub resource: String,
    /// What the data is for.
    #[arg(long)]
    pub purpose: String,
    /// The legal basis of the use.
    #[arg(long)]
    pub legal_basis: String,
    /// The fields wanted, with commas between.
    #[arg(long, value_delimiter = ',', required = true)]
    pub fields: Vec<String>,
    /// The rows wanted, such as "areaCode = '510104'"; all rows without it.
    #[arg(long, default_value = "")]
    pub filter: String,
    /// First day.
    #[arg(long)]
    pub from: Date,
    /// Last day.
    #[arg(long)]
    pub until: Date,
    /// How it shall be delivered.
    #[command(flatten)]
    pub modes: Modes,
}

/// Arguments of `approve`.
#[derive(Clone, Debug, Args)]
pub struct Approve {
    /// The application's id.
    pub id: String,
    /// The fields granted, with commas between; all that were asked for without it.
    #[arg(long, value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Of the rows asked for, those granted; all of them without it.
    #[arg(long)]
    pub filter: Option<String>,
    /// How often and how much.
    #[command(flatten)]
    pub limits: Limits,
}

/// Arguments of `offer`.
#[derive(Clone, Debug, Args)]
pub struct Offer {
    /// The resource's id.
    #[arg(long)]
    pub resource: String,
    /// What the data may be used for.
    #[arg(long, default_value = "履行职责")]
    pub purpose: String,
    /// First day.
    #[arg(long)]
    pub from: Date,
    /// Last day.
    #[arg(long)]
    pub until: Date,
    /// How often and how much each consumer may use it.
    #[command(flatten)]
    pub limits: Limits,
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    let mut grants = session.grants()?;
    let command_id = context.command_id();
    match command {
        Command::Apply(arguments) => {
            submit(context, &mut grants, application(command_id, arguments)).await
        }
        Command::Renew(arguments) => {
            let found = GetGrantRequest { grant_id: arguments.id.clone() };
            let found = answer(grants.get_grant(found).await)?.grant.unwrap_or_default();
            let request = renew::application(command_id, found, &arguments);
            submit(context, &mut grants, request).await
        }
        Command::Approve(arguments) => {
            let terms = terms_of_application(&session, arguments).await?;
            issue(context, &session, command_id, &terms).await
        }
        Command::Offer(arguments) => {
            let terms = terms_of_offer(&session, arguments).await?;
            issue(context, &session, command_id, &terms).await
        }
        Command::Refuse { id, legal_basis, reason } => {
            let request =
                RefuseApplicationRequest { command_id, grant_id: id, legal_basis, reason };
            let done = answer(grants.refuse_application(request).await)?;
            context.output.record(&done, &[("refused at", done.sequence.to_string())])
        }
        Command::Revoke { id, reason } => {
            let request = RevokeGrantRequest { command_id, grant_id: id, reason };
            let done = answer(grants.revoke_grant(request).await)?;
            let lines = [
                ("revoked at", done.sequence.to_string()),
                ("transfers stopped", done.stopped_transfers.to_string()),
            ];
            context.output.record(&done, &lines)
        }
        Command::Show { id } => {
            let found = answer(grants.get_grant(GetGrantRequest { grant_id: id }).await)?;
            let grant = found.grant.clone().unwrap_or_default();
            context.output.record(&found, &told::lines(&grant))
        }
        Command::List { resource, ending_within, page_size, page_token } => {
            let request = ListGrantsRequest {
                resource_id: resource,
                page_size,
                page_token,
                ends_before: ending_within.map(renew::days_from_now),
                ..ListGrantsRequest::default()
            };
            let page = answer(grants.list_grants(request).await)?;
            let rows = page.grants.iter().map(told::row).collect();
            let header = ["id", "status", "resource", "provider", "consumer", "fields", "purpose"];
            context.output.table(&page, &header, rows)
        }
    }
}

async fn submit(
    context: &Context,
    grants: &mut GrantServiceClient<Channel>,
    request: SubmitApplicationRequest,
) -> anyhow::Result<()> {
    let done = answer(grants.submit_application(request).await)?;
    let due = done.deadline.as_ref().map(|deadline| deadline.due_on.clone());
    let lines = [("id", done.grant_id.clone()), ("answer due on", due.unwrap_or_default())];
    context.output.record(&done, &lines)
}

/// The request of an application.
#[must_use]
pub fn application(command_id: String, arguments: Apply) -> SubmitApplicationRequest {
    SubmitApplicationRequest {
        command_id,
        resource_id: arguments.resource,
        purpose: arguments.purpose,
        legal_basis: arguments.legal_basis,
        fields: arguments.fields,
        row_filter: arguments.filter,
        delivery_modes: arguments.modes.to_wire(),
        valid_from: arguments.from.to_string(),
        valid_until: arguments.until.to_string(),
        renews_grant_id: String::new(),
    }
}

/// The terms that answer an application: what was asked for, or less.
///
/// # Errors
/// The application or its resource cannot be read, or a field is not in the catalogue.
pub async fn terms_of_application(
    session: &Session,
    arguments: Approve,
) -> anyhow::Result<GrantTerms> {
    let request = GetGrantRequest { grant_id: arguments.id };
    let found = answer(session.grants()?.get_grant(request).await)?;
    let application = found.grant.context("the bus answered without a grant")?;
    let resource = published(session, &application.resource_id).await?;
    let fields = match arguments.fields.is_empty() {
        true => &application.fields,
        false => &arguments.fields,
    };
    let row_filter = narrowed(&application.row_filter, arguments.filter.as_deref());
    Ok(GrantTerms {
        grant_id: application.id.clone(),
        resource_id: application.resource_id.clone(),
        resource_code: application.resource_code.clone(),
        provider_code: application.provider_code.clone(),
        consumer_code: application.consumer_code.clone(),
        fields: granted(&resource, fields)?,
        filter_items: filter_items(&resource, &row_filter),
        row_filter,
        purpose: application.purpose.clone(),
        delivery_modes: application.delivery_modes.clone(),
        valid_from: Some(start_of(application.valid_from.parse()?)?),
        valid_until: Some(start_of(application.valid_until.parse::<Date>()?.tomorrow()?)?),
        max_rows: arguments.limits.max_rows,
        max_total_rows: arguments.limits.max_total_rows,
        rate: arguments.limits.rate,
    })
}

/// What was asked for, and of that what the provider grants: a grant never gives more rows than the application names.
fn narrowed(asked: &str, granted: Option<&str>) -> String {
    match (asked, granted) {
        (asked, None | Some("")) => asked.to_owned(),
        ("", Some(granted)) => granted.to_owned(),
        (asked, Some(granted)) => format!("({asked}) AND ({granted})"),
    }
}

/// The terms of a standing offer: every item of an unconditionally shared resource, to everyone registered.
///
/// # Errors
/// The resource cannot be read.
pub async fn terms_of_offer(session: &Session, arguments: Offer) -> anyhow::Result<GrantTerms> {
    let resource = published(session, &arguments.resource).await?;
    let description = resource.description.clone().unwrap_or_default();
    let names: Vec<_> = description.items.iter().map(|item| item.name.clone()).collect();
    Ok(GrantTerms {
        grant_id: new_command_id(),
        resource_id: resource.id.clone(),
        resource_code: resource.code.clone(),
        provider_code: description.provider_code.clone(),
        consumer_code: String::new(),
        fields: granted(&resource, &names)?,
        row_filter: String::new(),
        filter_items: Vec::new(),
        purpose: arguments.purpose,
        delivery_modes: description.delivery_modes,
        valid_from: Some(start_of(arguments.from)?),
        valid_until: Some(start_of(arguments.until.tomorrow()?)?),
        max_rows: arguments.limits.max_rows,
        max_total_rows: arguments.limits.max_total_rows,
        rate: arguments.limits.rate,
    })
}

/// The request that issues these terms, signed with the caller's key.
#[must_use]
pub fn signed_issue(
    session: &Session,
    command_id: String,
    terms: &GrantTerms,
) -> IssueGrantRequest {
    let signer = Signer::from(&session.credentials);
    IssueGrantRequest { command_id, grant: Some(signed::sign(&signer, terms)) }
}

async fn issue(
    context: &Context,
    session: &Session,
    command_id: String,
    terms: &GrantTerms,
) -> anyhow::Result<()> {
    let request = signed_issue(session, command_id, terms);
    let done = answer(session.grants()?.issue_grant(request).await)?;
    context.output.record(&done, &[("grant", terms.grant_id.clone())])
}

async fn published(session: &Session, id: &str) -> anyhow::Result<Resource> {
    let request = GetResourceRequest {
        key: Some(Key::ResourceId(id.to_owned())),
        ..GetResourceRequest::default()
    };
    let found = answer(session.resources()?.get_resource(request).await)?;
    found.resource.context("the catalogue answered without an entry")
}

fn granted(resource: &Resource, names: &[String]) -> anyhow::Result<Vec<GrantedField>> {
    let description = resource.description.clone().unwrap_or_default();
    let field = |name: &String| {
        let item = description.items.iter().find(|item| item.name == *name).with_context(|| {
            format!("resource {} has no item {name} in the catalogue", resource.code)
        })?;
        Ok(GrantedField {
            name: item.name.clone(),
            r#type: item.r#type,
            mask: item.mask,
            mask_parameters: item.mask_parameters.clone(),
            rules: Some(FieldRules {
                required: item.required,
                length: item.length,
                quality: item.quality.clone(),
            }),
        })
    };
    names.iter().map(field).collect()
}

/// The items that occur as words in the filter: all that it names, and perhaps some that are words of its texts. What the
/// filter means, the bus and the provider's node say.
fn filter_items(resource: &Resource, row_filter: &str) -> Vec<FilterItem> {
    let is_word = |name: &str| {
        let mut words = row_filter.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.any(|word| word.eq_ignore_ascii_case(name))
    };
    let items = resource.description.iter().flat_map(|description| &description.items);
    items
        .filter(|item| is_word(&item.name))
        .map(|item| FilterItem { name: item.name.clone(), r#type: item.r#type })
        .collect()
}

/// The first moment of a day in China.
fn start_of(day: Date) -> anyhow::Result<prost_types::Timestamp> {
    let midnight = day.to_datetime(jiff::civil::Time::midnight());
    let start = jiff::tz::Offset::constant(8).to_timestamp(midnight)?;
    Ok(prost_types::Timestamp { seconds: start.as_second(), nanos: 0 })
}
