//! Lets a stream drop what archives hold (R23.2).

use publicdata_audit_domain::Tree;
use publicdata_audit_domain::archive::{Archive as Seal, Command, RELEASABLE, Rejection};
use publicdata_audit_domain::tree;
use publicdata_types::OrganisationCode;

use super::Archivist;
use crate::error::Error;
use crate::queries;

impl Archivist {
    /// Releases what has been kept in `stream` for five years and is archived, once each of the archives that hold it was read back from its
    /// place and proven once more. Answers the sequence of the last event that is released, and how many archives were proven for it.
    pub(crate) async fn release(
        &self,
        stream: &str,
        author: OrganisationCode,
    ) -> Result<(u64, u64), Error> {
        if !RELEASABLE.contains(&stream) {
            return Err(Rejection::Needed { stream: stream.to_owned() }.into());
        }
        let (archives, _) = self.archives.get(stream).await?;
        let (at, mut last_sequence, mut proven) = (self.clock.now(), archives.released(), 0);
        for seal in archives.due(at) {
            self.place.verify(seal, &self.verifier).await?;
            self.continues(seal).await?;
            (last_sequence, proven) = (seal.last_sequence, proven + 1);
        }
        if proven > 0 {
            let stream = stream.to_owned();
            let meta = self.meta(&format!("stream-release-{stream}-{last_sequence}"));
            let release = Command::Release { stream: stream.clone(), last_sequence, author, at };
            self.archives.execute(&stream, &meta, release).await?;
            tracing::info!(stream.name = stream, last_sequence, "events are released");
        }
        Ok((last_sequence, proven))
    }

    /// The tree that the archive was held against is the beginning of the log as it is now.
    async fn continues(&self, seal: &Seal) -> Result<(), Error> {
        let size = seal.log.size;
        let mut connection = self.database.pool().acquire().await?;
        let hashes = queries::hashes(&mut connection, &tree::edge_indexes(size)).await?;
        let tree =
            Tree::resume(size, &hashes).map_err(|missing| Error::Unprovable(missing.into()))?;
        match tree.root() == seal.log.hash {
            true => Ok(()),
            false => Err(Error::SealedElsewhere { path: seal.path.clone(), size }),
        }
    }
}
