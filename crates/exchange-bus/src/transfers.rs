//! Transfers: what the handlers of `TransferService` and `Deliver` do.
//!
//! Every attempt is recorded before it is decided (R23.2): refused ones, those that find no node, and those that break off.

mod asked;
pub mod outcome;
mod reconciliation;

mod availability;
mod passing;

use publicdata_event_store::aggregates::{Aggregates, ExecuteError, Meta};
use publicdata_exchange_domain::grant::Grant;
use publicdata_exchange_domain::transfer::{
    self, Command, Refuser, Request, Source, Transfer, Way,
};
use publicdata_exchange_domain::{Refusal, Terms, Usage, Use};
use publicdata_identity::{SpiffeId, TrustRoots};
use publicdata_proto::common::v1::{Signature, SignedMessage};
use publicdata_proto::exchange::v1::{Receipt, SealedParameters, ServeTransfer};
use publicdata_service_kit::problem::chain;
use publicdata_service_kit::retry::Backoff;
use publicdata_service_kit::{Clock, Tasks, telemetry};
use publicdata_transfer::{receipt, signed};
use publicdata_types::{Actor, CommandId, TransferId};
use tracing::Instrument as _;

use crate::codec::{self, grant::Grants, transfer::Transfers};
use crate::error::Error;
use crate::metrics;
use crate::queries::Queries;
use crate::relay::outlet::{self, Inlet};
use crate::relay::{Conductor, Relay, Reservation};
use crate::subscriptions::SubscriptionDesk;
use crate::tiers::Tiers;
use asked::{Asked, derived};
use passing::Attempt;

/// How often the end of a transfer is tried to be recorded again: for about half a minute.
const RECORD_RETRIES_MAX: usize = 10;

/// Starts, follows and ends transfers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Grants, to authorise by.
    pub grants: Aggregates<Grants>,
    /// What the catalogue says of resources.
    pub queries: Queries,
    /// The exchange log.
    pub transfers: Aggregates<Transfers>,
    /// What is pushed to whom.
    pub subscriptions: SubscriptionDesk,
    /// Nodes and pipes.
    pub relay: Relay,
    /// Buses of other tiers.
    pub tiers: Tiers,
    /// Who vouches for signatures.
    pub roots: TrustRoots,
    /// The time.
    pub clock: Clock,
    /// Where transfers run.
    pub tasks: Tasks,
    /// Who records how transfers end: this service.
    pub service: SpiffeId,
}

impl Exchange {
    /// Starts a transfer, or goes on with one that broke off. `asked_by` is the bus that passes the request on, if one does.
    ///
    /// # Errors
    /// The request is not the caller's, it is refused, or no node can serve it; or its grant is of a tier that is cut off.
    pub async fn fetch(
        &self,
        sent: (SignedMessage, Option<SealedParameters>),
        by: &Actor,
        asked_by: Option<&SpiffeId>,
    ) -> Result<Inlet, Error> {
        let asked = Asked::verify(&self.roots, sent, by, self.clock.now())?;
        let grant = asked.grant;
        let is_new = self.must_be_free_or_own(asked.transfer, by).await?;
        // Before the grant is read: a revocation that comes from now on finds the transfer.
        let reservation = self.relay.reserve(asked.transfer, grant).await;

        let (state, _) = self.grants.get(&grant.to_string()).await?;
        if state == Grant::Absent
            && let Some(found) = self.found_elsewhere(grant, by, asked_by).await.transpose()
        {
            let attempt = Attempt { asked, reservation, is_new };
            return self.pass_on(attempt, found, by, asked_by).await;
        }
        // What goes on was counted when it began; whether it may go on, the provider's node says.
        let used = match state.issued() {
            Some((terms, _, _)) if is_new && terms.counts_use() => {
                self.queries.usage(terms, by.organisation, asked.transfer).await?
            }
            Some(_) | None => Usage::default(),
        };
        let wanted = Use {
            consumer: by.organisation,
            fields: &asked.request.fields,
            purpose: &asked.request.purpose,
            mode: asked.mode,
            proof: asked.query.as_ref().and_then(|query| query.proof),
            case_number: &asked.request.case_number,
            at: self.clock.now(),
            used: &used,
        };
        let decision = state.authorise(&wanted).cloned();
        let source = match (state.issued(), &decision) {
            // Whose grant it is, its consumer alone may know.
            (None, _) | (_, Err(Refusal::OtherConsumer { .. })) => None,
            (Some((terms, _, _)), _) => Some(Source {
                resource: terms.resource,
                resource_code: terms.resource_code.clone(),
                provider: terms.provider,
            }),
        };
        let way = Way { requested_through: asked_by.map(SpiffeId::to_string), ..Way::default() };
        self.record_request(&asked, asked.recorded(source, by, way), is_new).await?;

        let decision = decision.map_err(|refusal| (refusal.reason(), Error::from(refusal)));
        let terms = match self.allowed(&asked, decision, by).await? {
            Ok(terms) => terms,
            Err((reason, error)) => return Err(self.refuse(&asked, reason, error).await?),
        };
        let serve = to_serve(&asked, &state);
        let by_node = asked.request.query.as_ref().map(|query| query.node.as_str());
        match reservation.serve(terms.provider, terms.resource, by_node, serve) {
            Ok(conductor) => Ok(self.conduct(asked, conductor)),
            // The reservation holds until the interruption is recorded.
            Err((_reservation, _)) => {
                let cause = outcome::cause("NODE_NOT_CONNECTED", Error::NodeNotConnected);
                self.record(&asked, "unserved", Command::Interrupt { cause }).await?;
                metrics::transfer("interrupted", "NODE_NOT_CONNECTED");
                Err(Error::NodeNotConnected)
            }
        }
    }

