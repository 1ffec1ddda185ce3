//! A small city to begin with: an authority, two departments with a node each, and an auditor.
//!
//! The organisations' names are real, their codes are made up (with valid check digits), and so are the accounts.

use std::path::Path;

use publicdata_identity::TrustDomain;
use publicdata_proto::catalog::v1::issue_certificate_request::Subject;
use publicdata_proto::catalog::v1::{
    AppointSecurityOfficerRequest, RegisterOrganisationRequest, Role,
};
use publicdata_types::OrganisationCode;
use sqlx::Connection as _;
use uuid::Uuid;

use crate::commands::organisation::issue_into;
use crate::commands::{answer, init};
use crate::session::{CREDENTIALS_FOLDER, Session};

/// Chengdu's administrative division.
pub const CITY_REGION: &str = "510100";
/// Communities and villages of Chengdu; source and licence in `deploy/data/README.md`.
pub const VILLAGES_CSV: &str = include_str!("../../../deploy/data/chengdu-villages.csv");
/// Districts and counties of Chengdu; source and licence in `deploy/data/README.md`.
pub const AREAS_CSV: &str = include_str!("../../../deploy/data/chengdu-areas.csv");
/// The catalogue entry of the villages, without its id.
pub const VILLAGES_ENTRY: &str = include_str!("sample/villages.json");
/// The catalogue entry of the districts, without its id.
pub const AREAS_ENTRY: &str = include_str!("sample/areas.json");

/// An organisation of the sample city.
#[derive(Clone, Copy, Debug)]
pub struct Organisation {
    /// Unified social credit code.
    pub code: &'static str,
    /// Name.
    pub name: &'static str,
    /// Roles.
    pub roles: &'static [Role],
    /// Accounts, the security officer's first, each with the name of its credentials.
    pub accounts: &'static [(&'static str, &'static str)],
    /// Its node's name and the name of its credentials, if it has one.
    pub node: Option<(&'static str, &'static str)>,
}

/// 公共数据主管部门.
pub const AUTHORITY: Organisation = Organisation {
    code: "11510100MB0000019Q",
    name: "成都市大数据和电子政务管理办公室",
    roles: &[Role::Authority],
    accounts: &[("admin-01", init::FIRST_AUTHORITY)],
    node: None,
};

/// 提供部门.
pub const PROVIDER: Organisation = Organisation {
    code: "11510100MB0000027K",
    name: "成都市民政局",
    roles: &[Role::Provider, Role::Consumer],
    accounts: &[
        ("officer-01", "civil-affairs-officer"),
        ("catalog-01", "civil-affairs"),
        ("review-01", "civil-affairs-reviewer"),
    ],
    node: Some(("node-1", "civil-affairs-node")),
};

/// 使用部门.
pub const CONSUMER: Organisation = Organisation {
    code: "11510100MB0000035E",
    name: "成都市卫生健康委员会",
    roles: &[Role::Consumer],
    accounts: &[("officer-01", "health-officer"), ("system-01", "health")],
    node: Some(("node-1", "health-node")),
};

/// Supervision.
pub const AUDITOR: Organisation = Organisation {
    code: "11510100MB00000439",
    name: "成都市审计局",
    roles: &[Role::Auditor],
    accounts: &[("officer-01", "auditor-officer"), ("audit-01", "auditor")],
    node: None,
};

/// The sample city's organisations, the authority first.
pub const ORGANISATIONS: [Organisation; 4] = [AUTHORITY, PROVIDER, CONSUMER, AUDITOR];

/// What `publicdata init` is told for the sample city.
///
/// # Errors
/// Never, as the constants above are valid.
pub fn init_arguments() -> anyhow::Result<init::Arguments> {
    Ok(init::Arguments {
        domain: "chengdu.internal".parse::<TrustDomain>()?,
        authority: AUTHORITY.code.parse::<OrganisationCode>()?,
        account: AUTHORITY.accounts[0].0.to_owned(),
        districts: Vec::new(),
    })
}

/// Registers an organisation and its security officer. Safe to repeat: the commands' ids follow from the organisation.
///
/// # Errors
/// The catalogue refused.
pub async fn register(session: &Session, organisation: &Organisation) -> anyhow::Result<()> {
    let mut organisations = session.organisations()?;
    let request = RegisterOrganisationRequest {
        command_id: command_id(organisation.code, "register"),
        code: organisation.code.to_owned(),
        name: organisation.name.to_owned(),
        region_code: CITY_REGION.to_owned(),
        roles: organisation.roles.iter().map(|role| (*role).into()).collect(),
        ..RegisterOrganisationRequest::default()
    };
    answer(organisations.register_organisation(request).await)?;
    let request = AppointSecurityOfficerRequest {
        command_id: command_id(organisation.code, "appoint-officer"),
        organisation_code: organisation.code.to_owned(),
        account: organisation.accounts[0].0.to_owned(),
    };
    answer(organisations.appoint_security_officer(request).await)?;
    Ok(())
}

/// Has certificates issued for the organisation's accounts and node, where they are missing.
///
/// # Errors
/// The catalogue refused, or a folder cannot be written.
pub async fn issue(
    session: &Session,
    data: &Path,
    organisation: &Organisation,
) -> anyhow::Result<u32> {
    let accounts = organisation
        .accounts
        .iter()
        .map(|(account, name)| (Subject::Account((*account).to_owned()), *name));
    let node =
        organisation.node.iter().map(|(node, name)| (Subject::NodeName((*node).to_owned()), *name));

    let mut issued = 0;
    for (subject, name) in accounts.chain(node) {
        let folder = data.join(CREDENTIALS_FOLDER).join(name);
        if !folder.exists() {
            // Lost keys are replaced by new ones: each attempt is a command of its own.
            let command_id = crate::session::new_command_id();
            issue_into(session, command_id, organisation.code, subject, &folder).await?;
            issued += 1;
        }
    }
    Ok(issued)
}

/// Loads the villages into a department's own SQLite database, once; says how many rows there are.
///
/// # Errors
/// The database cannot be written.
pub async fn load_villages(path: &Path) -> anyhow::Result<u64> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS villages (code TEXT PRIMARY KEY, name TEXT NOT NULL, \
         streetCode TEXT NOT NULL, provinceCode TEXT NOT NULL, cityCode TEXT NOT NULL, \
         areaCode TEXT NOT NULL, changed INTEGER NOT NULL)",
    )
    .execute(&mut connection)
    .await?;

    let mut transaction = connection.begin().await?;
    let mut rows = 0;
    for record in csv::Reader::from_reader(VILLAGES_CSV.as_bytes()).records() {
        let record = record?;
        let mut insert =
            sqlx::query("INSERT OR REPLACE INTO villages VALUES ($1, $2, $3, $4, $5, $6, 0)");
        for value in &record {
            insert = insert.bind(value.to_owned());
        }
        insert.execute(&mut *transaction).await?;
        rows += 1;
    }
    transaction.commit().await?;
    connection.close().await?;
    Ok(rows)
}

/// Corrects the name of a village in the department's own database.
///
/// # Errors
/// The database cannot be written.
pub async fn correct_village(path: &Path, code: &str, name: &str) -> anyhow::Result<()> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
    let update = "UPDATE villages SET name = $2, changed = (SELECT max(changed) + 1 FROM villages) \
                  WHERE code = $1";
    sqlx::query(update).bind(code).bind(name).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// A command's id that follows from what it does, so that a repeat is recognised.
#[must_use]
pub fn command_id(organisation: &str, step: &str) -> String {
    Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("publicdata:sample/{organisation}/{step}").as_bytes(),
    )
    .to_string()
}
