//! Where a fleet listens. `publicdata up` writes it down in its data folder, so that commands find the fleet.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// Name of the file in a fleet's data folder.
pub const FILE: &str = "fleet.json";

/// The addresses of a fleet's services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// Trust domain of the certificates.
    pub trust_domain: String,
    /// gRPC address of the catalogue, `host:port`.
    pub catalog: String,
    /// Address of the catalogue's feed for other platforms, `http://host:port`.
    #[serde(default)]
    pub catalog_feed: String,
    /// gRPC address of the exchange bus.
    pub exchange_bus: String,
    /// The bus's name in its certificate: that of a district's tier has the division's code in it.
    #[serde(default = "exchange_bus_service")]
    pub exchange_bus_service: String,
    /// Where the event store lets in leaf nodes, those of districts' tiers, `host:port`; empty if there are none.
    #[serde(default)]
    pub leaf_nodes: String,
    /// Where the event store lets in services, and whoever makes backups, `tls://host:port`.
    #[serde(default)]
    pub event_store: String,
    /// gRPC address of the opening service.
    pub open_data: String,
    /// gRPC address of the audit log.
    pub audit: String,
    /// Where the audit log is read over plain HTTP, as tiles, `http://host:port`.
    #[serde(default)]
    pub audit_log: String,
    /// Address of the public portal, `http://host:port`.
    pub portal: String,
    /// gRPC and Arrow Flight address of each node of this machine, by `<organisation code>/<node name>`.
    pub nodes: BTreeMap<String, String>,
}

fn exchange_bus_service() -> String {
    "exchange-bus".to_owned()
}

// === impl Endpoints ===

impl Endpoints {
    /// Reads what a fleet wrote.
    ///
    /// # Errors
    /// There is no such file: no fleet was started with this folder.
    pub fn read(data: &Path) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "cannot read {}; start a fleet with `publicdata up --data {}`, or name the folder of one with --data",
                path.display(),
                data.display()
            )
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Writes it, at once or not at all.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn write(&self, data: &Path) -> anyhow::Result<()> {
        let path = data.join(FILE);
        let fresh = data.join("fleet.json.new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(self)?)
            .and_then(|()| std::fs::rename(&fresh, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}
