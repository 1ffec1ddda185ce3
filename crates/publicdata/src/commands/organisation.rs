//! `publicdata organisation`: who takes part.

pub mod agreement;
pub mod ending;
pub mod import;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use publicdata_identity::CredentialRequest;
use publicdata_proto::catalog::v1::issue_certificate_request::Subject;
use publicdata_proto::catalog::v1::{
    AppointSecurityOfficerRequest, GetOrganisationRequest, IssueCertificateRequest,
    IssueCertificateResponse, ListOrganisationsRequest, Organisation, RegisterOrganisationRequest,
    Role,
};

use super::{answer, short};
use crate::context::Context;
use crate::session::{CREDENTIALS_FOLDER, Session};

/// What can be done with organisations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register an organisation; an authority over its region does this.
    Register(Register),
    /// Register organisations from a table, .xlsx or .csv, row by row; what is wrong is reported, the rest is taken (导入).
    Import(import::Import),
    /// Change an organisation's name, division or roles (变更); an authority over both divisions does this.
    Change(ending::Change),
    /// Close an organisation that was dissolved (撤销); its users and nodes are refused from then on.
    Close(ending::Close),
    /// Agreements with technical service providers (技术服务单位), and what ends with them.
    #[command(subcommand)]
    Agreement(agreement::Command),
    /// Name who is responsible for an organisation's data security (数据安全责任人).
    AppointOfficer(AppointOfficer),
    /// Make keys and have certificates issued for them: for an account or for a node.
    Issue(Issue),
    /// Show one organisation.
    Show {
        /// Unified social credit code (统一社会信用代码).
        code: String,
    },
    /// List organisations.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
        /// Where to go on, as the page before said.
        #[arg(long, default_value = "")]
        page_token: String,
    },
}

/// Arguments of `register`.
#[derive(Debug, Args)]
pub struct Register {
    /// Unified social credit code (统一社会信用代码); its check digit must be right.
    #[arg(long)]
    pub code: String,
    /// Name.
    #[arg(long)]
    pub name: String,
    /// Administrative division (行政区划代码), six digits: 510100 is Chengdu, 510104 Jinjiang district.
    #[arg(long)]
    pub region: String,
    /// Revision of GB/T 2260 that the division's code is of, a year; by default the one that the platform knows.
    #[arg(long, default_value = "")]
    pub region_revision: String,
    /// What it may do; may be given several times.
    #[arg(long = "role", value_enum, required = true)]
    pub roles: Vec<RoleName>,
}

/// Arguments of `appoint-officer`.
#[derive(Debug, Args)]
pub struct AppointOfficer {
    /// The organisation's code.
    #[arg(long)]
    pub organisation: String,
    /// The officer's account there: an opaque id, not a person's name.
    #[arg(long)]
    pub account: String,
}

/// Arguments of `issue`.
#[derive(Debug, Args)]
pub struct Issue {
    /// The organisation's code.
    #[arg(long)]
    pub organisation: String,
    /// An account of the organisation.
    #[arg(long, conflicts_with = "node", required_unless_present = "node")]
    pub account: Option<String>,
    /// A data service node of the organisation (数据服务节点).
    #[arg(long)]
    pub node: Option<String>,
    /// The agreement with the service provider whose account this is: the certificates end with it (服务协议).
    #[arg(long, default_value = "", conflicts_with = "node")]
    pub agreement: String,
    /// Folder for keys and certificates; by default one below the fleet's folder.
    #[arg(long)]
    pub folder: Option<PathBuf>,
}

/// A role, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// 公共数据主管部门.
    Authority,
    /// 提供部门.
    Provider,
    /// 使用部门.
    Consumer,
    /// 牵头建设部门.
    LeadDepartment,
    /// 专家咨询委员会.
    ExpertCommittee,
    /// 监督检查机构.
    Auditor,
}

