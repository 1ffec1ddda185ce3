//! `SubscriptionService`.

use publicdata_directory::Caller;
use publicdata_proto::exchange::v1::subscription_service_server::SubscriptionService;
use publicdata_proto::exchange::v1::{
    EndSubscriptionRequest, EndSubscriptionResponse, GetSubscriptionRequest,
    GetSubscriptionResponse, ListSubscriptionsRequest, ListSubscriptionsResponse,
    OpenSubscriptionRequest, OpenSubscriptionResponse, ReconcileSubscriptionRequest,
    ReconcileSubscriptionResponse,
};
use publicdata_types::SubscriptionId;
use tonic::{Request, Response, Status, async_trait};

use super::{Service, organisation_required, page, token};
use crate::codec::{FieldError, subscription, values};
use crate::error::Error;
use crate::subscriptions::Wanted;

#[async_trait]
impl SubscriptionService for Service {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn open_subscription(
        &self,
        request: Request<OpenSubscriptionRequest>,
    ) -> Result<Response<OpenSubscriptionResponse>, Status> {
        let by = self.directory.node(&request).await?;
        let request = request.into_inner();
        let id = id(&request.subscription_id)?;
        let wanted = wanted(request).map_err(Error::from)?;

        let (sequence, source_version) = self.subscriptions.open(id, wanted, by).await?;

        self.settle(sequence).await;
        Ok(Response::new(OpenSubscriptionResponse { sequence, source_version }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn end_subscription(
        &self,
        request: Request<EndSubscriptionRequest>,
    ) -> Result<Response<EndSubscriptionResponse>, Status> {
        let caller = self.directory.caller(&request).await?;
        let by = caller.actor().cloned().ok_or_else(organisation_required)?;
        let request = request.into_inner();
        let meta = self.meta(&request.command_id, &by)?;
        let id = id(&request.subscription_id)?;

        let sequence = match caller {
            Caller::Node { .. } => {
                self.subscriptions.withdraw(&meta, id, request.reason, by).await?
            }
            Caller::User(_) | Caller::Service(_) => {
                self.subscriptions.end(&meta, id, request.reason, by).await?
            }
        };

        self.settle(sequence).await;
        Ok(Response::new(EndSubscriptionResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn reconcile_subscription(
        &self,
        request: Request<ReconcileSubscriptionRequest>,
    ) -> Result<Response<ReconcileSubscriptionResponse>, Status> {
        let by = self.directory.node(&request).await?;
        let statement = request.into_inner().statement;
        let statement = statement.ok_or_else(|| Error::from(FieldError::missing("statement")))?;

        let (sequence, equal) = self.exchange.reconcile(statement, by).await?;

        self.settle(sequence).await;
        Ok(Response::new(ReconcileSubscriptionResponse { sequence, equal }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_subscription(
        &self,
        request: Request<GetSubscriptionRequest>,
    ) -> Result<Response<GetSubscriptionResponse>, Status> {
        let reader = self.reader(&request).await?;
        let id = id(&request.get_ref().subscription_id)?;

        match self.queries.subscription(id, &reader).await? {
            Some(found) => Ok(Response::new(GetSubscriptionResponse { subscription: Some(found) })),
            None => Err(Error::Unknown { what: "subscription" }.into()),
        }
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_subscriptions(
        &self,
        request: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        let reader = self.reader(&request).await?;
        let request = request.get_ref();
        let page = page(request.page_size, &request.page_token)?;
        let grant = values::optional("grant_id", &request.grant_id).map_err(Error::from)?;

        let listed = self.queries.subscriptions(&reader, request.status(), grant, &page).await?;

        let next_page_token = token(listed.next);
        Ok(Response::new(ListSubscriptionsResponse {
            subscriptions: listed.entries,
            next_page_token,
        }))
    }
}

fn id(text: &str) -> Result<SubscriptionId, Error> {
    Ok(values::parse("subscription_id", text)?)
}

fn wanted(request: OpenSubscriptionRequest) -> Result<Wanted, FieldError> {
    Ok(Wanted {
        trigger: subscription::trigger(request.trigger.as_ref())?,
        grant: values::parse("grant_id", &request.grant_id)?,
        name: request.name,
        fields: request.fields,
        purpose: request.purpose,
        case_number: request.case_number,
    })
}
