//! The answer of one `Fetch`: a short queue towards the consumer's node, and how it ends.
//!
//! The queue holds a few parts, whatever the size of the transfer. When the consumer's node stops reading, HTTP/2 stops
//! polling the [`Inlet`], the queue fills, and [`Outlet::send`] waits: so the provider's node is no longer read either.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{FutureExt as _, Stream};
use publicdata_proto::exchange::v1::FetchResponse;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

/// How many parts wait between the two nodes.
pub const CAPACITY: usize = 4;

/// The sending end.
#[derive(Debug)]
pub struct Outlet {
    parts: mpsc::Sender<FetchResponse>,
    failure: oneshot::Sender<Status>,
}

/// The receiving end: what the consumer's node reads.
#[derive(Debug)]
pub struct Inlet {
    parts: mpsc::Receiver<FetchResponse>,
    failure: Option<oneshot::Receiver<Status>>,
}

/// The consumer's node reads no more.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone;

/// Both ends of an answer.
#[must_use]
pub fn pair() -> (Outlet, Inlet) {
    let (parts, received) = mpsc::channel(CAPACITY);
    let (failure, failed) = oneshot::channel();
    (Outlet { parts, failure }, Inlet { parts: received, failure: Some(failed) })
}

// === impl Outlet ===

impl Outlet {
    /// Passes one part on, waiting for room.
    ///
    /// # Errors
    /// The consumer's node reads no more.
    pub async fn send(&self, part: FetchResponse) -> Result<(), Gone> {
        self.parts.send(part).await.map_err(|_| Gone)
    }

    /// Waits until everything sent was taken.
    ///
    /// # Errors
    /// The consumer's node reads no more.
    pub async fn drained(&self) -> Result<(), Gone> {
        self.parts.reserve_many(CAPACITY).await.map(drop).map_err(|_| Gone)
    }

    /// Waits until the consumer's node reads no more.
    pub async fn closed(&self) {
        self.parts.closed().await;
    }

    /// Ends the answer with a failure, which overtakes what still waits.
    pub fn fail(self, status: Status) {
        // Nobody listens if the consumer's node is gone.
        let _ = self.failure.send(status);
    }
}

// === impl Inlet ===

impl Stream for Inlet {
    type Item = Result<FetchResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(failure) = &mut self.failure {
            match failure.poll_unpin(cx) {
                Poll::Ready(Ok(status)) => {
                    self.failure = None;
                    self.parts.close();
                    while self.parts.try_recv().is_ok() {}
                    return Poll::Ready(Some(Err(status)));
                }
                // The other end went without a failure: what waits is still good.
                Poll::Ready(Err(_)) => self.failure = None,
                Poll::Pending => {}
            }
        }
        self.parts.poll_recv(cx).map(|part| part.map(Ok))
    }
}
