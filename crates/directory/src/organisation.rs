//! An organisation, as a row and on the wire.

use std::collections::BTreeSet;

use jiff::civil::Date;
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::{Account, Actor, OrganisationCode, RegionCode, RegionRevision, Role};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// What every service knows of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its unified social credit code.
    pub code: OrganisationCode,
    /// Its name.
    pub name: String,
    /// Its administrative division.
    pub region: RegionCode,
    /// What it takes part as.
    pub roles: BTreeSet<Role>,
    /// Who is responsible for its data security, if anybody is named (R43.1).
    pub security_officer: Option<Account>,
    /// The revision of GB/T 2260 that the division's code is of, if that was said.
    pub region_revision: Option<RegionRevision>,
    /// How it ceased to be, if it did.
    pub closed: Option<Closed>,
    /// The SPIFFE ids of service providers' accounts whose agreements are over (R44.1).
    pub barred: BTreeSet<String>,
}

/// How an organisation ceased to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When.
    pub on: Date,
    /// Who took over its functions, if anybody did.
    pub successor: Option<OrganisationCode>,
}

impl Organisation {
    /// A principal of this organisation.
    #[must_use]
    pub fn actor(&self, id: String) -> Actor {
        Actor { id, organisation: self.code, roles: self.roles.clone(), region: self.region }
    }

    pub(crate) fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let officer: Option<&str> = row.try_get("security_officer_account")?;
        let barred: &str = row.try_get("barred")?;
        let closed = match optional(row, "closed_on")? {
            Some(on) => Some(Closed { on, successor: optional(row, "successor_code")? }),
            None => None,
        };
        Ok(Self {
            code: parsed(row, "code")?,
            name: row.try_get("name")?,
            region: parsed(row, "region_code")?,
            roles: roles_from_text(row.try_get("roles")?),
            security_officer: officer
                .map(str::parse)
                .transpose()
                .map_err(|source| unreadable("security_officer_account", source))?,
            region_revision: optional(row, "region_revision")?,
            closed,
            barred: barred.split_whitespace().map(ToOwned::to_owned).collect(),
        })
    }
}

/// A role, as messages name it.
#[must_use]
pub const fn role_to_wire(role: Role) -> wire::Role {
    match role {
        Role::Authority => wire::Role::Authority,
        Role::Provider => wire::Role::Provider,
        Role::Consumer => wire::Role::Consumer,
        Role::LeadDepartment => wire::Role::LeadDepartment,
        Role::ExpertCommittee => wire::Role::ExpertCommittee,
        Role::Auditor => wire::Role::Auditor,
    }
}

/// The role that a message names. `None` for none, and for one that is newer than this program: it gives no right here.
#[must_use]
pub fn role_from_wire(number: i32) -> Option<Role> {
    Role::ALL.into_iter().find(|role| role_to_wire(*role) as i32 == number)
}

pub(crate) fn roles_to_text(roles: impl IntoIterator<Item = Role>) -> String {
    let words: BTreeSet<&str> = roles.into_iter().map(|role| role.as_str()).collect();
    Vec::from_iter(words).join(" ")
}

fn roles_from_text(text: &str) -> BTreeSet<Role> {
    text.split(' ').filter_map(|word| word.parse().ok()).collect()
}

fn parsed<T>(row: &AnyRow, column: &'static str) -> Result<T, sqlx::Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|source| unreadable(column, source))
}

/// A value that may be left out, as an empty text.
fn optional<T>(row: &AnyRow, column: &'static str) -> Result<Option<T>, sqlx::Error>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    match row.try_get(column)? {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|source| unreadable(column, source)),
    }
}

fn unreadable(column: &str, source: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) }
}
