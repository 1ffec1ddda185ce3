//! Tells the providers' nodes what of their data is in doubt (R27.2).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use publicdata_proto::exchange::v1::open_link_response::Kind;
use publicdata_proto::exchange::v1::{
    DisputedRecords, DisputedReferences, OpenLinkResponse, Ticket,
};
use publicdata_service_kit::problem::chain;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::queries::Queries;
use crate::relay::{Line, Relay};
use crate::views::Objections;

/// How often it looks though nobody told it to: after a failure of the database.
const EVERY: Duration = Duration::from_secs(30);

/// Compares what each connected node was told with what the view says, and tells it the difference.
///
/// One task does it for all nodes, so that what a node hears last is what holds; and what it hears follows from the view alone,
/// so that nothing is missed when an answer goes out before the view shows it. A node that has just connected was told nothing:
/// it hears of each resource that it serves, also that nothing is in doubt.
pub struct Marks {
    /// Where open tickets stand.
    pub queries: Queries,
    /// What tells that they may have changed.
    pub view: Objections,
    /// Who is connected.
    pub relay: Relay,
}

/// What each connection was told of each resource.
type Told = HashMap<u64, BTreeMap<String, DisputedRecords>>;

impl Marks {
    /// Tells whatever changes, until shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut told = Told::new();
        loop {
            if let Err(error) = self.tell(&mut told).await {
                tracing::warn!(error = chain(&error), "cannot tell nodes what is in doubt");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.view.until_changed() => {}
                () = self.relay.until_connected() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn tell(&self, told: &mut Told) -> Result<(), Error> {
        // Before the table is read: whoever connects from now on is told in the next round.
        let lines = self.relay.lines();
        let tickets = self.queries.open_tickets().await?;

        told.retain(|session, _| lines.iter().any(|line| line.session() == *session));
        for line in lines {
            let told = told.entry(line.session()).or_default();
            for records in in_doubt(&line, &tickets) {
                if told.get(&records.resource_id) == Some(&records) {
                    continue;
                }
                let kind = Some(Kind::Disputed(records.clone()));
                if !line.say(OpenLinkResponse { kind }).await {
                    break;
                }
                told.insert(records.resource_id.clone(), records);
            }
        }
        Ok(())
    }
}

/// What is in doubt of each resource that a node serves. Of other organisations' resources it learns nothing.
fn in_doubt(line: &Line, tickets: &[Ticket]) -> Vec<DisputedRecords> {
    let provider = line.organisation().map(|code| code.to_string()).unwrap_or_default();
    let resources: BTreeSet<&String> = line.resource_ids().iter().collect();
    let records = |resource: &String| {
        let open = tickets
            .iter()
            .filter(|ticket| ticket.resource_id == *resource && ticket.provider_code == provider);
        let mut records: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
        for ticket in open.clone().filter(|ticket| !ticket.record_references.is_empty()) {
            records.entry(&ticket.grant_id).or_default().extend(&ticket.record_references);
        }
        let records = records.into_iter().map(|(grant_id, references)| DisputedReferences {
            grant_id: grant_id.clone(),
            references: references.into_iter().cloned().collect(),
        });
        DisputedRecords {
            resource_id: resource.clone(),
            records: records.collect(),
            ticket_ids: open.map(|ticket| ticket.id.clone()).collect(),
        }
    };
    resources.into_iter().map(records).collect()
}
