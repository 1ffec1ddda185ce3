//! Proofs from the log's tables.

use publicdata_audit_domain::proof;
use publicdata_types::Digest;
use sqlx::AnyConnection;

use crate::error::Error;
use crate::queries;

/// Proves that leaf `index` is in the tree of `size` leaves.
pub(crate) async fn inclusion(
    connection: &mut AnyConnection,
    size: u64,
    index: u64,
) -> Result<Vec<Digest>, Error> {
    let needs = proof::inclusion_needs(size, index)?;
    let hashes = queries::hashes(connection, &needs).await?;
    Ok(proof::inclusion(size, index, &hashes)?)
}

/// Proves that the tree of `new_size` leaves continues that of `old_size`.
pub(crate) async fn consistency(
    connection: &mut AnyConnection,
    old_size: u64,
    new_size: u64,
) -> Result<Vec<Digest>, Error> {
    let needs = proof::consistency_needs(old_size, new_size)?;
    let hashes = queries::hashes(connection, &needs).await?;
    Ok(proof::consistency(old_size, new_size, &hashes)?)
}
