//! One offer to one witness (C2SP tlog-witness, `add-checkpoint`).

use std::time::Duration;

use http::StatusCode;
use publicdata_audit_domain::Cosignature;
use publicdata_audit_domain::checkpoint::Doubt;
use publicdata_audit_domain::cosignature::{offer, signed_size};

use super::Peer;
use crate::error::Error;
use crate::proofs;
use crate::queries::SignedCheckpoint;
use crate::web::{Limits, WebError};

/// A few signature lines are all that is expected.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), body_bytes: 64 << 10 };
/// The first may begin at another size than the witness's, which then says its own.
const ATTEMPTS_MAX: u32 = 2;

/// Why a witness did not sign.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It is not there.
    #[error("it cannot be reached")]
    Unreachable(#[source] WebError),
    /// It has not been told of the log.
    #[error("it does not know the log (404): have its operator add the log's origin and key")]
    UnknownLog,
    /// It has another key of the log.
    #[error("it does not accept the log's signature (403): have its operator see to the log's key")]
    Signature,
    /// It saw another history.
    #[error(
        "the log does not continue the tree of {signed} leaves that it signed before: history was changed"
    )]
    Contradiction { signed: u64 },
    /// It saw more than there is.
    #[error(
        "it signed a tree of {signed} leaves, and the log has {size}: the log was restored from an older copy"
    )]
    Ahead { signed: u64, size: u64 },
    /// It says something else.
    #[error("it answered with status {0}")]
    Status(u16),
    /// It changes its mind, or names no size.
    #[error("it refuses where the log begins (409), and does not say where it should")]
    Conflict,
    /// Its key signed nothing.
    #[error("its answer has no cosignature by its key")]
    NotCosigned,
    /// Its signature is none.
    #[error("its answer cannot be used")]
    Doubtful(#[source] Doubt),
    /// The log's own tables cannot be read or written.
    #[error("the log's tables cannot be used")]
    Log(#[from] Error),
}

impl Refusal {
    /// Whether it speaks against the log, and not for a fault on the way.
    pub(super) const fn is_grave(&self) -> bool {
        matches!(self, Self::Contradiction { .. } | Self::Ahead { .. })
    }
}

impl Peer {
    /// Offers the checkpoint, at most twice: once more from where the witness says that it is.
    pub(super) async fn offer(&self, newest: &SignedCheckpoint) -> Result<Cosignature, Refusal> {
        let mut signed = self.signed;
        for _ in 0..ATTEMPTS_MAX {
            let mut connection = self.database.pool().acquire().await.map_err(Error::from)?;
            let proof = proofs::consistency(&mut connection, signed, newest.size).await?;
            drop(connection);

            let body = offer(signed, &proof, newest.note.as_bytes());
            let answer = self.web.post(self.uri.clone(), body.into(), LIMITS).await;
            let answer = answer.map_err(Refusal::Unreachable)?;
            match answer.status {
                StatusCode::OK => return self.cosignature(newest, &answer.body),
                StatusCode::CONFLICT => match signed_size(&answer.body) {
                    Some(theirs) if theirs > newest.size => {
                        let size = newest.size;
                        return Err(Refusal::Ahead { signed: theirs, size });
                    }
                    Some(theirs) if theirs != signed => signed = theirs,
                    // It signed another tree of just this size.
                    Some(theirs) if theirs == newest.size => {
                        return Err(Refusal::Contradiction { signed });
                    }
                    Some(_) | None => return Err(Refusal::Conflict),
                },
                StatusCode::FORBIDDEN => return Err(Refusal::Signature),
                StatusCode::NOT_FOUND => return Err(Refusal::UnknownLog),
                StatusCode::UNPROCESSABLE_ENTITY => return Err(Refusal::Contradiction { signed }),
                status => return Err(Refusal::Status(status.as_u16())),
            }
        }
        Err(Refusal::Conflict)
    }

    /// What of the answer is by the witness's own key. Signatures of others do not count.
    fn cosignature(&self, newest: &SignedCheckpoint, lines: &[u8]) -> Result<Cosignature, Refusal> {
        // An empty line would begin the signatures anew, and make the log's own part of the text that is signed.
        if lines.split_inclusive(|byte| *byte == b'\n').any(|line| line == b"\n") {
            return Err(Refusal::Doubtful(Doubt::NotANote));
        }
        let of_note = |lines: &[u8]| {
            let cosigned = [newest.note.as_bytes(), lines].concat();
            match self.key.cosignature(&cosigned) {
                Ok(Some(cosignature)) => Ok(cosignature),
                Ok(None) => Err(Refusal::NotCosigned),
                Err(doubt) => Err(Refusal::Doubtful(doubt)),
            }
        };
        // What is kept is the line alone, so it must hold alone.
        of_note(format!("{}\n", of_note(lines)?.line).as_bytes())
    }
}
