//! A city with one entry and one grant: all the rows of a provider's Postgres, ready to be fetched.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::ToSpan as _;
use publicdata::commands::grant::{
    Apply, Approve, Limits, Modes, application, signed_issue, terms_of_application,
};
use publicdata::commands::{answer, fetch};
use publicdata::output::from_json;
use publicdata::sample::{
    self, AUTHORITY, CONSUMER, ORGANISATIONS, Organisation, PROVIDER, VILLAGES_ENTRY,
};
use publicdata::session::{CREDENTIALS_FOLDER, Session, new_command_id};
use publicdata_proto::catalog::v1::{
    DraftResourceRequest, Mask, PublishResourceRequest, ResourceDescription, SubmitResourceRequest,
};
use publicdata_proto::exchange::v1::ListNodesRequest;
use publicdata_service_kit::Clock;
use publicdata_types::china_date;
use tokio::time::{Instant, sleep};

use super::role::Player;

const PURPOSE: &str = "社区公共卫生服务网格划分";
const SOON: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// The services, two nodes and a grant. Dropped, all its processes end.
pub(super) struct City {
    grant: String,
    consumer: Session,
    // Nodes end before the services that they are linked to.
    pub(super) provider_node: Player,
    pub(super) consumer_node: Player,
    pub(super) services: Player,
}

impl City {
    /// Settles it in `folder`, over a table `villages` of the database at `url`.
    pub(super) async fn settle(folder: &Path, url: &str) -> anyhow::Result<Self> {
        let data = folder.join("data");
        let log = folder.join("services.log");
        let services = Player::start(&[Path::new("services"), &data], &log)?;
        let authority = Session::open(&data, AUTHORITY.accounts[0].1)?;
        for organisation in &ORGANISATIONS {
            sample::register(&authority, organisation).await?;
            sample::issue(&authority, &data, organisation).await?;
        }
        let provider = Session::open(&data, PROVIDER.accounts[1].1)?;
        let mut consumer = Session::open(&data, CONSUMER.accounts[1].1)?;

        let resource = publish(&provider, &authority).await?;
        let dataset = format!(
            "[[dataset]]\nresource_id = \"{resource}\"\nconnector = \"postgres\"\nurl = \"{url}\"\n\
             table = \"villages\"\norder_by = [\"code\"]\n"
        );
        let consumer_node = node(folder, &consumer, &CONSUMER, "")?;
        let provider_node = node(folder, &provider, &PROVIDER, &dataset)?;
        let (name, _) = CONSUMER.node.context("the consumer has a node")?;
        let key = format!("{}/{name}", CONSUMER.code);
        consumer.endpoints.nodes.insert(key, consumer_node.said.clone());
        until("both nodes are connected", async || {
            let connected = answer(authority.links()?.list_nodes(ListNodesRequest {}).await)?;
            anyhow::ensure!(connected.nodes.len() == 2, "{} are connected", connected.nodes.len());
            Ok(())
        })
        .await
        .with_context(|| format!("the provider's node says: {}", provider_node.last_words()))?;

        let grant = grant(&provider, &consumer, &resource).await?;
        Ok(Self { grant, consumer, provider_node, consumer_node, services })
    }

    /// Fetches everything into a file, through the consumer's node; answers how many rows came.
    pub(super) async fn fetch(&self, target: PathBuf) -> anyhow::Result<u64> {
        let arguments = fetch::Arguments {
            grant: self.grant.clone(),
            fields: Vec::new(),
            purpose: PURPOSE.to_owned(),
            case: String::new(),
            service: String::new(),
            parameters: Vec::new(),
            node: None,
            targets: vec![target],
        };
        Ok(fetch::fetch(&self.consumer, arguments, |_| ()).await?.rows)
    }
}

/// Takes the sample city's entry from draft to publication; its id. No item is masked, so that what is fetched can be
/// compared with the source, byte for byte.
async fn publish(provider: &Session, authority: &Session) -> anyhow::Result<String> {
    let mut description: ResourceDescription = from_json(VILLAGES_ENTRY)?;
    for item in &mut description.items {
        item.mask = Mask::Unspecified.into();
    }
    let request = DraftResourceRequest {
        command_id: new_command_id(),
        resource_id: String::new(),
        description: Some(description),
    };
    let resource_id = answer(provider.resources()?.draft_resource(request).await)?.resource_id;
    let request =
        SubmitResourceRequest { command_id: new_command_id(), resource_id: resource_id.clone() };
    answer(provider.resources()?.submit_resource(request).await)?;
    let request =
        PublishResourceRequest { command_id: new_command_id(), resource_id: resource_id.clone() };
    answer(authority.resources()?.publish_resource(request).await)?;
    Ok(resource_id)
}

/// Starts an organisation's node with these datasets.
fn node(
    folder: &Path,
    session: &Session,
    organisation: &Organisation,
    datasets: &str,
) -> anyhow::Result<Player> {
    let (_, credentials) = organisation.node.context("the organisation has a node")?;
    let data_dir = folder.join(credentials);
    fs::create_dir_all(&data_dir)?;
    let config = data_dir.join("node.toml");
    let text = format!(
        "credentials = \"{}\"\ndata_dir = \"{}\"\n\
         [bus]\naddress = \"{}\"\nserver = \"spiffe://{}/service/exchange-bus\"\n{datasets}",
        folder.join("data").join(CREDENTIALS_FOLDER).join(credentials).display(),
        data_dir.display(),
        session.endpoints.exchange_bus,
        session.endpoints.trust_domain,
    );
    fs::write(&config, text)?;
    Player::start(&[Path::new("node"), &config], &data_dir.join("node.log"))
}

/// Applies for everything and approves it; the grant's id.
async fn grant(provider: &Session, consumer: &Session, resource: &str) -> anyhow::Result<String> {
    let description: ResourceDescription = from_json(VILLAGES_ENTRY)?;
    let today = china_date(Clock::system().now());
    let wanted = Apply {
        resource: resource.to_owned(),
        purpose: PURPOSE.to_owned(),
        legal_basis: "《基本医疗卫生与健康促进法》第十六条".to_owned(),
        fields: description.items.into_iter().map(|item| item.name).collect(),
        filter: String::new(),
        from: today,
        until: today.checked_add(90.days())?,
        modes: Modes::default(),
    };
    let command_id = new_command_id();
    let applied = until("the bus knows the entry", async || {
        let request = application(command_id.clone(), wanted.clone());
        Ok(answer(consumer.grants()?.submit_application(request).await)?)
    })
    .await?;

    let approval = Approve {
        id: applied.grant_id.clone(),
        fields: Vec::new(),
        filter: Some(String::new()),
        limits: Limits::default(),
    };
    let terms = until("the provider sees the application", async || {
        terms_of_application(provider, approval.clone()).await
    })
    .await?;
    let request = signed_issue(provider, new_command_id(), &terms);
    answer(provider.grants()?.issue_grant(request).await)?;
    Ok(applied.grant_id)
}

/// Tries until it succeeds: views follow events a moment later.
async fn until<T>(
    what: &str,
    mut attempt: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + SOON;
    loop {
        match attempt().await {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("not in {SOON:?}: {what}")));
            }
            Err(_) => sleep(POLL).await,
        }
    }
}
