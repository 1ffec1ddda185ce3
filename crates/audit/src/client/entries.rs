//! Leaves from the log's bundles, for whoever keeps a copy of it.

use publicdata_audit_domain::tile::{self, Kind, Tile, WIDTH};

use super::{TileLog, TilesError};

impl TileLog {
    /// Leaves of the tree of `size` leaves, from the one at index `from` up to the end of the bundle that it stands in: 256 at most, and
    /// none if the tree ends before it. They are not verified: whoever takes them holds the root that they make against a checkpoint.
    ///
    /// # Errors
    /// They cannot be read, or what is read is no bundle.
    pub async fn leaves(&self, from: u64, size: u64) -> Result<Vec<Vec<u8>>, TilesError> {
        if from >= size {
            return Ok(Vec::new());
        }
        let Some(bundle) = Tile::in_tree(Kind::Entries, from / WIDTH, size) else {
            return Ok(Vec::new());
        };
        let path = bundle.to_string();
        let bytes = self.get(&path).await?;
        let entries =
            tile::entries(&bytes).map_err(|_| TilesError::Malformed { path: path.clone() })?;
        if u64::try_from(entries.len()) != Ok(bundle.width) {
            return Err(TilesError::Malformed { path });
        }
        let left_out = usize::try_from(from % WIDTH).unwrap_or(usize::MAX);
        Ok(entries.into_iter().skip(left_out).map(<[u8]>::to_vec).collect())
    }
}
