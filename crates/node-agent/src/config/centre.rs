//! What the node of a big data centre is told.

use std::collections::BTreeMap;
use std::path::PathBuf;

use publicdata_exchange_domain::subscription::Trigger;
use serde::Deserialize;

use super::push::scheduled;
use super::{Secret, SinkKind};

/// How a centre takes what flows to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreConfig {
    /// When a delivery is due: "on-change", "every 15m" or "daily 02:30".
    #[serde(default = "trigger")]
    pub trigger: String,
    /// When everything is delivered anew, so that what was deleted at the source goes: "every 7d" or "daily 03:00".
    pub refresh: Option<String>,
    /// When source and centre are compared: "every 1d" or "daily 03:30".
    #[serde(default = "reconcile")]
    pub reconcile: String,
    /// How many seconds there are between two looks at what the authority ordered.
    #[serde(default = "look_s")]
    pub look_s: u64,
    /// The columns that identify a row, by the resource's code, where no quality rule says that an item is unique.
    #[serde(default)]
    pub keys: BTreeMap<String, Vec<String>>,
    /// Where rows go.
    pub sink: CentreSinkConfig,
}

/// The database of a centre.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreSinkConfig {
    /// What kind of sink it is: `postgres` or `sqlite`.
    pub kind: SinkKind,
    /// The file of `sqlite`.
    pub path: Option<PathBuf>,
    /// The database of `postgres`, such as `postgresql://writer@localhost/centre`.
    pub url: Option<Secret>,
    /// The certificate authority of a database on another machine, PEM.
    pub ca: Option<PathBuf>,
    /// How the name of each resource's table begins, before its code; with a schema and a dot if need be.
    #[serde(default = "table_prefix")]
    pub table_prefix: String,
}

impl CentreConfig {
    pub(super) fn check(&self) -> Result<(), String> {
        match self.trigger.parse::<Trigger>().map_err(|error| error.to_string())? {
            Trigger::Once => return Err("`trigger` is not for once; what flows goes on".to_owned()),
            Trigger::OnChange | Trigger::Every { .. } | Trigger::Daily { .. } => {}
        }
        scheduled("refresh", self.refresh.as_deref())?;
        scheduled("reconcile", Some(&self.reconcile))?;
        if self.look_s == 0 {
            return Err("`look_s` is 0; write at least 1".to_owned());
        }
        match self.sink.kind {
            SinkKind::Postgres if self.sink.url.is_none() => {
                Err("`sink.url` is missing".to_owned())
            }
            SinkKind::Sqlite if self.sink.path.is_none() => {
                Err("`sink.path` is missing".to_owned())
            }
            SinkKind::Postgres | SinkKind::Sqlite => Ok(()),
            SinkKind::Csv | SinkKind::Parquet => {
                Err("`sink.kind` is postgres or sqlite: what is in a folder cannot be compared"
                    .to_owned())
            }
        }
    }
}

fn trigger() -> String {
    "on-change".to_owned()
}

fn reconcile() -> String {
    "every 1d".to_owned()
}

const fn look_s() -> u64 {
    30
}

fn table_prefix() -> String {
    "r_".to_owned()
}