// === impl RoleName ===

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Authority => Self::Authority,
            RoleName::Provider => Self::Provider,
            RoleName::Consumer => Self::Consumer,
            RoleName::LeadDepartment => Self::LeadDepartment,
            RoleName::ExpertCommittee => Self::ExpertCommittee,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    match command {
        Command::Register(arguments) => {
            let request = RegisterOrganisationRequest {
                command_id: context.command_id(),
                code: arguments.code,
                name: arguments.name,
                region_code: arguments.region,
                roles: arguments.roles.into_iter().map(|role| Role::from(role).into()).collect(),
                region_revision: arguments.region_revision,
                validate_only: false,
            };
            let done = answer(session.organisations()?.register_organisation(request).await)?;
            context.output.record(&done, &[("registered at", done.sequence.to_string())])
        }
        Command::Import(arguments) => import::run(context, arguments).await,
        Command::Change(arguments) => ending::change(context, &session, arguments).await,
        Command::Close(arguments) => ending::close(context, &session, arguments).await,
        Command::Agreement(command) => agreement::run(context, &session, command).await,
        Command::AppointOfficer(arguments) => {
            let request = AppointSecurityOfficerRequest {
                command_id: context.command_id(),
                organisation_code: arguments.organisation,
                account: arguments.account,
            };
            let done = answer(session.organisations()?.appoint_security_officer(request).await)?;
            context.output.record(&done, &[("appointed at", done.sequence.to_string())])
        }
        Command::Issue(arguments) => issue(context, &session, arguments).await,
        Command::Show { code } => {
            let request = GetOrganisationRequest { code };
            let found = answer(session.organisations()?.get_organisation(request).await)?;
            let organisation = found.organisation.clone().unwrap_or_default();
            context.output.record(&found, &lines(&organisation))
        }
        Command::List { page_size, page_token } => {
            let request = ListOrganisationsRequest { page_size, page_token };
            let page = answer(session.organisations()?.list_organisations(request).await)?;
            let rows = page.organisations.iter().map(row).collect();
            let header = ["code", "name", "region", "roles", "officer", "closed on"];
            context.output.table(&page, &header, rows)
        }
    }
}

async fn issue(context: &Context, session: &Session, arguments: Issue) -> anyhow::Result<()> {
    let (subject, name) = match (arguments.node, arguments.account) {
        (Some(node), _) => (Subject::NodeName(node.clone()), node),
        (None, Some(account)) => (Subject::Account(account.clone()), account),
        (None, None) => anyhow::bail!("name an --account or a --node"),
    };
    let folder = arguments.folder.unwrap_or_else(|| {
        let name = format!("{}-{name}", arguments.organisation);
        context.global.data.join(CREDENTIALS_FOLDER).join(name)
    });
    anyhow::ensure!(
        !folder.exists(),
        "{} exists already; keys are never overwritten: name another --folder, or remove it",
        folder.display()
    );
    let request = IssueCertificateRequest {
        command_id: context.command_id(),
        organisation_code: arguments.organisation,
        subject: Some(subject),
        agreement_id: arguments.agreement,
        ..IssueCertificateRequest::default()
    };
    let issued = certify(session, request, &folder).await?;
    let folder = folder.display().to_string();
    context.output.record(&issued, &[("credentials in", folder)])
}

/// Makes keys, has them certified and writes the credentials folder.
///
/// # Errors
/// The catalogue refused, or the folder cannot be written.
pub async fn issue_into(
    session: &Session,
    command_id: String,
    organisation: &str,
    subject: Subject,
    folder: &std::path::Path,
) -> anyhow::Result<IssueCertificateResponse> {
    let request = IssueCertificateRequest {
        command_id,
        organisation_code: organisation.to_owned(),
        subject: Some(subject),
        ..IssueCertificateRequest::default()
    };
    certify(session, request, folder).await
}

/// The same for a request that lacks its keys alone.
async fn certify(
    session: &Session,
    request: IssueCertificateRequest,
    folder: &std::path::Path,
) -> anyhow::Result<IssueCertificateResponse> {
    let keys = CredentialRequest::generate()?;
    let request = IssueCertificateRequest {
        tls_request: keys.request().tls.clone(),
        signing_request: keys.request().signing.clone(),
        ..request
    };
    let issued = answer(session.organisations()?.issue_certificate(request).await)?;
    keys.complete_with_der(
        &issued.root_certificate,
        &issued.tls_certificate,
        &issued.signing_certificate,
    )
    .and_then(|credentials| credentials.save(folder))
    .with_context(|| format!("cannot write {}", folder.display()))?;
    Ok(issued)
}

fn row(organisation: &Organisation) -> Vec<String> {
    vec![
        organisation.code.clone(),
        organisation.name.clone(),
        organisation.region_code.clone(),
        roles(organisation),
        organisation.security_officer_account.clone(),
        organisation.closed_on.clone(),
    ]
}

fn lines(organisation: &Organisation) -> [(&'static str, String); 8] {
    [
        ("code", organisation.code.clone()),
        ("name", organisation.name.clone()),
        ("region", organisation.region_code.clone()),
        ("roles", roles(organisation)),
        ("security officer", organisation.security_officer_account.clone()),
        ("region revision", organisation.region_revision.clone()),
        ("closed on", organisation.closed_on.clone()),
        ("successor", organisation.successor_code.clone()),
    ]
}

fn roles(organisation: &Organisation) -> String {
    let names: Vec<_> =
        organisation.roles().map(|role| short(role.as_str_name(), "ROLE_")).collect();
    names.join(", ")
}
