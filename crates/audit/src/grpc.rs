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
    GetInclusionProofResponse, ListWitnessesRequest, ListWitnessesResponse, ReadEventsRequest,
    ReadEventsResponse, StreamCoverage, StreamPosition, WitnessStatus,
};
use publicdata_types::{Actor, Denied};
use publicdata_views::Database;
use sqlx::AnyConnection;
use tonic::{Request, Response, Status};

use crate::archiving::Archiving;
use crate::error::Error;
use crate::events;
use crate::feed::Stops;
use crate::proofs;
use crate::queries::{self, Filter, LeafRow, SignedCheckpoint};
use crate::shown::{self, Shown};
use crate::sweep::Checks;
use crate::time;
use crate::witness::{self, Statuses};

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
    pub stops: Stops,
    /// What was found in what is logged.
    pub checks: Checks,
    /// Which checkpoint outsiders are shown.
    pub shown: Shown,
    /// How it stands with the witnesses.
    pub witnesses: Statuses,
    /// How it stands with archives.
    pub archiving: Archiving,
}

#[tonic::async_trait]
impl AuditService for Service {
    type ReadEventsStream =
        Pin<Box<dyn Stream<Item = Result<ReadEventsResponse, Status>> + Send + 'static>>;

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let mut connection = self.connection().await?;
        let signed = match request.into_inner().offered {
            true => self.shown.checkpoint(&mut connection).await?,
            false => shown::newest(&mut connection).await?,
        };
        let needs = proof::root_needs(signed.size);
        let hashes = queries::hashes(&mut connection, &needs).await.map_err(Error::from)?;
        let root = proof::root(signed.size, &hashes)
            .map_err(|missing| Error::Unprovable(missing.into()))?;

        Ok(Response::new(GetCheckpointResponse {
            checkpoint: signed.note.into_bytes(),
            size: signed.size,
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
        let newest = shown::newest(&mut connection).await?;
        let size = tree_size(size, &newest)?;
        let leaf = match event {
            Event::Index(index) => leaf_at(&mut connection, index, size).await?,
            Event::Position(position) => self.leaf_of(&mut connection, &position, size).await?,
        };
        let hashes = proofs::inclusion(&mut connection, size, leaf.index).await?;

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
        let newest = shown::newest(&mut connection).await?;
        let new_size = tree_size(new_size, &newest)?;
        let hashes = proofs::consistency(&mut connection, old_size, new_size).await?;

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
    async fn list_witnesses(
        &self,
        _request: Request<ListWitnessesRequest>,
    ) -> Result<Response<ListWitnessesResponse>, Status> {
        let witnesses = self.witnesses.all().into_iter().map(witness_status).collect();
        Ok(Response::new(ListWitnessesResponse { witnesses }))
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
            finding: self.stops.of(stream).unwrap_or_default(),
            check: Some(self.checks.of(stream)),
            risks: self.checks.risks(stream),
            archived_sequence: self.archiving.archived(stream).await?,
            archive_problem: self.archiving.problems.of(stream),
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
pub(crate) fn may_read(caller: &Actor) -> Result<(), Denied> {
    match caller.may_govern(&caller.region) {
        Ok(()) => Ok(()),
        Err(_) => caller.may_audit(),
    }
}

pub(crate) fn moment(
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

fn witness_status(status: witness::Status) -> WitnessStatus {
    let witness::Status { name, key, url, size, cosigned_at_s, problem } = status;
    let seconds = i64::try_from(cosigned_at_s).unwrap_or(i64::MAX);
    let cosigned_at = (size > 0).then_some(prost_types::Timestamp { seconds, nanos: 0 });
    WitnessStatus { name, key, url, size, cosigned_at, problem }
}

async fn leaf_at(connection: &mut AnyConnection, index: u64, size: u64) -> Result<LeafRow, Error> {
    let leaf = match index < size {
        true => queries::leaf_at(connection, index).await?,
        false => None,
    };
    leaf.ok_or(Error::NoSuchLeaf { index, size })
}

/// A stream that does not exist yet has no events.
async fn last_sequence(store: &Store, stream: &str) -> Result<u64, Error> {
    match store.last_sequence(stream).await {
        Ok(last) => Ok(last),
        Err(event_store::Error::UnknownStream { .. }) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
