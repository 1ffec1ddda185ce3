//! The control stream to the bus. The node dials, and dials again for as long as it lives (R9.2, R24.1).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use publicdata_proto::exchange::v1::node_link_service_client::NodeLinkServiceClient;
use publicdata_proto::exchange::v1::open_link_request::Kind as Say;
use publicdata_proto::exchange::v1::open_link_response::Kind as Heard;
use publicdata_proto::exchange::v1::{
    NodeHello, OpenLinkRequest, OpenLinkResponse, Pong, ResourceChanged, ServeTransfer,
    StopTransfer, TransferDeclined, TransferRequest,
};
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::retry::Backoff;
use publicdata_service_kit::{Clock, Problem, Tasks, telemetry};
use publicdata_types::ResourceId;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tracing::Instrument as _;

use crate::changes::watch::Versions;
use crate::provider::Provider;
use crate::subscriber::roster::Roster;

const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);
const WORDS_WAITING_MAX: usize = 64;
const BACKOFF: Backoff = Backoff {
    delay_first: Duration::from_millis(100),
    delay_max: Duration::from_secs(10),
    // Not used: a link is kept up without end.
    deadline: Duration::MAX,
};

/// Whether the bus can reach this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// Whether the control stream is open.
    pub connected: bool,
    /// Since when it is so.
    pub since: Timestamp,
}

/// Keeps the control stream up.
pub struct Link {
    bus: Channel,
    provider: Provider,
    status: watch::Sender<LinkStatus>,
    push: Push,
    clock: Clock,
    tasks: Tasks,
}

/// What is said and heard of subscriptions.
#[derive(Clone, Debug)]
pub struct Push {
    /// The states of this node's sources.
    pub versions: Versions,
    /// Who hears that a delivery is due.
    pub roster: Roster,
}

type Words = mpsc::Sender<OpenLinkRequest>;

impl Link {
    /// A link that is not up yet.
    #[must_use]
    pub fn new(
        (bus, provider): (Channel, Provider),
        push: Push,
        status: watch::Sender<LinkStatus>,
        clock: Clock,
        tasks: Tasks,
    ) -> Self {
        Self { bus, provider, status, push, clock, tasks }
    }

