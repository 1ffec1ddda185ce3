//! Parse, execute, respond.

use std::pin::Pin;
use std::sync::Arc;

use futures::{Stream, TryStreamExt as _};
use jiff::Timestamp;
use publicdata_audit_domain::{Coverage, proof};
use publicdata_directory::Directory;
use publicdata_event_store as event_store;
use publicdata_event_store::Store;
use publicdata_proto::audit::v1::audit_service_server::AuditService;
use publicdata_proto::audit::v1::get_inclusion_proof_request::Event;
use publicdata_proto::audit::v1::{
    GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
    GetConsistencyProofResponse, GetCoverageRequest, GetCoverageResponse, GetInclusionProofRequest,
    GetInclusionProofResponse, ReadEventsRequest, ReadEventsResponse, StreamCoverage,
    StreamPosition,
};
use publicdata_types::{Actor, Denied, Digest};
use publicdata_views::Database;
use sqlx::AnyConnection;
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::events;
use crate::feed::Findings;
use crate::queries::{self, Filter, LeafRow, SignedCheckpoint};
use crate::time;

/// Answers calls from the log's tables and the event store.
pub struct Service {
    /// Where the log is.
    pub database: Database,
    /// Where the events are.
    pub store: Store,
    /// Who may call.
    pub directory: Arc<Directory>,
    /// Which streams are logged.
    pub streams: Vec<String>,
    /// Why the logs of streams have stopped.
    pub findings: Findings,
}

#[tonic::async_trait]
impl AuditService for Service {
    type ReadEventsStream =
        Pin<Box<dyn Stream<Item = Result<ReadEventsResponse, Status>> + Send + 'static>>;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_checkpoint(
        &self,
        _request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let mut connection = self.connection().await?;
        let newest = newest(&mut connection).await?;
        let needs = proof::root_needs(newest.size);
        let hashes = queries::hashes(&mut connection, &needs).await.map_err(Error::from)?;
        let root = proof::root(newest.size, &hashes)
            .map_err(|missing| Error::Unprovable(missing.into()))?;