    /// What speaks against a request, beside its grant's terms.
    async fn allowed(
        &self,
        asked: &Asked,
        decision: Result<Terms, (&'static str, Error)>,
        by: &Actor,
    ) -> Result<Result<Terms, (&'static str, Error)>, Error> {
        if let Err(denied) = by.may_consume() {
            return Ok(Err((denied.reason(), Error::from(denied))));
        }
        let terms = match decision {
            Ok(terms) => terms,
            Err(refused) => return Ok(Err(refused)),
        };
        if let Err(refused) = self.is_to_be_had(&asked.request, &terms).await? {
            return Ok(Err(refused));
        }
        Ok(match asked.check_parameters() {
            Ok(()) => Ok(terms),
            Err(error) => Err(("PARAMETERS_WRONG", error)),
        })
    }

    /// Completes a transfer with the receipt that both nodes signed.
    ///
    /// # Errors
    /// A signature is wrong, or the receipt is not for this transfer of the caller's node.
    pub async fn confirm(
        &self,
        transfer: TransferId,
        signed: SignedMessage,
        consumer_signature: Option<Signature>,
        by: &Actor,
    ) -> Result<u64, Error> {
        let now = self.clock.now();
        let state = self.transfers.recall(&transfer.to_string()).await?;
        if !is_own(&state, by) {
            return Err(Error::Unknown { what: "transfer" });
        }

        let verified = receipt::verify(&self.roots, &signed, consumer_signature.as_ref(), now)?;
        let signer = consumer_signature.as_ref();
        let signer = signed::signer_of::<Receipt>(&self.roots, &signed.message, signer, now)?;
        if signer.to_string() != by.id {
            return Err(Error::NotTheSigner);
        }
        if verified.transfer_id.parse() != Ok(transfer) {
            return Err(receipt::ReceiptError::Mismatch { field: "transfer_id" }.into());
        }

        let command_id = derived(transfer, &signed.message);
        // First there, where the grant is: what is recorded here is recorded at both.
        self.confirm_through((transfer, &state), (&signed, consumer_signature.as_ref()), by)
            .await?;
        let signatures = (signed.signature, consumer_signature);
        let receipt = codec::transfer::receipt(signed.message, signatures)?;
        let meta = self.meta(command_id, by.id.clone());
        let command = Command::Complete(receipt);
        let executed = self.transfers.execute(&transfer.to_string(), &meta, command).await?;
        if !executed.repeated {
            metrics::transfer("completed", "");
        }
        self.relay.confirm(transfer);
        Ok(executed.sequence)
    }

    /// Records that nobody conducts a transfer that the log calls running. Does nothing if somebody does.
    ///
    /// # Errors
    /// The store failed.
    pub async fn interrupt_abandoned(
        &self,
        transfer: TransferId,
        cause: CommandId,
    ) -> Result<(), Error> {
        let id = transfer.to_string();
        let (state, _) = self.transfers.get(&id).await?;
        let Transfer::Running(Request { grant, .. }) = state else { return Ok(()) };
        let Some(_reservation) = self.relay.reserve_idle(transfer, grant) else { return Ok(()) };
        // Once more, now that no attempt can begin.
        let (state, _) = self.transfers.get(&id).await?;
        if !matches!(state, Transfer::Running(_)) {
            return Ok(());
        }

        let meta = self.meta(cause.derive("bus-restarted"), self.service.to_string());
        let cause = outcome::cause("BUS_RESTARTED", "the bus was restarted; resume the transfer");
        self.transfers.execute(&id, &meta, Command::Interrupt { cause }).await?;
        metrics::transfer("interrupted", "BUS_RESTARTED");
        Ok(())
    }

    /// Nobody touches another's transfer, not even by asking for it anew. Says whether there is none yet.
    async fn must_be_free_or_own(&self, transfer: TransferId, by: &Actor) -> Result<bool, Error> {
        let state = self.transfers.recall(&transfer.to_string()).await?;
        match state == Transfer::Absent || is_own(&state, by) {
            true => Ok(state == Transfer::Absent),
            false => Err(transfer::Rejection::Exists.into()),
        }
    }

    /// Records an attempt: the first one, unless another came in between.
    async fn record_request(
        &self,
        asked: &Asked,
        request: Request,
        is_new: bool,
    ) -> Result<(), Error> {
        if is_new {
            let id = asked.transfer.to_string();
            let meta = self.meta(asked.command_id, asked.actor.clone());
            let command = Command::Request(request.clone());
            match self.transfers.execute(&id, &meta, command).await {
                Err(ExecuteError::Rejected(transfer::Rejection::Exists)) => {}
                executed => return Ok(executed.map(drop)?),
            }
        }
        let received_frames = asked.request.received_frames;
        self.record(asked, "resumed", Command::Resume { request, received_frames }).await
    }

    /// Records what follows from an attempt, at most once for each step of it.
    async fn record(&self, asked: &Asked, step: &str, command: Command) -> Result<(), Error> {
        let actor = match command {
            Command::Request(_) | Command::Resume { .. } => asked.actor.clone(),
            Command::Refuse { .. }
            | Command::Interrupt { .. }
            | Command::Stop { .. }
            | Command::Complete(_) => self.service.to_string(),
        };
        let (_, sequence) = self.transfers.get(&asked.transfer.to_string()).await?;
        let command_id = asked.command_id.derive(&format!("{step}-{sequence}"));
        let meta = self.meta(command_id, actor);
        self.transfers.execute(&asked.transfer.to_string(), &meta, command).await?;
        Ok(())
    }

    /// Records a refusal, and gives back what the caller is told.
    async fn refuse(
        &self,
        asked: &Asked,
        reason: &'static str,
        error: Error,
    ) -> Result<Error, Error> {
        let cause = outcome::cause(reason, &error);
        let command = Command::Refuse { refuser: Refuser::ExchangeBus, cause };
        self.record(asked, "refused", command).await?;
        metrics::transfer("refused", reason);
        tracing::info!(transfer.id = %asked.transfer, reason, "transfer refused");
        Ok(outcome::refused(error))
    }

    /// Follows the transfer in a task of its own, which outlives the call that asked for it.
    fn conduct(&self, asked: Asked, conductor: Conductor) -> Inlet {
        let (outlet, inlet) = outlet::pair();
        let exchange = self.clone();
        let name = format!("transfer {}", asked.transfer);
        let span = tracing::info_span!("transfer", transfer.id = %asked.transfer);
        let follow = async move {
            let first_frame = asked.request.received_frames;
            let (ending, reservation) = conductor.run(first_frame, &outlet).await;
            match outcome::of(ending) {
                Some(outcome) => {
                    exchange.record_outcome(&asked, outcome.command).await;
                    outlet.fail(outcome.problem.into());
                }
                None => {
                    drop(outlet);
                    exchange.await_receipt(&asked, reservation).await;
                }
            }
        };
        self.tasks.spawn(name, follow.instrument(span));
        inlet
    }

    async fn await_receipt(&self, asked: &Asked, mut reservation: Reservation) {
        if reservation.is_confirmed().await {
            return;
        }
        let text = "the receipt was not handed in; resume the transfer to get it again";
        let cause = outcome::cause("RECEIPT_MISSING", text);
        self.record_outcome(asked, Command::Interrupt { cause }).await;
    }

    /// Records how an attempt ended. If the store stays out of reach, the next attempt or start finds the transfer running
    /// and sets it right.
    async fn record_outcome(&self, asked: &Asked, command: Command) {
        let (outcome, reason) = outcome::labels(&command);
        metrics::transfer(outcome, &reason);
        let mut delays = Backoff::default().delays().take(RECORD_RETRIES_MAX);
        loop {
            let error = match self.record(asked, outcome, command.clone()).await {
                Ok(()) => return tracing::info!(outcome, reason, "transfer ended"),
                // A receipt may have come in meanwhile: it says more than this would.
                Err(Error::Transfer(rejection)) => {
                    return tracing::debug!(outcome, reason, %rejection, "it had ended otherwise");
                }
                Err(error) => error,
            };
            match delays.next() {
                Some(delay) => tokio::time::sleep(delay).await,
                None => {
                    let error = chain(&error);
                    return tracing::error!(
                        outcome,
                        reason,
                        error,
                        "cannot record the transfer's end"
                    );
                }
            }
        }
    }

    fn meta(&self, command_id: CommandId, actor: String) -> Meta {
        Meta {
            command_id,
            actor,
            at: self.clock.now(),
            traceparent: telemetry::current_traceparent(),
        }
    }
}

/// What the provider's node is told.
fn to_serve(asked: &Asked, grant: &Grant) -> ServeTransfer {
    ServeTransfer {
        grant: grant.issued().and_then(|(_, signed, _)| codec::grant::open(signed)),
        request: Some(asked.signed.clone()),
        traceparent: telemetry::current_traceparent().unwrap_or_default(),
        parameters: asked.parameters.clone(),
    }
}

/// Whether the caller's node asked for this transfer.
fn is_own(state: &Transfer, by: &Actor) -> bool {
    match state {
        Transfer::Absent => false,
        // The receipt has taken the place of the request; it names the organisation alone.
        Transfer::Completed(receipt) => receipt.consumer == by.organisation,
        Transfer::Running(request)
        | Transfer::Interrupted(request)
        | Transfer::Refused(request)
        | Transfer::Stopped(request) => request.consumer_node == by.id,
    }
}
