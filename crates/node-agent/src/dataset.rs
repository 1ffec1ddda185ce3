//! A resource that this node serves: its source, and what a grant's terms mean there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use publicdata_exchange_domain::filter::{Columns, Filter, FilterError};
use publicdata_exchange_domain::terms::Field;
use publicdata_types::{ItemType, ResourceId};
use sqlx::mysql::MySqlConnectOptions;

use crate::changes::cursors::Cursors;
use crate::changes::{ChangesError, Database, Feed, Replication, Watermark};
use crate::config::{ChangesConfig, ConnectorKind, DatasetConfig};
use crate::source::csv::Csv;
use crate::source::http::{Http, HttpError};
use crate::source::mysql::{self, Mysql};
use crate::source::parquet::Parquet;
use crate::source::postgres::{Postgres, Server, TlsRule, TlsRuleError};
use crate::source::sql::{Dialect, From, Relation};
use crate::source::sqlite::Sqlite;
use crate::source::{Connector, Origin, Reading, RowFilter, Scan, SourceError};

/// How often a file is looked at.
const FILE_POLL: Duration = Duration::from_secs(1);

/// A resource and its source.
#[derive(Clone)]
pub struct Dataset {
    /// The resource.
    pub resource: ResourceId,
    connector: Arc<dyn Connector>,
    columns: BTreeMap<String, String>,
    order_by: Vec<String>,
    key: Vec<String>,
    feed: Option<Feed>,
    file: Option<PathBuf>,
}

/// Why a dataset cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The database's address is none.
    #[error("`url` of resource {resource} is not an address of such a database")]
    Url {
        /// The resource.
        resource: ResourceId,
    },
    /// The connection to the database would be unprotected, or cannot be set up.
    #[error("the database of resource {resource} cannot be connected to safely")]
    Tls {
        /// The resource.
        resource: ResourceId,
        /// Why.
        #[source]
        source: TlsRuleError,
    },
    /// The HTTP source cannot be set up.
    #[error("the HTTP source of resource {resource} cannot be set up")]
    Http {
        /// The resource.
        resource: ResourceId,
        /// Why.
        #[source]
        source: HttpError,
    },
    /// The configuration was not validated.
    #[error("the configuration of the dataset is incomplete")]
    Incomplete,
}

impl Dataset {
    /// Sets up a dataset of a configuration that was validated. Nothing is opened yet.
    pub fn new(config: &DatasetConfig) -> Result<Self, DatasetError> {
        let resource = config.resource().map_err(|_| DatasetError::Incomplete)?;
        let key = match config.key.is_empty() {
            true => config.order_by.clone(),
            false => config.key.clone(),
        };
        let (connector, asked) = connector(config, resource)?;
        let changes = config.changes.as_ref();
        let feed = changes.map(|changes| feed(changes, config, &key, asked)).transpose()?;
        Ok(Self {
            resource,
            connector,
            feed,
            file: config.path.clone(),
            columns: config.columns.clone(),
            order_by: config.order_by.clone(),
            key,
        })
    }