    /// Follows whether the link is up.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<LinkStatus> {
        self.status.subscribe()
    }

    /// Keeps the link up until shutdown.
    pub async fn run(self) {
        let shutdown = self.tasks.shutdown().clone();
        let mut delays = BACKOFF.delays();
        loop {
            let ended = tokio::select! {
                () = shutdown.cancelled() => break,
                ended = self.hold() => ended,
            };
            let was_up = self.status.borrow().connected;
            self.set_connected(false);
            let problem = Problem::from_status(&ended);
            let reason = problem.reason.as_ref();
            if was_up {
                delays = BACKOFF.delays();
                tracing::warn!(reason, error = %problem, "the link to the bus is lost; dialling again");
            } else {
                tracing::info!(reason, error = %problem, "the bus cannot be linked; dialling again");
            }

            let delay = delays.next().unwrap_or(BACKOFF.delay_max);
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(delay) => {}
            }
        }
        self.set_connected(false);
    }

    /// Opens the stream and listens until it ends.
    async fn hold(&self) -> Status {
        let (words, waiting) = mpsc::channel(WORDS_WAITING_MAX);
        let services = self.provider.services();
        let hello = NodeHello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            resource_ids: self.provider.datasets().keys().map(ToString::to_string).collect(),
            key: Some(self.provider.node_key()).filter(|_| !services.is_empty()),
            services,
        };
        if words.send(say(Say::Hello(hello))).await.is_err() {
            return Status::unavailable("the link is closed");
        }

        let mut client = NodeLinkServiceClient::new(self.bus.clone());
        let opened = async {
            let mut heard = client.open_link(ReceiverStream::new(waiting)).await?.into_inner();
            welcomed(&mut heard).await?;
            Ok::<_, Status>(heard)
        };
        let mut heard = match timeout(WELCOME_TIMEOUT, opened).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(status)) => return status,
            Err(_) => return Status::unavailable("the bus did not welcome this node in time"),
        };
        self.set_connected(true);
        tracing::info!("linked to the bus");

        let mut versions = self.push.versions.clone();
        versions.mark_changed();
        let mut told = BTreeMap::new();
        loop {
            tokio::select! {
                message = heard.message() => match message {
                    Ok(Some(message)) => self.heed(message, &words).await,
                    Ok(None) => return Status::unavailable("the bus ended the link"),
                    Err(status) => return status,
                },
                // Without its sender nothing is watched any more.
                Ok(()) = versions.changed() => {
                    let current = versions.borrow_and_update().clone();
                    tell_changes(&current, &mut told, &words).await;
                }
            }
        }
    }

    async fn heed(&self, message: OpenLinkResponse, words: &Words) {
        match message.kind {
            Some(Heard::Serve(serve)) => self.serve(serve, words.clone()),
            Some(Heard::Stop(stop)) => self.stop(stop),
            Some(Heard::Ping(ping)) => {
                // If the stream is gone, listening to it says so.
                let _ = words.send(say(Say::Pong(Pong { nonce: ping.nonce }))).await;
            }
            // A word of a later version, which asks nothing that this one could do.
            Some(Heard::Welcome(_)) | None => {}
            Some(Heard::Disputed(records)) => self.provider.mark(&records),
            Some(Heard::Due(due)) => {
                if let Ok(id) = due.subscription_id.parse() {
                    self.push.roster.ring(id, due.source_version);
                }
            }
        }
    }

    fn serve(&self, serve: ServeTransfer, words: Words) {
        let transfer = transfer_id(&serve);
        let span = tracing::info_span!("delivery", transfer.id = %transfer);
        telemetry::set_parent(&span, &serve.traceparent);
        let provider = self.provider.clone();
        let deliver = async move {
            let admitting = provider.clone();
            let admitted = tokio::task::spawn_blocking(move || admitting.admit(&serve)).await;
            match admitted {
                Ok(Ok(admitted)) => Box::pin(provider.deliver(admitted)).await,
                Ok(Err(error)) => {
                    let failure = error.failure();
                    tracing::warn!(reason = %failure.reason, error = chain(&error), "not served");
                    let declined =
                        TransferDeclined { transfer_id: transfer, failure: Some(failure) };
                    let _ = words.send(say(Say::Declined(declined))).await;
                }
                Err(error) => tracing::error!(error = chain(&error), "not served"),
            }
        };
        self.tasks.spawn("delivery", deliver.instrument(span));
    }

    fn stop(&self, stop: StopTransfer) {
        let provider = self.provider.clone();
        self.tasks.try_spawn("stop of a delivery", async move {
            tracing::info!(reason = %stop.reason, transfer.id = %stop.transfer_id, "asked to stop");
            // A node that cannot remember a revocation must not go on serving.
            match tokio::task::spawn_blocking(move || provider.stop(&stop)).await {
                Ok(stopped) => stopped.map_err(publicdata_service_kit::tasks::BoxError::from),
                Err(error) => Err(error.into()),
            }
        });
    }

    fn set_connected(&self, connected: bool) {
        let since = self.clock.now();
        self.status.send_if_modified(|status| {
            let changed = status.connected != connected;
            if changed {
                *status = LinkStatus { connected, since };
            }
            changed
        });
    }
}

/// Tells the bus of the sources that are in another state than it was told.
async fn tell_changes(
    versions: &BTreeMap<ResourceId, String>,
    told: &mut BTreeMap<ResourceId, String>,
    words: &Words,
) {
    for (resource, version) in versions {
        if told.insert(*resource, version.clone()).as_ref() != Some(version) {
            let changed = ResourceChanged {
                resource_id: resource.to_string(),
                source_version: version.clone(),
            };
            // If the stream is gone, listening to it says so.
            let _ = words.send(say(Say::Changed(changed))).await;
        }
    }
}

async fn welcomed(heard: &mut Streaming<OpenLinkResponse>) -> Result<(), Status> {
    match heard.message().await? {
        Some(OpenLinkResponse { kind: Some(Heard::Welcome(_)) }) => Ok(()),
        Some(_) => Err(Status::new(Code::FailedPrecondition, "the bus said no welcome first")),
        None => Err(Status::unavailable("the bus ended the link")),
    }
}

/// As the request says, before anything is checked: for the log, and to name it when declining.
fn transfer_id(serve: &ServeTransfer) -> String {
    use prost::Message as _;

    let signed = serve.request.as_ref().map_or(&[][..], |request| &request.message);
    let id = TransferRequest::decode(signed).map(|request| request.transfer_id).unwrap_or_default();
    // Only what has the form of an id goes into a log.
    id.parse::<publicdata_types::TransferId>().map(|id| id.to_string()).unwrap_or_default()
}

fn say(kind: Say) -> OpenLinkRequest {
    OpenLinkRequest { kind: Some(kind) }
}