        Ok(Response::new(GetCheckpointResponse {
            checkpoint: newest.note.into_bytes(),
            size: newest.size,
            root: root.as_bytes().to_vec(),
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_inclusion_proof(
        &self,
        request: Request<GetInclusionProofRequest>,
    ) -> Result<Response<GetInclusionProofResponse>, Status> {
        let GetInclusionProofRequest { event, size } = request.into_inner();
        let event = event.ok_or(Error::Invalid {
            field: "event",
            problem: "is missing; name an index or a position",
        })?;

        let mut connection = self.connection().await?;
        let newest = newest(&mut connection).await?;
        let size = tree_size(size, &newest)?;
        let leaf = match event {
            Event::Index(index) => leaf_at(&mut connection, index, size).await?,
            Event::Position(position) => self.leaf_of(&mut connection, &position, size).await?,
        };
        let hashes = prove_inclusion(&mut connection, size, leaf.index).await?;

        Ok(Response::new(GetInclusionProofResponse {
            index: leaf.index,
            leaf: leaf.leaf,
            hashes: hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect(),
            checkpoint: newest.note.into_bytes(),
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        let GetConsistencyProofRequest { old_size, new_size } = request.into_inner();

        let mut connection = self.connection().await?;
        let newest = newest(&mut connection).await?;
        let new_size = tree_size(new_size, &newest)?;
        let hashes = prove_consistency(&mut connection, old_size, new_size).await?;

        Ok(Response::new(GetConsistencyProofResponse {
            hashes: hashes.iter().map(|hash| hash.as_bytes().to_vec()).collect(),
            checkpoint: newest.note.into_bytes(),
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_coverage(
        &self,
        _request: Request<GetCoverageRequest>,
    ) -> Result<Response<GetCoverageResponse>, Status> {
        let mut connection = self.connection().await?;
        let coverage = queries::coverage(&mut connection).await.map_err(Error::from)?;
        drop(connection);

        let mut streams = Vec::new();
        for stream in &self.streams {
            streams.push(self.stream_coverage(&coverage, stream).await?);
        }
        Ok(Response::new(GetCoverageResponse { streams }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn read_events(
        &self,
        request: Request<ReadEventsRequest>,
    ) -> Result<Response<Self::ReadEventsStream>, Status> {
        may_read(&self.directory.user(&request).await?).map_err(Error::from)?;
        let filter = self.filter(request.into_inner())?;

        let events = events::replay(self.database.clone(), self.store.clone(), filter).await?;

        let answers = events.map_ok(|event| ReadEventsResponse {
            index: event.index,
            leaf: event.leaf,
            payload: event.payload.to_vec(),
        });
        Ok(Response::new(Box::pin(answers.map_err(Status::from))))
    }
}

impl Service {
    async fn connection(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Any>, Error> {
        Ok(self.database.pool().acquire().await?)
    }

    async fn leaf_of(
        &self,
        connection: &mut AnyConnection,
        position: &StreamPosition,
        size: u64,
    ) -> Result<LeafRow, Error> {
        let stream = position.stream.clone();
        if !self.streams.contains(&stream) {
            return Err(Error::UnknownStream { stream });
        }
        let sequence = position.sequence;
        let leaf = queries::leaf_of(connection, &stream, sequence).await?;
        match leaf {
            Some(leaf) if leaf.index < size => return Ok(leaf),
            Some(LeafRow { index, .. }) => return Err(Error::NoSuchLeaf { index, size }),
            None => {}
        }

        let last = last_sequence(&self.store, &stream).await?;
        if sequence == 0 || sequence > last {
            return Err(Error::NoSuchEvent { stream, sequence, last });
        }
        let logged = queries::coverage(connection).await?.of(&stream).sequence;
        Err(Error::NotYetLogged { stream, sequence, logged, last })
    }

    async fn stream_coverage(
        &self,
        coverage: &Coverage,
        stream: &str,
    ) -> Result<StreamCoverage, Error> {
        let logged = coverage.of(stream);
        Ok(StreamCoverage {
            stream: stream.to_owned(),
            last_sequence: last_sequence(&self.store, stream).await?,
            logged_sequence: logged.sequence,
            logged_count: logged.count,
            finding: self.findings.of(stream).unwrap_or_default(),
        })
    }

    fn filter(&self, request: ReadEventsRequest) -> Result<Filter, Error> {
        let ReadEventsRequest { stream, subject_prefix, from, until } = request;
        if !stream.is_empty() && !self.streams.contains(&stream) {
            return Err(Error::UnknownStream { stream });
        }
        let all = Filter::default();
        Ok(Filter {
            stream,
            subject_prefix,
            from: moment("from", from)?.unwrap_or(all.from),
            until: moment("until", until)?.unwrap_or(all.until),
        })
    }
}

/// Auditors read every event, and so do authorities: they supervise.
fn may_read(caller: &Actor) -> Result<(), Denied> {
    match caller.may_govern(&caller.region) {
        Ok(()) => Ok(()),
        Err(_) => caller.may_audit(),
    }
}

fn moment(
    field: &'static str,
    time: Option<prost_types::Timestamp>,
) -> Result<Option<Timestamp>, Error> {
    let problem = "is no time; write seconds since 1970 and nanoseconds from 0 to 999,999,999";
    time.map(|time| time::from_proto(&time).ok_or(Error::Invalid { field, problem })).transpose()
}

fn tree_size(asked: u64, newest: &SignedCheckpoint) -> Result<u64, Error> {
    match asked {
        0 => Ok(newest.size),
        asked if asked <= newest.size => Ok(asked),
        asked => Err(Error::NoSuchTree { asked, size: newest.size }),
    }
}

async fn newest(connection: &mut AnyConnection) -> Result<SignedCheckpoint, Error> {
    // The log was opened before the service listens, so there is one.
    Ok(queries::newest_checkpoint(connection).await?.ok_or(sqlx::Error::RowNotFound)?)
}

async fn leaf_at(connection: &mut AnyConnection, index: u64, size: u64) -> Result<LeafRow, Error> {
    let leaf = match index < size {
        true => queries::leaf_at(connection, index).await?,
        false => None,
    };
    leaf.ok_or(Error::NoSuchLeaf { index, size })
}

async fn prove_inclusion(
    connection: &mut AnyConnection,
    size: u64,
    index: u64,
) -> Result<Vec<Digest>, Error> {
    let needs = proof::inclusion_needs(size, index)?;
    let hashes = queries::hashes(connection, &needs).await?;
    Ok(proof::inclusion(size, index, &hashes)?)
}

async fn prove_consistency(
    connection: &mut AnyConnection,
    old_size: u64,
    new_size: u64,
) -> Result<Vec<Digest>, Error> {
    let needs = proof::consistency_needs(old_size, new_size)?;
    let hashes = queries::hashes(connection, &needs).await?;
    Ok(proof::consistency(old_size, new_size, &hashes)?)
}

/// A stream that does not exist yet has no events.
async fn last_sequence(store: &Store, stream: &str) -> Result<u64, Error> {
    match store.last_sequence(stream).await {
        Ok(last) => Ok(last),
        Err(event_store::Error::UnknownStream { .. }) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
