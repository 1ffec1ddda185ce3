//! Two nodes and a bus between them that may lie (R24.1, R26.2, R30.1).

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightDescriptor, FlightInfo, Ticket as FlightTicket};
use futures::{StreamExt as _, TryStreamExt as _};
use publicdata_identity::{Credentials, Signer};
use publicdata_node_agent::App;
use publicdata_node_agent::config::{
    BusConfig, Config, ConnectorKind, DatasetConfig, FlightConfig, ServiceConfig,
};
use publicdata_node_agent::ticket::Ticket;
use publicdata_proto::catalog::v1::ItemType;
use publicdata_proto::exchange::v1::fetch_response::Part;
use publicdata_proto::exchange::v1::{
    FilterItem, Grant, GrantTerms, RateLimit, RatePeriod, ServeTransfer, StopTransfer,
    TransferRequest, open_link_response,
};
use publicdata_proto::node::v1::GetStatusRequest;
use publicdata_proto::node::v1::node_service_client::NodeServiceClient;
use publicdata_service_kit::grpc::{self, Channel};
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::{Clock, Problem, Tasks};
use publicdata_transfer::{receipt, signed};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Status;

use crate::bus::{Bus, interrupted};
use crate::parties::{
    CONSUMER, GRANT, PROVIDER, PURPOSE, Parties, RESOURCE, signed_by, terms, write_rows,
};

const ROWS: usize = 20_000;

pub(crate) struct Fleet {
    pub(crate) parties: Parties,
    pub(crate) bus: Bus,
    bus_address: SocketAddr,
    pub(crate) clock: Clock,
    pub(crate) folder: TempDir,
    pub(crate) more_datasets: Vec<DatasetConfig>,
    pub(crate) provider: SocketAddr,
    bus_tasks: Tasks,
    provider_tasks: Tasks,
    _consumer_tasks: Tasks,
    flight: SocketAddr,
    services: Vec<ServiceConfig>,
}

/// R23.1, R26.2, R30.1: exactly the granted rows and fields come, masked, and both nodes sign for them.
#[tokio::test]
async fn granted_rows_come_masked_and_signed_for() {
    let terms = GrantTerms { row_filter: "people < 3".to_owned(), ..terms() };
    let fleet = Fleet::start(&terms, ROWS).await;

    let rows = fleet.fetch(&ticket(&["people", "name"])).await.unwrap();

    let names: Vec<_> = rows.column(1).as_string::<i32>().iter().flatten().collect();
    assert_eq!(names, ["村*0", "村*1", "村*2"]);
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values().to_vec(), [0, 1, 2]);

    let confirmed = fleet.bus.confirmed.lock().unwrap().remove(0);
    let receipt = receipt::verify(
        fleet.parties.bus().roots(),
        confirmed.receipt.as_ref().unwrap(),
        confirmed.consumer_signature.as_ref(),
        fleet.clock.now(),
    )
    .unwrap();
    assert_eq!((receipt.rows, receipt.frames), (3, 2));
    assert_eq!(receipt.fields, ["people", "name"]);
    assert_eq!(receipt.purpose, PURPOSE);
}

