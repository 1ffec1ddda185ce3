//! A city with entries and a grant for each: all the rows of tables of a provider's Postgres, ready to be fetched or asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::ToSpan as _;
use publicdata::commands::grant::{
    Apply, Approve, Limits, Mode, Modes, application, signed_issue, terms_of_application,
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

use super::memory::Watch;
use super::role::Player;

pub(super) const PURPOSE: &str = "社区公共卫生服务网格划分";
const SOON: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Stands in an offer's configuration for the entry's id.
pub(super) const RESOURCE: &str = "RESOURCE";

/// What the provider offers.
pub(super) struct Offer {
    /// Its catalogue entry.
    pub(super) entry: ResourceDescription,
    /// What the provider's node is told of it: datasets and services, with [`RESOURCE`] in place of the entry's id.
    pub(super) configuration: String,
    /// How the grant allows it to be delivered.
    pub(super) modes: Vec<Mode>,
}

/// The services, two nodes and a grant for each offer. Dropped, all its processes end.
pub(super) struct City {
    /// In the order of the offers.
    pub(super) grants: Vec<String>,
    pub(super) authority: Session,
    pub(super) provider: Session,
    pub(super) consumer: Session,
    /// In the order of the offers.
    resources: Vec<String>,
    /// Where the services keep everything.
    pub(super) data: PathBuf,
    // Nodes end before the services that they are linked to.
    pub(super) provider_node: Player,
    pub(super) consumer_node: Player,
    pub(super) services: Player,
}

impl City {
    /// Settles it in `folder`.
    pub(super) async fn settle(folder: &Path, offers: &[Offer]) -> anyhow::Result<Self> {
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

        let (mut resources, mut configuration) = (Vec::new(), String::new());
        for offer in offers {
            let resource = publish(&provider, &authority, &offer.entry).await?;
            configuration += &offer.configuration.replace(RESOURCE, &resource);
            resources.push(resource);
        }
        let consumer_node = node(folder, &consumer, &CONSUMER, "")?;
        let provider_node = node(folder, &provider, &PROVIDER, &configuration)?;
        let (name, _) = CONSUMER.node.context("the consumer has a node")?;
        let key = format!("{}/{name}", CONSUMER.code);
        consumer.endpoints.nodes.insert(key, consumer_node.said.clone());
        connected(&authority, 2)
            .await
            .with_context(|| format!("the provider's node says: {}", provider_node.last_words()))?;

        let mut grants = Vec::new();
        for (offer, resource) in offers.iter().zip(&resources) {
            grants.push(grant(&provider, &consumer, offer, resource).await?);
        }
        Ok(Self {
            grants,
            authority,
            provider,
            consumer,
            resources,
            data,
            provider_node,
            consumer_node,
            services,
        })
    }

    /// Grants once more what one of the offers gives; the grant's id.
    pub(super) async fn grant(&self, number: usize, offer: &Offer) -> anyhow::Result<String> {
        grant(&self.provider, &self.consumer, offer, &self.resources[number]).await
    }

    /// Starts the consumer's node anew, with this besides in its configuration.
    pub(super) fn restart_consumer(
        &mut self,
        folder: &Path,
        configuration: &str,
    ) -> anyhow::Result<()> {
        self.consumer_node.dismiss();
        self.consumer_node = node(folder, &self.consumer, &CONSUMER, configuration)?;
        let (name, _) = CONSUMER.node.context("the consumer has a node")?;
        let key = format!("{}/{name}", CONSUMER.code);
        self.consumer.endpoints.nodes.insert(key, self.consumer_node.said.clone());
        Ok(())
    }

    /// Fetches everything that one of the grants gives into a file; answers how many rows came.
    pub(super) async fn fetch(&self, offer: usize, target: PathBuf) -> anyhow::Result<u64> {
        fetch(self.consumer.clone(), self.grants[offer].clone(), target).await
    }

    /// Tells the watch which processes these are, and to forget what they took for earlier figures.
    pub(super) fn name(&self, watch: &Watch) {
        watch.name_anew(self.services.process(), "services");
        watch.name_anew(self.provider_node.process(), "provider's node");
        watch.name_anew(self.consumer_node.process(), "consumer's node");
    }

    /// Credentials of somebody of the city, by their name.
    pub(super) fn credentials(&self, name: &str) -> PathBuf {
        self.data.join(CREDENTIALS_FOLDER).join(name)
    }
}

/// Fetches everything that the grant gives into a file, through the consumer's node; answers how many rows came.
pub(super) async fn fetch(
    consumer: Session,
    grant: String,
    target: PathBuf,
) -> anyhow::Result<u64> {
    Ok(fetch::fetch(&consumer, fetching(grant, target), |_| ()).await?.rows)
}

/// What is fetched: everything that a grant gives.
pub(super) fn fetching(grant: String, target: PathBuf) -> fetch::Arguments {
    fetch::Arguments {
        grant,
        fields: Vec::new(),
        purpose: PURPOSE.to_owned(),
        case: String::new(),
        service: String::new(),
        parameters: Vec::new(),
        node: None,
        targets: vec![target],
    }
}

/// Waits until so many nodes are connected to the bus.
pub(super) async fn connected(authority: &Session, nodes: usize) -> anyhow::Result<()> {
    until("all nodes are connected, and no more", async || {
        let connected = answer(authority.links()?.list_nodes(ListNodesRequest {}).await)?;
        let found = connected.nodes.len();
        anyhow::ensure!(found == nodes, "{found} are connected, not {nodes}");
        Ok(())
    })
    .await
}

impl Offer {
    /// A table of the database at `url` with the columns of the sample city's villages, ordered by their code.
    pub(super) fn villages(url: &str, table: &str, modes: &[Mode]) -> anyhow::Result<Self> {
        let mut entry: ResourceDescription = from_json(VILLAGES_ENTRY)?;
        // No item is masked, so that what is fetched can be compared with the source, byte for byte.
        for item in &mut entry.items {
            item.mask = Mask::Unspecified.into();
        }
        Ok(Self { entry, configuration: dataset(url, table, "code"), modes: modes.to_vec() })
    }
}

/// The part of a node's configuration that says where an entry's rows are.
pub(super) fn dataset(url: &str, table: &str, order_by: &str) -> String {
    let order_by: Vec<String> = order_by.split(',').map(|column| format!("\"{column}\"")).collect();
    format!(
        "[[dataset]]\nresource_id = \"{RESOURCE}\"\nconnector = \"postgres\"\nurl = \"{url}\"\n\
         table = \"{table}\"\norder_by = [{}]\n",
        order_by.join(", ")
    )
}

/// Takes an entry from draft to publication; its id.
async fn publish(
    provider: &Session,
    authority: &Session,
    entry: &ResourceDescription,
) -> anyhow::Result<String> {
    let request = DraftResourceRequest {
        command_id: new_command_id(),
        resource_id: String::new(),
        description: Some(entry.clone()),
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

/// Starts an organisation's node with these datasets and services.
fn node(
    folder: &Path,
    session: &Session,
    organisation: &Organisation,
    configuration: &str,
) -> anyhow::Result<Player> {
    let (_, credentials) = organisation.node.context("the organisation has a node")?;
    let data_dir = folder.join(credentials);
    fs::create_dir_all(&data_dir)?;
    let config = data_dir.join("node.toml");
    let text = format!(
        "credentials = \"{}\"\ndata_dir = \"{}\"\n\
         [bus]\naddress = \"{}\"\nserver = \"spiffe://{}/service/exchange-bus\"\n{configuration}",
        folder.join("data").join(CREDENTIALS_FOLDER).join(credentials).display(),
        data_dir.display(),
        session.endpoints.exchange_bus,
        session.endpoints.trust_domain,
    );
    fs::write(&config, text)?;
    Player::start(&[Path::new("node"), &config], &data_dir.join("node.log"))
}

/// Applies for everything that is offered and approves it; the grant's id.
async fn grant(
    provider: &Session,
    consumer: &Session,
    offer: &Offer,
    resource: &str,
) -> anyhow::Result<String> {
    let today = china_date(Clock::system().now());
    let wanted = Apply {
        resource: resource.to_owned(),
        purpose: PURPOSE.to_owned(),
        legal_basis: "《基本医疗卫生与健康促进法》第十六条".to_owned(),
        fields: offer.entry.items.iter().map(|item| item.name.clone()).collect(),
        filter: String::new(),
        from: today,
        until: today.checked_add(90.days())?,
        modes: Modes { modes: offer.modes.clone() },
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
pub(super) async fn until<T>(
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