    /// Columns that together identify a row; empty if nobody said which do.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// The language that the source is asked in; none if it is no database.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        self.connector.dialect()
    }

    /// The same resource, from a query of the same database. What is no database stays what it is.
    #[must_use]
    pub fn with_query(&self, query: String, order_by: Vec<String>) -> Self {
        let relation = Relation { from: From::Query(query), order_by: order_by.clone() };
        match self.connector.with_relation(relation) {
            Some(connector) => Self { connector, order_by, ..self.clone() },
            None => self.clone(),
        }
    }

    /// The connector.
    #[must_use]
    pub fn connector(&self) -> &dyn Connector {
        self.connector.as_ref()
    }

    /// What says which rows have changed, if something does.
    #[must_use]
    pub fn feed(&self) -> Option<&Feed> {
        self.feed.as_ref()
    }

    /// How often it is looked whether it has changed; never, if that cannot be seen.
    #[must_use]
    pub fn watched(&self) -> Option<Duration> {
        let is_file = matches!(self.connector.origin().connector, "csv" | "parquet");
        match &self.feed {
            Some(feed) => Some(feed.poll),
            None => is_file.then_some(FILE_POLL),
        }
    }

    /// What differs whenever it has changed; of a file, its time and length.
    pub async fn state(&self, cursors: &Cursors) -> Result<String, ChangesError> {
        if let Some(feed) = &self.feed {
            return feed.state(cursors).await;
        }
        let unavailable =
            |error| ChangesError::from(SourceError::unavailable(self.connector.origin(), error));
        let Some(path) = &self.file else { return Ok(String::new()) };
        let metadata = tokio::fs::metadata(path).await.map_err(unavailable)?;
        let modified = metadata.modified().map_err(unavailable)?;
        Ok(format!("{modified:?} {}", metadata.len()))
    }

    /// The same, to hold on to.
    #[must_use]
    pub fn shared_connector(&self) -> Arc<dyn Connector> {
        Arc::clone(&self.connector)
    }

    /// What has to be read for these fields and rows. The filter names none but `known` items, among
    /// them some that are not delivered.
    pub fn scan(
        &self,
        fields: &[Field],
        known: &Columns,
        row_filter: Option<&str>,
    ) -> Result<Scan, FilterError> {
        let readings = fields.iter().map(|field| self.reading(&field.name, field.kind)).collect();
        let Some(text) = row_filter else {
            return Ok(Scan { readings, filter: None });
        };

        let filter = Filter::parse(text, known)?;
        let readings_of_filter = filter
            .columns()
            .into_iter()
            .filter_map(|item| known.get(item).map(|&kind| self.reading(item, kind)))
            .collect();
        Ok(Scan { readings, filter: Some(RowFilter { filter, readings: readings_of_filter }) })
    }

    /// What has to be read for all values of an item.
    #[must_use]
    pub fn scan_of(&self, item: &str, kind: ItemType) -> Scan {
        Scan { readings: vec![self.reading(item, kind)], filter: None }
    }

    /// Whether the source answers, has the columns that the configuration names, and can say what has changed.
    pub async fn check(&self) -> Result<(), ChangesError> {
        let columns = self.connector.columns().await?;
        let of_feed = self.feed.iter().flat_map(Feed::columns);
        let own = self.columns.values().chain(&self.order_by).chain(&self.key);
        let mut named = own.map(String::as_str).chain(of_feed);

        match named.find(|name| !columns.iter().any(|column| column == name)) {
            Some(missing) => {
                let origin = self.connector.origin().clone();
                Err(SourceError::ColumnMissing { origin, column: missing.to_owned() }.into())
            }
            None => match &self.feed {
                Some(feed) => feed.check().await,
                None => Ok(()),
            },
        }
    }

    /// The column of an item, under another name and as another type.
    #[must_use]
    pub fn reading_as(&self, name: &str, item: &str, kind: ItemType) -> Reading {
        Reading { item: name.to_owned(), column: self.column(item), kind }
    }

    fn reading(&self, item: &str, kind: ItemType) -> Reading {
        Reading { item: item.to_owned(), column: self.column(item), kind }
    }

    /// Whether the source itself keeps any value of an item from being there twice.
    pub async fn keeps_unique(&self, item: &str) -> Result<bool, SourceError> {
        self.connector.keeps_unique(&self.column(item)).await
    }

    /// The column that holds an item.
    #[must_use]
    pub fn column(&self, item: &str) -> String {
        self.columns.get(item).map_or(item, String::as_str).to_owned()
    }
}

impl std::fmt::Debug for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dataset").field("resource", &self.resource).finish_non_exhaustive()
    }
}

/// A database that can be asked; a file cannot.
enum Asked {
    Nothing,
    Database(Arc<dyn Database>),
    Postgres(Arc<Postgres>),
}

