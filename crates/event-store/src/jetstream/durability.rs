//! Whether the servers keep what they acknowledge.

use serde::Deserialize;

use super::{JetStreamStore, SetupError};
use crate::monitor;

/// What a deployment promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Data may be lost when the power fails: warn.
    Development,
    /// Nothing that was acknowledged may be lost: refuse.
    #[default]
    Production,
}

/// With 2.12 came atomic publishing and the checks that appends rest on.
pub(crate) const SERVER_VERSION_MIN: (u64, u64) = (2, 12);
pub(crate) const SERVER_VERSION_MIN_TEXT: &str = "2.12.0";

/// The part of `/varz` that matters.
#[derive(Deserialize)]
struct Varz {
    server_id: String,
    jetstream: Jetstream,
}

#[derive(Deserialize)]
struct Jetstream {
    config: JetstreamConfig,
}

#[derive(Deserialize)]
struct JetstreamConfig {
    #[serde(default)]
    sync_always: bool,
}

impl JetStreamStore {
    /// Makes sure that the servers are recent enough, and that they sync each write to disk before they acknowledge it
    /// (`sync_interval: always`; by default they do so every two minutes, and lose acknowledged commits with the power).
    ///
    /// No client can ask a server for that setting: it shows at the monitoring endpoint alone. `monitors` are the endpoints
    /// of all servers, such as `http://127.0.0.1:8222`.
    ///
    /// # Errors
    /// In production, if a server does not sync, or if it cannot be told. In development that is a warning. A server that is
    /// too old is refused in both.
    pub async fn check_durability(
        &self,
        profile: Profile,
        monitors: &[String],
    ) -> Result<(), SetupError> {
        let info = self.connection.client.server_info();
        if !is_recent(&info.version) {
            let minimum = SERVER_VERSION_MIN_TEXT;
            return Err(SetupError::ServerTooOld { version: info.version, minimum });
        }
        let synced = all_synced(monitors, &info.server_id).await;
        match (profile, synced) {
            (Profile::Production, synced) => synced,
            (Profile::Development, Ok(())) => Ok(()),
            (Profile::Development, Err(error)) => {
                tracing::warn!(%error, "acknowledged commits may be lost when the power fails");
                Ok(())
            }
        }
    }
}

/// Whether a server of this version can be used.
pub(crate) fn is_recent(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= SERVER_VERSION_MIN,
        _ => false,
    }
}

async fn all_synced(monitors: &[String], connected: &str) -> Result<(), SetupError> {
    let mut ids = Vec::new();
    for monitor in monitors {
        let unknown = |source| SetupError::Unknown { server: monitor.clone(), source };
        let varz = monitor::get(monitor, "/varz").await.map_err(unknown)?;
        let varz: Varz = serde_json::from_slice(&varz).map_err(|error| unknown(error.into()))?;
        if !varz.jetstream.config.sync_always {
            return Err(SetupError::NotSynced { server: monitor.clone() });
        }
        ids.push(varz.server_id);
    }
    if ids.iter().any(|id| id == connected) {
        return Ok(());
    }
    Err(SetupError::Unknown {
        server: format!("server {connected}"),
        source: "it is not among the monitoring endpoints that were named".into(),
    })
}

#[cfg(test)]
mod tests;
