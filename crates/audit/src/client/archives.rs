//! The archives of streams, as an auditor looks at them (R23.2).

use futures::TryStreamExt as _;
use prost::{Message as _, Name as _};
use publicdata_archive::{Proven, seal};
use publicdata_audit_domain::archive::Archive as Seal;
use publicdata_audit_domain::checkpoint::Doubt;
use publicdata_audit_domain::{Checkpoint, Verifier};
use publicdata_event_store::aggregates::Codec as _;
use publicdata_proto::audit::v1::{GetConsistencyProofRequest, StreamArchived};
use publicdata_proto::event::v1::Commit;
use tonic::Status;

use super::{LogClient, Selection, digests};
use crate::archiving::StreamArchives;
use crate::findings::AUDIT;

impl LogClient {
    /// The seals of all archives of a stream, or of every stream if it is empty, each with the place of its event in the log: events say which
    /// archives there are. In the order in which they were sealed. That the log's service has left none out at the end,
    /// [`verify`](Self::verify) tells.
    ///
    /// # Errors
    /// The call failed, or an event is not as it was logged.
    pub async fn archives(&self, stream: &str) -> Result<Vec<(u64, Seal)>, Status> {
        let subject_prefix =
            format!("ev.{}.{}.", StreamArchives::SERVICE, StreamArchives::AGGREGATE);
        let selection =
            Selection { stream: AUDIT.to_owned(), subject_prefix, ..Selection::default() };
        let mut events = std::pin::pin!(self.logged(selection).await?);
        let mut seals = Vec::new();
        while let Some(event) = events.try_next().await? {
            let found = sealed(&event.payload).map_err(|what| {
                Status::data_loss(format!("event {} of the log: {what}", event.index))
            })?;
            seals.extend(found.into_iter().map(|seal| (event.index, seal)));
        }
        seals.retain(|(_, seal)| stream.is_empty() || seal.stream == stream);
        Ok(seals)
    }

    /// Makes sure that the log, as it is now, continues the tree that an archive was held against.
    ///
    /// # Errors
    /// The call failed.
    pub async fn continues(
        &self,
        verifier: &Verifier,
        checkpoint: &str,
        proven: &Proven,
    ) -> Result<Result<Checkpoint, Doubt>, Status> {
        let request = GetConsistencyProofRequest { old_size: proven.log.size, new_size: 0 };
        let answer = self.calls.clone().get_consistency_proof(request).await?.into_inner();
        let hashes = digests(&answer.hashes).unwrap_or_default();
        Ok(verifier.consistency(checkpoint.as_bytes(), &answer.checkpoint, &hashes))
    }
}

fn sealed(payload: &[u8]) -> Result<Vec<Seal>, String> {
    let commit = Commit::decode(payload).map_err(|error| error.to_string())?;
    let archived = commit.events.iter().filter(|any| any.type_url == StreamArchived::type_url());
    archived
        .map(|any| {
            let archived = StreamArchived::decode(any.value.as_slice());
            let archived = archived.map_err(|error| error.to_string())?;
            seal::from_wire(archived).map_err(|error| error.to_string())
        })
        .collect()
}