/// What says which rows of a source have changed.
fn feed(
    changes: &ChangesConfig,
    config: &DatasetConfig,
    key: &[String],
    asked: Asked,
) -> Result<Feed, DatasetError> {
    let resource = config.resource().map_err(|_| DatasetError::Incomplete)?;
    let database: Arc<dyn Database> = match (&changes.publication, asked) {
        (Some(publication), Asked::Postgres(postgres)) => {
            let table = config.table.as_deref().ok_or(DatasetError::Incomplete)?;
            let from = (publication.as_str(), changes.slot.as_deref());
            let replication = Replication::new(resource, postgres, (table, key), from);
            return Ok(Feed::by_replication(replication, changes));
        }
        (None, Asked::Postgres(postgres)) => postgres,
        (None, Asked::Database(database)) => database,
        (Some(_), Asked::Database(_)) | (_, Asked::Nothing) => {
            return Err(DatasetError::Incomplete);
        }
    };
    let watermark = changes.watermark.as_deref().ok_or(DatasetError::Incomplete)?;
    let watermark = Watermark::new(database, relation(config)?, (watermark, changes.overlap_s));
    Ok(Feed::by_watermark(watermark, changes))
}

fn connector(
    config: &DatasetConfig,
    resource: ResourceId,
) -> Result<(Arc<dyn Connector>, Asked), DatasetError> {
    let origin = Origin { resource, connector: config.connector.as_str() };
    let path = || config.path.clone().ok_or(DatasetError::Incomplete);

    Ok(match config.connector {
        ConnectorKind::Csv => (Arc::new(Csv { origin, path: path()? }), Asked::Nothing),
        ConnectorKind::Parquet => (Arc::new(Parquet { origin, path: path()? }), Asked::Nothing),
        ConnectorKind::Sqlite => {
            let sqlite = Arc::new(Sqlite { origin, path: path()?, relation: relation(config)? });
            (Arc::clone(&sqlite) as _, Asked::Database(sqlite))
        }
        ConnectorKind::Mysql => {
            let url = config.url.as_ref().ok_or(DatasetError::Incomplete)?;
            let options: MySqlConnectOptions =
                url.0.parse().map_err(|_| DatasetError::Url { resource })?;
            let options = mysql::protected(options, config.ca.as_deref())
                .map_err(|source| DatasetError::Tls { resource, source })?;
            (Arc::new(Mysql { origin, options, relation: relation(config)? }), Asked::Nothing)
        }
        ConnectorKind::Http => {
            let url = config.url.as_ref().ok_or(DatasetError::Incomplete)?;
            let places = (config.rows_at.as_str(), config.next_at.as_str());
            let ca = config.ca.as_deref();
            let source = Http::new(origin, &url.0, places, &config.headers, ca)
                .map_err(|source| DatasetError::Http { resource, source })?;
            (Arc::new(source), Asked::Nothing)
        }
        ConnectorKind::Postgres => {
            let url = config.url.as_ref().ok_or(DatasetError::Incomplete)?;
            let mut server: tokio_postgres::Config =
                url.0.parse().map_err(|_| DatasetError::Url { resource })?;
            let tls = TlsRule::new(&mut server, config.ca.as_deref())
                .map_err(|source| DatasetError::Tls { resource, source })?;
            let relation = relation(config)?;
            let server = Server::new(server, tls);
            let postgres = Arc::new(Postgres { origin, server, relation });
            (Arc::clone(&postgres) as _, Asked::Postgres(postgres))
        }
    })
}

fn relation(config: &DatasetConfig) -> Result<Relation, DatasetError> {
    let from = match (&config.table, &config.query) {
        (Some(table), None) => From::Table(table.clone()),
        (None, Some(query)) => From::Query(query.clone()),
        (Some(_), Some(_)) | (None, None) => return Err(DatasetError::Incomplete),
    };
    Ok(Relation { from, order_by: config.order_by.clone() })
}