/// R26.2: rows may be chosen by an item that is not given; its type was signed with the terms.
#[tokio::test]
async fn rows_are_chosen_by_an_item_that_is_not_given() {
    let mut terms = terms();
    terms.fields.retain(|field| field.name != "people");
    terms.row_filter = "people BETWEEN 8 AND 11".to_owned();
    terms.filter_items =
        vec![FilterItem { name: "people".to_owned(), r#type: ItemType::Integer.into() }];
    let fleet = Fleet::start(&terms, 20).await;

    let rows = fleet.fetch(&ticket(&[])).await.unwrap();

    assert_eq!(rows.num_columns(), 2);
    let codes: Vec<_> = rows.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(codes, ["000008", "000009", "000010", "000011"]);
}

/// R26.2: without names of fields, all that the grant gives come; the schema is told beforehand.
#[tokio::test]
async fn no_fields_means_all_granted() {
    let fleet = Fleet::start(&terms(), 10).await;
    let wanted = ticket(&[]);

    let mut client = fleet.client(&fleet.parties.user(CONSUMER));
    let info: FlightInfo = client
        .get_flight_info(FlightDescriptor::new_cmd(wanted.to_json()))
        .await
        .unwrap()
        .into_inner();
    let redeemed = Ticket::read(&info.endpoint[0].ticket.as_ref().unwrap().ticket).unwrap();
    let rows = fleet.fetch(&redeemed).await.unwrap();

    assert_eq!(redeemed.fields, ["code", "name", "people"]);
    assert_eq!(info.try_decode_schema().unwrap(), *rows.schema());
    assert_eq!(rows.schema().field(2).data_type(), &DataType::Int64);
    assert_eq!(rows.num_rows(), 10);
}

/// H4: wherever the delivery breaks off, the system sees each row once.
#[tokio::test]
async fn interrupted_transfer_goes_on_unnoticed() {
    let fleet = Fleet::start(&terms(), ROWS).await;
    fleet.bus.on_part(|attempt, part| match &part {
        Part::Frame(frame) if attempt < 4 && frame.index == attempt - 1 => vec![Err(interrupted())],
        Part::Trailer(_) if attempt == 4 => vec![Err(interrupted())],
        Part::Header(_) | Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
    });
    // The first frame of all decides whether the fetch begins.
    let refused = fleet.fetch(&ticket(&["code"])).await.unwrap_err();
    assert_eq!(refused.reason, "PROVIDER_NODE_LOST");

    let rows = fleet.fetch(&ticket(&["code"])).await.unwrap();

    assert_codes(&rows, ROWS);
    assert_eq!(fleet.bus.attempts(), 5);
    assert_eq!(fleet.bus.confirmed.lock().unwrap().len(), 1);
}

/// H4: a provider's node that is killed in mid-transfer and started again goes on.
#[tokio::test]
async fn provider_node_may_be_restarted_in_mid_transfer() {
    let mut fleet = Fleet::start(&terms(), ROWS).await;
    fleet.bus.on_part(|attempt, part| match &part {
        Part::Frame(frame) if attempt == 1 && frame.index == 2 => vec![Err(interrupted())],
        Part::Header(_) | Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
    });

    let mut batches = fleet.open(&ticket(&["code"])).await.unwrap();
    let first = batches.next().await.unwrap().unwrap();
    fleet.restart_provider().await;
    let mut all = vec![first];
    all.extend(batches.try_collect::<Vec<_>>().await.unwrap());

    assert_codes(&concat_batches(&all[0].schema(), &all).unwrap(), ROWS);
}

/// H4: data that changed meanwhile is not mixed with what came before.
#[tokio::test]
async fn source_that_changed_meanwhile_is_an_error() {
    let fleet = Fleet::start(&terms(), ROWS).await;
    let source = fleet.source();
    let changed = Mutex::new(Some(()));
    fleet.bus.on_part(move |_, part| match &part {
        Part::Frame(frame) if frame.index == 2 && changed.lock().unwrap().take().is_some() => {
            let text = std::fs::read_to_string(&source).unwrap();
            std::fs::write(&source, text.replace("000007,", "999997,")).unwrap();
            vec![Err(interrupted())]
        }
        Part::Header(_) | Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
    });

    let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();

    assert_eq!(problem.reason, "SOURCE_CHANGED");
    assert!(problem.message.contains("fetch again from the beginning"), "{problem}");
}

/// R9.2: a bus that changes, drops, repeats or swaps frames is found out, and the receipt is not signed.
#[tokio::test]
async fn tampered_frames_are_named() {
    type Lie = fn(u64, Part) -> Vec<Result<Part, Status>>;
    let lies: [(&str, Lie); 5] = [
        ("FRAME_CHANGED", |_, part| match part.clone() {
            Part::Frame(mut frame) if frame.index == 1 => {
                let mut sealed = frame.sealed.to_vec();
                sealed[9] ^= 1;
                frame.sealed = sealed.into();
                vec![Ok(Part::Frame(frame))]
            }
            Part::Header(_) | Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
        }),
        ("FRAME_MISSING", |_, part| match part.clone() {
            Part::Frame(frame) if frame.index == 1 => vec![],
            Part::Header(_) | Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
        }),
        ("FRAME_REPEATED", |_, part| match part.clone() {
            Part::Frame(frame) if frame.index == 1 => {
                vec![Ok(Part::Frame(frame.clone())), Ok(Part::Frame(frame))]
            }
            Part::Header(_) | Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
        }),
        ("RECEIPT_REJECTED", |_, part| match part.clone() {
            Part::Frame(frame) if frame.index == 3 => vec![],
            Part::Header(_) | Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
        }),
        ("DELIVERY_MALFORMED", |_, part| match part.clone() {
            Part::Header(mut header) => {
                header.transfer_id = GRANT.to_owned();
                vec![Ok(Part::Header(header))]
            }
            Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
        }),
    ];
    let fleet = Fleet::start(&terms(), ROWS).await;
    for (reason, lie) in lies {
        fleet.bus.on_part(lie);
        let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();
        assert_eq!(problem.reason, reason, "{problem}");
    }
    assert!(fleet.bus.confirmed.lock().unwrap().is_empty());
}

/// R26.2, R30.1: the provider's node counts transfers by itself, over a restart, whatever the bus lets pass.
#[tokio::test]
async fn transfers_are_counted_by_the_node_over_a_restart() {
    let rate = Some(RateLimit { transfers: 2, period: RatePeriod::Day.into() });
    let mut fleet = Fleet::start(&GrantTerms { rate, ..terms() }, 10).await;
    for _ in 0..2 {
        assert_eq!(fleet.fetch(&ticket(&["code"])).await.unwrap().num_rows(), 10);
    }

    fleet.fetch(&ticket(&["code"])).await.unwrap_err();
    fleet.expect_declined("RATE_EXCEEDED").await;
    fleet.restart_provider().await;
    fleet.fetch(&ticket(&["code"])).await.unwrap_err();
    let declined = fleet.bus.declined.borrow().clone();
    let reasons: Vec<&str> = declined.iter().map(|failure| failure.reason.as_str()).collect();
    assert_eq!(reasons, ["RATE_EXCEEDED"; 2]);
}

/// R26.2, R30.1: rows are counted over all transfers, and no transfer brings more than are left.
#[tokio::test]
async fn rows_are_counted_by_the_node_over_a_restart() {
    let mut fleet = Fleet::start(&GrantTerms { max_total_rows: 25, ..terms() }, 10).await;
    for _ in 0..2 {
        assert_eq!(fleet.fetch(&ticket(&["code"])).await.unwrap().num_rows(), 10);
    }

    fleet.restart_provider().await;
    let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();
    assert_eq!(problem.reason, "VOLUME_EXHAUSTED");
    assert!(problem.message.contains("5 rows that are left"), "{problem}");
}

/// R26.2: the provider's node serves only what its own organisation's user signed.
#[tokio::test]
async fn forged_grants_are_refused_by_the_node() {
    let fleet = Fleet::start(&terms(), 10).await;
    let consumer = fleet.parties.user(CONSUMER);
    let node = fleet.parties.node(PROVIDER);
    let user = fleet.parties.user(PROVIDER);
    let foreign = Parties::new().user(PROVIDER);
    let other = GrantTerms { provider_code: CONSUMER.to_owned(), ..terms() };
    let ended = GrantTerms { valid_until: terms().valid_from, ..terms() };
    let mut widened = signed_by(&user, &terms());
    widened.message.extend(signed_by(&user, &terms()).message);
    let cases = [
        ("GRANT_SIGNER_WRONG", signed_by(&consumer, &terms())),
        ("GRANT_SIGNER_WRONG", signed_by(&node, &terms())),
        ("GRANT_SIGNATURE_INVALID", signed_by(&foreign, &terms())),
        ("GRANT_SIGNATURE_INVALID", widened),
        ("GRANT_OF_OTHER_PROVIDER", signed_by(&user, &other)),
        ("GRANT_EXPIRED", signed_by(&user, &ended)),
        (
            "RESOURCE_NOT_SERVED",
            signed_by(&user, &GrantTerms { resource_id: GRANT.to_owned(), ..terms() }),
        ),
        (
            "FILTER_NOT_ACCEPTED",
            signed_by(&user, &GrantTerms { row_filter: "1 = 1".to_owned(), ..terms() }),
        ),
        (
            "FILTER_NOT_ACCEPTED",
            signed_by(&user, &GrantTerms { row_filter: "area = 1".to_owned(), ..terms() }),
        ),
    ];
    for (reason, grant) in cases {
        fleet.bus.on_serve(move |serve| ServeTransfer { grant: Some(grant.clone()), ..serve });
        let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();
        assert_eq!(problem.reason, reason, "{problem}");
    }
    assert_eq!(*fleet.bus.frames.borrow(), 0, "no frame left the node");
}

/// R30.1: field and purpose are checked at the node, whatever the bus lets through.
#[tokio::test]
async fn uses_outside_the_grant_are_refused_by_the_node() {
    let fleet = Fleet::start(&terms(), 10).await;

    let field = fleet.fetch(&ticket(&["code", "phone"])).await.unwrap_err();
    let purpose = Ticket { purpose: "curiosity".to_owned(), ..ticket(&["code"]) };
    let purpose = fleet.fetch(&purpose).await.unwrap_err();

    assert_eq!(field.reason, "FIELD_OUTSIDE_GRANT");
    assert!(field.message.contains("phone"), "{field}");
    assert_eq!(purpose.reason, "PURPOSE_DIFFERS");
    assert_eq!(*fleet.bus.frames.borrow(), 0);
}

/// R9.2: a bus can neither change a request, nor put its own key into one, nor use one twice.
#[tokio::test]
async fn forged_and_replayed_requests_are_refused_by_the_node() {
    let fleet = Fleet::start(&terms(), 10).await;
    fleet.bus.on_serve(|mut serve| {
        use prost::Message as _;
        let signed = serve.request.as_mut().unwrap();
        let mut request = TransferRequest::decode(signed.message.as_slice()).unwrap();
        request.fields.push("name".to_owned());
        signed.message = request.encode_to_vec();
        serve
    });
    let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();
    assert_eq!(problem.reason, "REQUEST_SIGNATURE_INVALID");

    let bus = Signer::from(&fleet.parties.bus());
    fleet.bus.on_serve(move |mut serve| {
        use prost::Message as _;
        let message = serve.request.as_ref().unwrap().message.clone();
        let request = TransferRequest::decode(message.as_slice()).unwrap();
        serve.request = Some(signed::sign(&bus, &request));
        serve
    });
    let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();
    assert_eq!(problem.reason, "REQUEST_SIGNER_WRONG");

    fleet.bus.on_serve(|serve| serve);
    fleet.fetch(&ticket(&["code"])).await.unwrap();
    let again = fleet.bus.served.lock().unwrap().last().unwrap().clone();
    fleet.bus.say(open_link_response::Kind::Serve(again.clone())).await;
    fleet.expect_declined("REQUEST_REPLAYED").await;

    fleet.clock.advance(Duration::from_secs(600));
    fleet.bus.say(open_link_response::Kind::Serve(again)).await;
    fleet.expect_declined("REQUEST_STALE").await;
}

/// R26.2: a revocation stops what is running, and is remembered over a restart.
#[tokio::test]
async fn revocation_stops_and_is_remembered() {
    let mut fleet = Fleet::start(&unmasked(), 0).await;
    // More than fits between source and system, so that the delivery is running still.
    write_wide_rows(&fleet.source(), 14 << 20);
    let mut batches = fleet.open(&ticket(&["name"])).await.unwrap();
    batches.next().await.unwrap().unwrap();

    let stop = StopTransfer { revoked_grant_id: GRANT.to_owned(), ..StopTransfer::default() };
    fleet.bus.say(open_link_response::Kind::Stop(stop)).await;
    let ended = batches.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(problem(ended).reason, "GRANT_REVOKED", "resuming it is refused");
    assert!(fleet.bus.confirmed.lock().unwrap().is_empty());

    fleet.restart_provider().await;
    let refused = fleet.fetch(&ticket(&["code"])).await.unwrap_err();
    assert_eq!(refused.reason, "GRANT_REVOKED");
}

/// R23.1: a system that stops reading holds back the source; memory stays bounded.
#[tokio::test]
async fn system_that_stops_reading_holds_back_the_source() {
    const FRAMES_ON_THE_WAY_MAX: u64 = 12;
    let fleet = Fleet::start(&unmasked(), 0).await;
    let rows = write_wide_rows(&fleet.source(), 18 << 20);
    let mut frames = fleet.bus.frames.subscribe();

    let mut batches = fleet.open(&ticket(&["name"])).await.unwrap();
    let first = batches.next().await.unwrap().unwrap();
    let flooded =
        timeout(Duration::from_secs(2), frames.wait_for(|&frames| frames > FRAMES_ON_THE_WAY_MAX));
    assert!(flooded.await.is_err(), "more than {FRAMES_ON_THE_WAY_MAX} frames left the source");

    let rest: Vec<RecordBatch> = batches.try_collect().await.unwrap();
    let received = rest.iter().map(RecordBatch::num_rows).sum::<usize>() + first.num_rows();
    assert_eq!(received, rows);
    assert!(*frames.borrow() > FRAMES_ON_THE_WAY_MAX + 4, "{} frames", *frames.borrow());
}

/// R23.1: a system that goes away ends the delivery at its source.
#[tokio::test]
async fn system_that_goes_away_ends_the_delivery() {
    let fleet = Fleet::start(&unmasked(), 0).await;
    write_wide_rows(&fleet.source(), 8 << 20);
    let mut batches = fleet.open(&ticket(&["name"])).await.unwrap();
    batches.next().await.unwrap().unwrap();

    drop(batches);

    // The next fetch has the node to itself, and comes to its end.
    write_rows(&fleet.source(), 10);
    assert_codes(&fleet.fetch(&ticket(&["code"])).await.unwrap(), 10);
    assert_eq!(fleet.bus.confirmed.lock().unwrap().len(), 1);
}

/// H5: what the source lacks is told to the system that asked, without data.
#[tokio::test]
async fn misfit_reaches_the_system_that_asked() {
    let fleet = Fleet::start(&terms(), 10).await;
    std::fs::write(fleet.source(), "code,name,people\n1,a,1\n2,b,secret\n").unwrap();

    let problem = fleet.fetch(&ticket(&["people"])).await.unwrap_err();

    assert_eq!(problem.reason, "SOURCE_TYPE_MISMATCH");
    assert!(problem.message.contains("column `people`, row 2,"), "{problem}");
    assert!(!problem.message.contains("secret"), "{problem}");
}

/// R30.1: only systems of the node's own organisation fetch through it.
#[tokio::test]
async fn strangers_are_refused_at_the_endpoint() {
    let fleet = Fleet::start(&terms(), 10).await;
    let mut stranger = fleet.client(&fleet.parties.user(PROVIDER));

    let status = stranger.do_get(FlightTicket::new(ticket(&["code"]).to_json())).await.unwrap_err();

    assert_eq!(Problem::from_status(&status).reason, "OTHER_ORGANISATION");
    assert_eq!(fleet.bus.attempts(), 0);
}

/// R23.2, H3: a grant that the bus does not show is asked for all the same, so that the attempt is logged.
#[tokio::test]
async fn attempts_under_unknown_and_foreign_grants_reach_the_bus() {
    let fleet = Fleet::start(&terms(), 10).await;
    let unknown = Problem::new(Code::NotFound, "GRANT_UNKNOWN", "there is no such grant");
    let foreign = Problem::new(Code::PermissionDenied, "WRONG_CONSUMER", "it is another's");
    let wanted = Ticket { case_number: "case-1".to_owned(), ..ticket(&["code"]) };
    fleet.bus.refuse(Err(unknown.into()), foreign.into());

    let refused = fleet.fetch(&wanted).await.unwrap_err();
    let mut client = fleet.client(&fleet.parties.user(CONSUMER));
    let told = client.get_flight_info(FlightDescriptor::new_cmd(wanted.to_json())).await;

    assert_eq!((refused.code, refused.reason.as_ref()), (Code::PermissionDenied, "WRONG_CONSUMER"));
    assert_eq!(Problem::from_status(&told.unwrap_err()).reason, "WRONG_CONSUMER");
    let asked = fleet.bus.asked.lock().unwrap();
    assert_eq!(asked.len(), 2, "each attempt once");
    for request in asked.iter() {
        assert_eq!(request.grant_id, GRANT);
        assert_eq!(request.fields, wanted.fields);
        assert_eq!(
            (&request.purpose, &request.case_number),
            (&wanted.purpose, &wanted.case_number)
        );
        assert_eq!(request.consumer_code, CONSUMER);
        assert_eq!(request.requested_by, fleet.parties.user(CONSUMER).id().to_string());
        assert!(request.requested_at.is_some());
        assert!(request.seal_public_key.is_empty(), "nothing can be sealed for it");
    }
}

/// R23.2: the same where this node itself sees that there are no terms yet.
#[tokio::test]
async fn attempts_before_a_grant_is_issued_reach_the_bus() {
    let fleet = Fleet::start(&terms(), 10).await;
    let unknown = Problem::new(Code::PermissionDenied, "GRANT_UNKNOWN", "there is no such grant");
    fleet.bus.refuse(Ok(Grant::default()), unknown.into());

    let refused = fleet.fetch(&ticket(&["code"])).await.unwrap_err();

    assert_eq!(refused.reason, "GRANT_NOT_ISSUED");
    assert_eq!(fleet.bus.asked.lock().unwrap().len(), 1);
}

/// R23.2: a bus that is out of reach is no refusal, and is told as it is.
#[tokio::test]
async fn bus_that_fails_is_not_asked_again() {
    let fleet = Fleet::start(&terms(), 10).await;
    let away: Status = Problem::new(Code::Unavailable, "STORE_UNAVAILABLE", "later").into();
    fleet.bus.refuse(Err(away.clone()), away);

    let failed = fleet.fetch(&ticket(&["code"])).await.unwrap_err();

    assert_eq!(failed.reason, "STORE_UNAVAILABLE");
    assert!(fleet.bus.asked.lock().unwrap().is_empty());
}

/// R26.2, R23.2: under a grant that the bus made up nothing is delivered, and the attempt is logged.
#[tokio::test]
async fn consumer_rejects_a_grant_that_its_provider_did_not_sign() {
    let fleet = Fleet::start(&terms(), 10).await;
    fleet.bus.show_grant(signed_by(&fleet.parties.user(CONSUMER), &terms()));

    let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();

    assert_eq!(problem.reason, "GRANT_REJECTED");
    assert_eq!(fleet.bus.attempts(), 1);
    fleet.expect_declined("GRANT_SIGNER_WRONG").await;
    assert_eq!(*fleet.bus.frames.borrow(), 0);
}

#[tokio::test]
async fn malformed_ticket_is_explained() {
    let fleet = Fleet::start(&terms(), 10).await;
    let mut client = fleet.client(&fleet.parties.user(CONSUMER));
    for json in ["", "{}", "{\"grantId\":\"x\",\"rows\":1}"] {
        let status = client.do_get(FlightTicket::new(json)).await.unwrap_err();
        assert_eq!(Problem::from_status(&status).reason, "TICKET_MALFORMED", "{json}");
    }
}

/// R24.1: a node that loses its bus dials until it is back.
#[tokio::test]
async fn node_dials_again_when_the_bus_is_back() {
    let mut fleet = Fleet::start(&terms(), 10).await;
    let mut status = fleet.status(PROVIDER, RESOURCE).await;
    assert_eq!((status.0, status.1.as_str()), (true, ""));

    fleet.bus_tasks.drain(Duration::from_millis(1)).await.ok();
    let tasks = Tasks::new();
    let bus = Bus::new(signed_by(&fleet.parties.user(PROVIDER), &terms()));
    bus.start(fleet.bus_address, &fleet.parties.bus(), &tasks);
    bus.linked().await;
    (fleet.bus, fleet.bus_tasks) = (bus, tasks);

    fleet.fetch(&ticket(&["code"])).await.unwrap();
    std::fs::remove_file(fleet.source()).unwrap();
    status = fleet.status(PROVIDER, RESOURCE).await;
    assert!(status.1.contains("cannot be reached"), "{}", status.1);
}

impl Fleet {
    pub(crate) async fn start(terms: &GrantTerms, rows: usize) -> Self {
        Self::with_services(terms, rows, Vec::new()).await
    }

    /// The same, with questions that the provider's node answers.
    pub(crate) async fn with_services(
        terms: &GrantTerms,
        rows: usize,
        services: Vec<ServiceConfig>,
    ) -> Self {
        let parties = Parties::new();
        let folder = tempfile::tempdir().unwrap();
        write_rows(&folder.path().join("source.csv"), rows);
        let bus = Bus::new(signed_by(&parties.user(PROVIDER), terms));
        let (bus_tasks, provider_tasks, consumer_tasks) =
            (Tasks::new(), Tasks::new(), Tasks::new());
        let bus_address = bus.start(loopback(), &parties.bus(), &bus_tasks);

        let mut fleet = Self {
            parties,
            bus,
            bus_address,
            clock: Clock::system(),
            folder,
            more_datasets: Vec::new(),
            provider: loopback(),
            bus_tasks,
            provider_tasks,
            _consumer_tasks: consumer_tasks.clone(),
            flight: loopback(),
            services,
        };
        fleet.provider = fleet.spawn_provider();
        let consumer = fleet.build(CONSUMER, Vec::new(), &consumer_tasks);
        fleet.flight = consumer.local_addr();
        consumer.spawn().unwrap();
        fleet.bus.linked().await;
        fleet
    }

    fn spawn_provider(&self) -> SocketAddr {
        let mut datasets = vec![dataset(self.source())];
        datasets.extend(self.more_datasets.clone());
        let app = self.build(PROVIDER, datasets, &self.provider_tasks);
        let address = app.local_addr();
        app.spawn().unwrap();
        address
    }

    /// Cuts everything off at once, as a kill does, and starts anew with the same folder.
    pub(crate) async fn restart_provider(&mut self) {
        self.provider_tasks.drain(Duration::ZERO).await.ok();
        self.provider_tasks = Tasks::new();
        self.bus.unlink();
        self.provider = self.spawn_provider();
        self.bus.linked().await;
    }

    fn build(&self, organisation: &str, datasets: Vec<DatasetConfig>, tasks: &Tasks) -> App {
        let config = Config {
            credentials: PathBuf::new(),
            data_dir: self.folder.path().join(organisation),
            bus: BusConfig {
                address: self.bus_address.to_string(),
                server: self.parties.bus().id().to_string(),
            },
            flight: FlightConfig { resume_s: 20, ..FlightConfig::default() },
            telemetry: Default::default(),
            services: match datasets.is_empty() {
                true => Vec::new(),
                false => self.services.clone(),
            },
            subscriptions: Vec::new(),
            centre: None,
            datasets,
        };
        App::build(&config, &self.parties.node(organisation), &self.clock, tasks).unwrap()
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.folder.path().join("source.csv")
    }

    /// The consumer's node, as its own systems call it.
    pub(crate) fn local(&self) -> NodeServiceClient<Channel> {
        let (node, user) = (self.parties.node(CONSUMER), self.parties.user(CONSUMER));
        let channel = grpc::channel(&self.flight.to_string(), &user, node.id()).unwrap();
        NodeServiceClient::new(channel)
    }

    fn client(&self, credentials: &Credentials) -> FlightServiceClient<Channel> {
        let node = self.parties.node(CONSUMER);
        let channel = grpc::channel(&self.flight.to_string(), credentials, node.id()).unwrap();
        FlightServiceClient::new(channel)
    }

    async fn open(&self, ticket: &Ticket) -> Result<FlightRecordBatchStream, Problem> {
        let mut client = self.client(&self.parties.user(CONSUMER));
        let ticket = FlightTicket::new(ticket.to_json());
        let data = client.do_get(ticket).await.map_err(|status| Problem::from_status(&status))?;
        let data = data.into_inner().map_err(|status| FlightError::Tonic(Box::new(status)));
        Ok(FlightRecordBatchStream::new_from_flight_data(data))
    }

    pub(crate) async fn fetch(&self, ticket: &Ticket) -> Result<RecordBatch, Problem> {
        let mut stream = self.open(ticket).await?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next().await {
            batches.push(batch.map_err(problem)?);
        }
        Ok(concat_batches(stream.schema().unwrap(), &batches).unwrap())
    }

    async fn expect_declined(&self, reason: &str) {
        let mut declined = self.bus.declined.subscribe();
        let named = declined.wait_for(|all| all.iter().any(|failure| failure.reason == reason));
        timeout(Duration::from_secs(10), named).await.expect("declined in time").unwrap();
    }

    /// Whether a node of that organisation is connected, and what is wrong with its dataset.
    async fn status(&self, organisation: &str, resource: &str) -> (bool, String) {
        let tasks = Tasks::new();
        let address = match organisation {
            PROVIDER => {
                let app = self.build(PROVIDER, vec![dataset(self.source())], &tasks);
                let (address, mut link) = (app.local_addr(), app.link());
                app.spawn().unwrap();
                link.wait_for(|status| status.connected).await.unwrap();
                address
            }
            _ => self.flight,
        };
        let node = self.parties.node(organisation);
        let user = self.parties.user(organisation);
        let channel = grpc::channel(&address.to_string(), &user, node.id()).unwrap();
        let status = NodeServiceClient::new(channel)
            .get_status(GetStatusRequest {})
            .await
            .unwrap()
            .into_inner();
        assert_eq!(status.id, node.id().to_string());
        let dataset = status.datasets.iter().find(|set| set.resource_id == resource).unwrap();
        (status.connected, dataset.problem.clone())
    }
}

/// The same fields without masks, which would make texts compressible.
fn unmasked() -> GrantTerms {
    let mut terms = terms();
    for field in &mut terms.fields {
        field.mask = 0;
    }
    terms
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

pub(crate) fn dataset(path: PathBuf) -> DatasetConfig {
    DatasetConfig {
        resource_id: RESOURCE.to_owned(),
        connector: ConnectorKind::Csv,
        path: Some(path),
        url: None,
        ca: None,
        rows_at: String::new(),
        next_at: String::new(),
        headers: Default::default(),
        table: None,
        query: None,
        order_by: Vec::new(),
        key: vec!["code".to_owned()],
        columns: Default::default(),
        changes: None,
    }
}

pub(crate) fn ticket(fields: &[&str]) -> Ticket {
    Ticket {
        grant_id: GRANT.to_owned(),
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        purpose: PURPOSE.to_owned(),
        ..Ticket::default()
    }
}

fn problem(error: FlightError) -> Problem {
    let FlightError::Tonic(status) = error else { panic!("not a status: {error}") };
    Problem::from_status(&status)
}

fn assert_codes(rows: &RecordBatch, expected: usize) {
    let codes = rows.column_by_name("code").unwrap().as_string::<i32>();
    assert_eq!(codes.len(), expected);
    for (row, code) in codes.iter().enumerate() {
        assert_eq!(code, Some(format!("{row:06}").as_str()));
    }
}

/// Names that hardly compress: 10 kB a row.
fn write_wide_rows(path: &std::path::Path, bytes: usize) -> usize {
    use rand::{RngCore as _, SeedableRng as _};

    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let mut text = "code,name,people\n".to_owned();
    let mut bytes_of_name = [0; 5_000];
    let mut rows = 0;
    while text.len() < bytes {
        random.fill_bytes(&mut bytes_of_name);
        text.push_str(&format!("{rows},{},1\n", hex::encode(bytes_of_name)));
        rows += 1;
    }
    std::fs::write(path, text).unwrap();
    rows
}
