//! `publicdata init`: the trust that a new fleet begins with.

use clap::Args;
use publicdata_identity::{
    CertificateAuthority, CredentialRequest, SpiffeId, TrustDomain, Validity,
};
use publicdata_service_kit::Clock;
use publicdata_types::{OrganisationCode, RegionCode};

use crate::context::Context;
use crate::session::CREDENTIALS_FOLDER;

/// Folder of the certificate authority below a fleet's data folder.
pub const AUTHORITY_FOLDER: &str = "ca";
/// Name of the first authority's credentials.
pub const FIRST_AUTHORITY: &str = "authority";
/// What the bus and the event store of a district's tier are called: these, and the division's code.
pub const DISTRICT_SERVICES: [&str; 2] = ["exchange-bus", "nats"];
/// The services of a fleet, by the names in their certificates; and who makes its backups, which is a command that is run.
pub const SERVICES: [&str; 6] =
    ["catalog", "exchange-bus", "open-data", "audit", "recovery", "nats"];

const ROOT_DAYS: u16 = 3650;
const LEAF_DAYS: u16 = 365;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Trust domain that all certificates name.
    #[arg(long, default_value = "chengdu.internal")]
    pub domain: TrustDomain,
    /// Unified social credit code of the first authority, which then registers itself.
    #[arg(long)]
    pub authority: OrganisationCode,
    /// The account there that registers it.
    #[arg(long, default_value = "admin-01")]
    pub account: String,
    /// A district whose tier has a bus and an event store of its own (市县分级交换), such as 510104; may be repeated. Their credentials are
    /// made, to be brought there.
    #[arg(long = "district")]
    pub districts: Vec<RegionCode>,
}

/// Makes what is missing: a folder that was begun is completed.
///
/// # Errors
/// The folder cannot be written, or what is there is damaged.
pub fn run(context: &Context, arguments: Arguments) -> anyhow::Result<()> {
    let data = &context.global.data;
    let clock = Clock::system();
    prepare(data, &clock, &arguments)?;
    let text = format!(
        "trust domain {} in {}\nnext: publicdata up --data {0}",
        arguments.domain,
        data.display(),
    );
    context
        .output
        .value(&serde_json::json!({ "data": data, "domain": arguments.domain.as_str() }), text)
}

/// Makes the certificate authority, the services' credentials and the first authority's account, where they are missing.
///
/// # Errors
/// The folder cannot be written, or what is there is damaged.
pub fn prepare(
    data: &std::path::Path,
    clock: &Clock,
    arguments: &Arguments,
) -> anyhow::Result<CertificateAuthority> {
    let folder = data.join(AUTHORITY_FOLDER);
    let authority = match folder.join("ca.key").exists() {
        true => CertificateAuthority::open(&folder)?,
        false => CertificateAuthority::create(
            &folder,
            arguments.domain.clone(),
            validity(clock, ROOT_DAYS)?,
        )?,
    };
    for service in SERVICES {
        let id = SpiffeId::service(authority.domain(), service)?;
        issue(data, clock, &authority, service, &id)?;
    }
    for district in &arguments.districts {
        for service in DISTRICT_SERVICES {
            let name = district_service(service, district);
            let id = SpiffeId::service(authority.domain(), &name)?;
            issue(data, clock, &authority, &name, &id)?;
        }
    }
    let id = SpiffeId::user(authority.domain(), arguments.authority, &arguments.account)?;
    issue(data, clock, &authority, FIRST_AUTHORITY, &id)?;
    Ok(authority)
}

/// The name of a service of a district's tier.
#[must_use]
pub fn district_service(service: &str, district: &RegionCode) -> String {
    format!("{service}-{district}")
}

fn issue(
    data: &std::path::Path,
    clock: &Clock,
    authority: &CertificateAuthority,
    name: &str,
    id: &SpiffeId,
) -> anyhow::Result<()> {
    let folder = data.join(CREDENTIALS_FOLDER).join(name);
    if folder.exists() {
        return Ok(());
    }
    let keys = CredentialRequest::generate()?;
    let issued = authority.issue(id, keys.request(), validity(clock, LEAF_DAYS)?)?;
    keys.complete(&issued)?.save(&folder)?;
    Ok(())
}

/// TLS goes by the machine's clock, and the services by theirs, which may have been moved: certificates are valid by both.
fn validity(clock: &Clock, days: u16) -> anyhow::Result<Validity> {
    let (moved, machine) = (clock.now(), Clock::system().now());
    let end = Validity::days(moved.max(machine), days)?.not_after();
    Ok(Validity::new(moved.min(machine), end)?)
}
