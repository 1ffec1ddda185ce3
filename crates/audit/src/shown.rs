//! Which checkpoint outsiders are shown: the newest, or, with witnesses, the newest that these were offered.

use sqlx::AnyConnection;
use tokio::sync::watch;

use crate::error::Error;
use crate::queries::{self, SignedCheckpoint};

/// Answers the checkpoint for outsiders, with the cosignatures that witnesses gave to it. It never goes back to a smaller tree.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The size of the tree that was offered last, where there are witnesses to offer it to.
    offered: Option<watch::Receiver<u64>>,
}

impl Shown {
    /// Shows the newest checkpoint.
    #[must_use]
    pub const fn newest() -> Self {
        Self { offered: None }
    }

    /// Shows the checkpoint of the tree that was offered last.
    #[must_use]
    pub const fn offered(offered: watch::Receiver<u64>) -> Self {
        Self { offered: Some(offered) }
    }

    /// The checkpoint for outsiders.
    ///
    /// # Errors
    /// The tables cannot be read.
    pub async fn checkpoint(
        &self,
        connection: &mut AnyConnection,
    ) -> Result<SignedCheckpoint, Error> {
        let offered = self.offered.as_ref().map(|offered| *offered.borrow());
        let signed = match offered {
            Some(size) => queries::checkpoint_of(connection, size).await?,
            None => queries::newest_checkpoint(connection).await?,
        };
        cosigned(connection, signed).await
    }
}

/// The newest checkpoint, with the cosignatures that it has by now.
///
/// # Errors
/// The tables cannot be read.
pub async fn newest(connection: &mut AnyConnection) -> Result<SignedCheckpoint, Error> {
    let signed = queries::newest_checkpoint(connection).await?;
    cosigned(connection, signed).await
}

async fn cosigned(
    connection: &mut AnyConnection,
    signed: Option<SignedCheckpoint>,
) -> Result<SignedCheckpoint, Error> {
    // The log was opened before anybody asks, and what was offered was signed before.
    let mut signed = signed.ok_or(sqlx::Error::RowNotFound)?;
    for line in queries::cosignatures(connection, signed.size).await? {
        signed.note.push_str(&line);
        signed.note.push('\n');
    }
    Ok(signed)
}
