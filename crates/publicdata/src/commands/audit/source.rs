//! Where a state's events are read: from the log as the platform serves it, or from archives alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use publicdata_archive::offline::{self, Files};
use publicdata_audit::client::History;
use publicdata_event_store::Store;
use publicdata_views::{Database, Projector, ProjectorError};

use super::{log, verifier};
use crate::context::Context;
use crate::views::Service;

/// Where events are read.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// Read the events from an archive, or from all archives below a folder, without the platform. Each is verified first; every stream that
    /// is needed must be there from its first event on.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub archive: Option<PathBuf>,
    /// The log's public key, a file, to verify the archives by; by default that of the fleet's folder.
    #[arg(long, requires = "archive")]
    pub key: Option<PathBuf>,
}

/// Events to build views from.
pub(super) struct Events {
    store: Store,
    /// The archives that they are read from; without them, the log.
    archives: Option<Files>,
}

impl Events {
    /// Those that were recorded at this moment or before; all, without one.
    ///
    /// # Errors
    /// There are no credentials for the platform; or no key, or no archives.
    pub(super) fn open(
        context: &Context,
        source: &Source,
        as_of: Option<jiff::Timestamp>,
    ) -> anyhow::Result<Self> {
        let Some(path) = &source.archive else {
            let log = log(&context.session()?)?;
            return Ok(Self { store: Arc::new(History::new(log, as_of)), archives: None });
        };
        let verifier = verifier(context, source.key.as_ref())?;
        let files = Files::find(path)?;
        let store: Store = Arc::new(offline::History::new(files.clone(), verifier, as_of));
        Ok(Self { store, archives: Some(files) })
    }

    /// A service's views of them, in this database; of `only` one, if it is named.
    ///
    /// # Errors
    /// There is no such view, events of a stream that they follow are missing, or the database cannot be used.
    pub(super) async fn views(
        &self,
        service: Service,
        database: &Database,
        only: Option<&str>,
    ) -> anyhow::Result<Vec<Arc<Projector>>> {
        let mut views = service.views(database, &self.store).await?;
        if let Some(only) = only {
            let names: Vec<_> = views.iter().map(|view| view.name()).collect();
            let unknown =
                || format!("{} has no view {only}, but {}", service.name(), names.join(", "));
            let place = names.iter().position(|name| *name == only).with_context(unknown)?;
            views = vec![views.swap_remove(place)];
        }
        if let Some(files) = &self.archives {
            // Before anything is built: that may take hours.
            for stream in views.iter().flat_map(|view| view.positions().into_keys()) {
                files.whole(stream)?;
            }
        }
        Ok(views)
    }

    /// Says up to where views reach that were built from archives: what came after, no file says.
    pub(super) fn warn(&self, views: &[Arc<Projector>]) {
        let Some(files) = &self.archives else { return };
        let mut reached = BTreeMap::new();
        for (stream, last) in views.iter().flat_map(|view| view.positions()) {
            let furthest = reached.entry(stream).or_insert(last);
            *furthest = last.max(*furthest);
        }
        for (stream, last) in reached {
            let end = files.whole(stream).unwrap_or_default();
            tracing::warn!(
                "{stream}: the state is as of event {last}; these files hold events 1 to {end}, and what came after is not in them"
            );
        }
    }

    /// Says of archives that end before a live view what can be done.
    pub(super) fn explain(&self, error: ProjectorError) -> anyhow::Error {
        let is_behind = matches!(error, ProjectorError::Behind { .. });
        let error = anyhow::Error::new(error);
        match (&self.archives, is_behind) {
            (Some(_), true) => error.context(
                "the archives end before what the database holds; add newer ones (`publicdata audit archive create` makes them), or name a \
                 copy of the database from before with --database",
            ),
            (Some(_) | None, _) => error,
        }
    }
}
