//! A department's system that asks for payloads, and compares each with what was stored.

use std::sync::Arc;

use anyhow::Context as _;
use arrow::array::AsArray as _;
use arrow_flight::Ticket;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use futures::TryStreamExt as _;
use publicdata::commands::answer;
use publicdata_service_kit::grpc::Channel;
use serde_json::json;

use super::load::Ask;
use super::payloads::Payloads;
use super::town::{CLASS, SERVICE};
use crate::bench::city::PURPOSE;

/// The column that holds what a payload says.
const BODY: &str = "body";

/// Asks for payloads in an order. Clones share a connection.
#[derive(Clone)]
pub(super) struct Asker {
    pub(super) client: FlightServiceClient<Channel>,
    pub(super) payloads: Arc<Payloads>,
    /// Which payload each request asks for; more requests begin anew.
    pub(super) order: Arc<[&'static str]>,
    pub(super) asked: Asked,
}

/// Who is asked.
#[derive(Clone)]
pub(super) enum Asked {
    /// A data service, through the consumer's node, under this grant.
    DataService(Arc<str>),
    /// The bare server.
    Echo,
}

impl Ask for Asker {
    async fn ask(&self, number: usize) -> anyhow::Result<()> {
        let name = self.order[number % self.order.len()];
        let payload = self.payloads.named(name)?;
        let mut client = self.client.clone();
        let mut came = 0;
        match &self.asked {
            Asked::DataService(grant) => {
                let ticket = json!({
                    "grantId": &**grant, "purpose": PURPOSE, "service": SERVICE,
                    "fields": [BODY], "parameters": { CLASS: name },
                });
                let data = answer(client.do_get(Ticket::new(ticket.to_string())).await)?;
                let data = data.map_err(FlightError::from);
                let mut batches = FlightRecordBatchStream::new_from_flight_data(data);
                while let Some(batch) = batches.try_next().await? {
                    let bodies = batch.column_by_name(BODY).context("the answer has no body")?;
                    for body in bodies.as_string::<i32>() {
                        payload.check(&mut came, body.context("a part is null")?.as_bytes())?;
                    }
                }
            }
            Asked::Echo => {
                let mut data = answer(client.do_get(Ticket::new(name)).await)?;
                while let Some(part) = data.message().await? {
                    payload.check(&mut came, &part.data_body)?;
                }
            }
        }
        payload.complete(came)
    }
}
