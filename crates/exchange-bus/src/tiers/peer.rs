//! What is asked of the bus of another tier, on behalf of our own consumers.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use publicdata_identity::SpiffeId;
use publicdata_proto::exchange::v1::tier_service_client::TierServiceClient;
use publicdata_proto::exchange::v1::{
    ApplyOnBehalfRequest, ConfirmDeliveryOnBehalfRequest, ConfirmDeliveryRequest, DeliverRequest,
    FetchOnBehalfRequest, FetchOnBehalfResponse, FetchRequest, FindServicesOnBehalfRequest,
    GetGrantOnBehalfRequest, Grant, ServingNode, SubmitApplicationRequest,
    SubmitApplicationResponse, deliver_request, fetch_on_behalf_response,
};
use publicdata_service_kit::Problem;
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::Code;
use publicdata_types::GrantId;
use tokio::sync::oneshot;
use tonic::{Status, Streaming};

use crate::error::Error;
use crate::relay::{Answer, Broken, Delivery, PeerEnd};

/// How long a peer may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The reasons that our own side gives when a connection fails, and gRPC's, which name none.
const UNREACHABLE: [&str; 7] = [
    "SERVER_NOT_RUNNING",
    "SERVER_UNREACHABLE",
    "DEADLINE_EXCEEDED",
    "WRONG_SERVER",
    "SERVER_NOT_TRUSTED",
    "CERTIFICATE_REFUSED",
    "CONNECTION_LOST",
];
/// The reason of what no service of ours answered.
const UNSPECIFIED: &str = "UNSPECIFIED";

/// A bus of another tier. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peer {
    id: SpiffeId,
    channel: Channel,
}

impl Peer {
    /// A bus that answers by this channel.
    #[must_use]
    pub fn new(id: SpiffeId, channel: Channel) -> Self {
        Self { id, channel: channel.with_deadline(ANSWER_TIMEOUT) }
    }

    /// Which it is.
    #[must_use]
    pub fn id(&self) -> &SpiffeId {
        &self.id
    }

    /// Applies for a resource of a provider of its tier.
    ///
    /// # Errors
    /// It refuses, or is out of reach.
    pub async fn apply(
        &self,
        by: &str,
        request: SubmitApplicationRequest,
    ) -> Result<SubmitApplicationResponse, Error> {
        let request = ApplyOnBehalfRequest { on_behalf_of: by.to_owned(), request: Some(request) };
        let answer = self.client().apply_on_behalf(request).await.map_err(|s| self.failed(&s))?;
        answer.into_inner().response.ok_or_else(|| Error::unreadable("an empty answer of a peer"))
    }

    /// One application or grant, if it has it and `by` may see it.
    ///
    /// # Errors
    /// It is out of reach, or does not answer this bus.
    pub async fn grant(&self, by: &str, grant: GrantId) -> Result<Option<Grant>, Error> {
        let request =
            GetGrantOnBehalfRequest { on_behalf_of: by.to_owned(), grant_id: grant.to_string() };
        match self.client().get_grant_on_behalf(request).await {
            Ok(answer) => Ok(answer.into_inner().grant),
            Err(status) if status.code() == tonic::Code::NotFound => Ok(None),
            Err(status) => Err(self.failed(&status)),
        }
    }

    /// Who answers queries under a grant.
    ///
    /// # Errors
    /// It refuses, or is out of reach.
    pub async fn services(&self, by: &str, grant: GrantId) -> Result<Vec<ServingNode>, Error> {
        let request = FindServicesOnBehalfRequest {
            on_behalf_of: by.to_owned(),
            grant_id: grant.to_string(),
        };
        let answer = self.client().find_services_on_behalf(request).await;
        Ok(answer.map_err(|status| self.failed(&status))?.into_inner().nodes)
    }

    /// Hands in a receipt.
    ///
    /// # Errors
    /// It refuses, or is out of reach.
    pub async fn confirm(&self, by: &str, request: ConfirmDeliveryRequest) -> Result<(), Error> {
        let request =
            ConfirmDeliveryOnBehalfRequest { on_behalf_of: by.to_owned(), request: Some(request) };
        let answer = self.client().confirm_delivery_on_behalf(request).await;
        answer.map(drop).map_err(|status| self.failed(&status))
    }

    /// Fetches, as an answer that the relay conducts like that of a node. The call ends when the answer, or its parts, are dropped.
    pub(crate) fn fetch(self, by: &str, request: FetchRequest) -> BoxFuture<'static, Answer> {
        let request = FetchOnBehalfRequest { on_behalf_of: by.to_owned(), request: Some(request) };
        async move {
            match self.begin(request).await {
                Ok(delivery) => Answer::Delivery(delivery),
                Err(broken) => Answer::Broken(broken),
            }
        }
        .boxed()
    }

    async fn begin(self, request: FetchOnBehalfRequest) -> Result<Delivery, Broken> {
        let answer = self.client().fetch_on_behalf(request).await;
        let mut parts = answer.map_err(|status| self.broken(&status))?.into_inner();
        let header = match parts.message().await.map_err(|status| self.broken(&status))? {
            Some(FetchOnBehalfResponse {
                part: Some(fetch_on_behalf_response::Part::Header(header)),
            }) => header,
            Some(_) | None => return Err(self.broken(&Status::unavailable("no header came"))),
        };
        // Nobody waits for the end: the call itself says it.
        let (done, _) = oneshot::channel();
        Ok(Delivery { header, parts: self.parts(parts), done })
    }

    fn parts(self, parts: Streaming<FetchOnBehalfResponse>) -> crate::relay::Parts {
        stream::unfold((self, parts), |(peer, mut parts)| async move {
            let part = match parts.message().await {
                Ok(Some(response)) => Ok(DeliverRequest { part: response.part.map(deliver) }),
                Ok(None) => return None,
                Err(status) => Err(peer.broken(&status)),
            };
            Some((part, (peer, parts)))
        })
        .boxed()
    }

    /// By which it answers.
    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    fn client(&self) -> TierServiceClient<Channel> {
        TierServiceClient::new(self.channel.clone())
    }

    /// What our caller is told: what the peer says, or that it cannot be reached.
    fn failed(&self, status: &Status) -> Error {
        match self.answered(status) {
            Some(problem) => Error::Peer(problem),
            None => Error::TierUnreachable { peer: self.id.clone() },
        }
    }

    fn broken(&self, status: &Status) -> Broken {
        let problem = match self.answered(status) {
            Some(problem) => problem,
            None => Error::TierUnreachable { peer: self.id.clone() }.problem(),
        };
        let Problem { code, reason, message, metadata, .. } = problem;
        Broken::Peer(PeerEnd { code, reason: reason.into_owned(), message, metadata })
    }

    /// What the peer itself says; none if that is how the connection failed.
    fn answered(&self, status: &Status) -> Option<Problem> {
        let problem = Problem::from_status(status);
        let is_silent = problem.reason == UNSPECIFIED
            && matches!(
                problem.code,
                Code::Unavailable | Code::Internal | Code::Unauthenticated | Code::Conflict
            );
        if is_silent || UNREACHABLE.contains(&problem.reason.as_ref()) {
            tracing::warn!(peer = %self.id, error = %problem, "the bus of another tier cannot be reached");
            return None;
        }
        Some(problem)
    }
}

/// A part that came from another bus, as if it came from a node.
fn deliver(part: fetch_on_behalf_response::Part) -> deliver_request::Part {
    match part {
        fetch_on_behalf_response::Part::Header(header) => deliver_request::Part::Header(header),
        fetch_on_behalf_response::Part::Frame(frame) => deliver_request::Part::Frame(frame),
        fetch_on_behalf_response::Part::Trailer(trailer) => deliver_request::Part::Trailer(trailer),
    }
}
